// Package filter is expressions over the key of a flow, such as
//
//	protocol == 6 && dst_port in [80, 443] && in_net(src_addr, "10.0.0.0/8")
//
// Names are those of the columns of the SQL view `flows`. An expression is read and type-checked once. What it says of a
// flow is a function of the flow alone: there is no clock in it, no chance and no loop, so that it may stand in a log.
package filter

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"unicode"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"netstream/schemas/key"
	"netstream/schemas/monitor"
)

// ErrFilter is met when an expression can't be read. The error says where and why.
var ErrFilter = errors.New("bad filter")

// Limits of an expression: its text, its parts, and the memory that evaluating it may take, in elements of lists.
const (
	maxText   = 4096
	maxNodes  = 1000
	maxMemory = 4096
)

// Filter is an expression that has been read. It is not safe for use by several goroutines.
type Filter struct {
	text    string
	program *vm.Program
	machine vm.VM
	uses    map[string]bool
	match   key.Fields // of the monitor
	flow    flow
}

// Compile reads an expression.
func Compile(text string) (f *Filter, err error) {
	defer func() { // an expression in the log must not stop whoever reads it
		if r := recover(); r != nil {
			f, err = nil, at(text, 0, fmt.Sprint(r))
		}
	}()
	if len(text) > maxText {
		return nil, fmt.Errorf("%w: %d bytes, want at most %d", ErrFilter, len(text), maxText)
	}
	c := &check{nets: map[string]netip.Prefix{}, uses: map[string]bool{}}
	program, err := expr.Compile(text,
		expr.Env(flow{}), expr.AsBool(), expr.WarnOnAny(), expr.MaxNodes(maxNodes),
		expr.DisableAllBuiltins(), expr.EnableBuiltin("bitand"),
		expr.Function("in_net", c.inNet, new(func(string, string) bool)),
		expr.Patch(c))
	if c.err != nil {
		return nil, at(text, c.from, c.err.Error())
	}
	var where *file.Error
	if errors.As(err, &where) {
		return nil, at(text, where.From, explain(where.Message))
	}
	if err != nil {
		return nil, at(text, 0, strings.SplitN(err.Error(), "\n", 2)[0])
	}
	return &Filter{text: text, program: program, machine: vm.VM{MemoryBudget: maxMemory}, uses: c.uses}, nil
}

// at says what is wrong with an expression, and at which of its characters.
func at(text string, from int, what string) error {
	line := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return fmt.Errorf("%w `%s`: column %d: %s", ErrFilter, line, from+1, what)
}

// explain says which names there are where one isn't known.
func explain(what string) string {
	if strings.HasPrefix(what, "unknown name") {
		return what + "; known are " + strings.Join(Names(), ", ") + " and in_net(address, network)"
	}
	return what
}

// String is the expression.
func (f *Filter) String() string { return f.text }

// Of says whose flows come next.
func (f *Filter) Of(source string, d monitor.Definition) {
	f.flow = flow{Source: source, Monitor: d.Name, Kind: d.Kind.String()}
	f.match = d.Match
}

// Match tells whether the expression holds for a flow. Where it can't be worked out it doesn't hold.
func Match[K key.Key[K]](f *Filter, k *K) bool {
	switch k := any(k).(type) {
	case *key.IPv4:
		f.ipv4(k)
	case *key.IPv6:
		f.ipv6(k)
	case *key.Wide:
		f.wide(k)
	}
	result, err := f.machine.Run(f.program, &f.flow)
	holds, ok := result.(bool)
	return err == nil && ok && holds
}

// check goes through an expression before its types are checked: it refuses what no filter needs, reads networks, and
// writes addresses as the flows have them.
type check struct {
	nets map[string]netip.Prefix // by their text
	uses map[string]bool
	from int // place of err
	err  error
}

// Visit is called for each part of the expression, the innermost first.
func (c *check) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.ArrayNode, *ast.ConditionalNode:
	case *ast.IdentifierNode:
		c.uses[n.Value] = true
	case *ast.UnaryNode:
	case *ast.BinaryNode:
		c.binary(n)
	case *ast.BuiltinNode:
		if n.Name != "bitand" {
			c.refuse(n, "%s is no part of filters", n.Name)
		}
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok && callee.Value == "in_net" {
			c.call(n)
		}
	default:
		c.refuse(n, "%s is no part of filters", strings.ToLower(strings.TrimSuffix(reflect.TypeOf(n).Elem().Name(), "Node")))
	}
}

// refuse notes the first thing that is wrong.
func (c *check) refuse(n ast.Node, format string, args ...any) {
	if c.err == nil {
		c.from, c.err = n.Location().From, fmt.Errorf(format, args...)
	}
}

// binary looks at an operator and what it joins.
func (c *check) binary(n *ast.BinaryNode) {
	_, isInt := n.Right.(*ast.IntegerNode)
	_, isText := n.Right.(*ast.StringNode)
	switch n.Operator {
	case "==", "!=":
		c.normalise(n.Left, n.Right)
		c.normalise(n.Right, n.Left)
	case "in":
		if list, ok := n.Right.(*ast.ArrayNode); ok {
			for _, element := range list.Nodes {
				c.normalise(n.Left, element)
			}
		}
	case "<", "<=", ">", ">=", "and", "&&", "or", "||", "+", "-", "*", "contains", "startsWith", "endsWith":
	case "matches":
		if !isText {
			c.refuse(n, "matches: want a regular expression in quotes on its right")
		}
	case "..":
		if _, ok := n.Left.(*ast.IntegerNode); !ok || !isInt {
			c.refuse(n, "..: want a number on each side")
		}
	case "%":
		if number, ok := n.Right.(*ast.IntegerNode); !ok || number.Value == 0 {
			c.refuse(n, "%%: want a number other than 0 on its right")
		}
	default:
		c.refuse(n, "%s is no part of filters", n.Operator)
	}
}

// normalise writes an address that is compared with a field as the field has it.
func (c *check) normalise(field, value ast.Node) {
	name, ok := field.(*ast.IdentifierNode)
	text, isText := value.(*ast.StringNode)
	if !ok || !isText || text.Value == "" {
		return
	}
	var err error
	switch name.Value {
	case "src_addr", "dst_addr":
		var a netip.Addr
		if a, err = netip.ParseAddr(text.Value); err == nil {
			text.Value = a.Unmap().WithZone("").String()
		} else {
			c.refuse(text, "%q is no address; in_net(%s, %q) asks for a network", text.Value, name.Value, "10.0.0.0/8")
		}
	case "src_mac", "dst_mac":
		mac, ok := parseMAC(text.Value)
		if !ok {
			c.refuse(text, "%q is no MAC address such as 00:1b:21:3c:9d:f8", text.Value)
			return
		}
		text.Value = mac
	}
}

// call reads the network that in_net asks for.
func (c *check) call(n *ast.CallNode) {
	const want = `want in_net(src_addr, "10.0.0.0/8") or the same of dst_addr`
	if len(n.Arguments) != 2 {
		c.refuse(n, want)
		return
	}
	field, isField := n.Arguments[0].(*ast.IdentifierNode)
	text, isText := n.Arguments[1].(*ast.StringNode)
	if !isField || !isText || field.Value != "src_addr" && field.Value != "dst_addr" {
		c.refuse(n, want)
		return
	}
	p, err := netip.ParsePrefix(text.Value)
	if a, addrErr := netip.ParseAddr(text.Value); err != nil && addrErr == nil {
		p, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	if err != nil {
		c.refuse(text, "%q is no network such as 10.0.0.0/8 or 2001:db8::/32", text.Value)
		return
	}
	c.nets[text.Value] = p.Masked()
}

// inNet tells whether an address is in a network. An empty one is in none.
func (c *check) inNet(args ...any) (any, error) {
	a, err := netip.ParseAddr(args[0].(string))
	return err == nil && c.nets[args[1].(string)].Contains(a), nil
}
