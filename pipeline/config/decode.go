package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// decode reads node n into v, noting each problem and going on behind it. The path is that of v.
func (l *loader) decode(n ast.Node, v reflect.Value, path string) {
	switch n.(type) {
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode:
		l.noteValue(path, n, Problem{fault: "anchors, aliases and tags aren't supported, write the value itself"})
		return
	}
	if v.Kind() == reflect.Pointer {
		if isNull(n) {
			v.SetZero()
			return
		}
		target := settable(v)
		l.decode(n, target.Elem(), path)
		v.Set(target)
		return
	}
	switch shapeOf(v.Type()) {
	case mapping:
		l.decodeMapping(n, v, path)
	case list:
		l.decodeList(n, v, path)
	case table:
		l.decodeTable(n, v, path)
	case scalar:
		l.decodeScalar(n, v, path)
	}
}

func (l *loader) decodeMapping(n ast.Node, v reflect.Value, path string) {
	fs := fields(v.Type())
	if isNull(n) {
		return // a section whose keys are all commented out
	}
	entries, ok := l.entries(n, path, "a mapping with "+some(fieldNames(fs)))
	if !ok {
		return
	}
	for _, e := range entries {
		known := false
		for _, f := range fs {
			if f.name == e.name {
				l.decode(e.value, v.Field(f.index), e.path)
				known = true
			}
		}
		if !known {
			l.note(Problem{Key: e.path, fault: "unknown key, " + l.suggest(e.name, fs)})
		}
	}
}

func (l *loader) decodeTable(n ast.Node, v reflect.Value, path string) {
	entries, ok := l.entries(n, path, "a mapping ({} for none)")
	if !ok {
		return
	}
	t := v.Type()
	m := reflect.MakeMapWithSize(t, len(entries))
	for _, e := range entries {
		item := newItem(t.Elem())
		l.decode(e.value, item, e.path)
		m.SetMapIndex(reflect.ValueOf(e.name).Convert(t.Key()), item)
	}
	v.Set(m)
}

func (l *loader) decodeList(n ast.Node, v reflect.Value, path string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		l.noteValue(path, n, Problem{Value: valueOf(n), Want: "a list ([] for none)"})
		return
	}
	t := v.Type()
	items := reflect.MakeSlice(t, 0, len(seq.Values))
	for i, value := range seq.Values {
		itemPath := fmt.Sprintf("%s[%d]", path, i)
		l.set(itemPath, originOf(at(value)))
		item := newItem(t.Elem())
		l.decode(value, item, itemPath)
		items = reflect.Append(items, item)
	}
	v.Set(items)
}

func (l *loader) decodeScalar(n ast.Node, v reflect.Value, path string) {
	text, ok := scalarOf(n, v.Type())
	if !ok {
		l.noteValue(path, n, Problem{Value: valueOf(n), Want: wanted(v.Type())})
		return
	}
	if err := setScalar(v, text); err != nil {
		p := err.(Problem)
		if p.Key = path; p.Value != nil {
			p.Value = valueOf(n)
		}
		l.note(p)
	}
}

// entry is one key of a mapping in the file.
type entry struct {
	name  string
	path  string
	value ast.Node
}

// entries lists the keys of a mapping and notes their places. Keys given twice and keys that aren't
// plain words are noted as problems and left out.
func (l *loader) entries(n ast.Node, path, want string) ([]entry, bool) {
	m, ok := n.(ast.MapNode)
	if !ok {
		l.noteValue(path, n, Problem{Value: valueOf(n), Want: want})
		return nil, false
	}
	var entries []entry
	lines := map[string]int{}
	for it := m.MapRange(); it.Next(); {
		key := it.Key()
		name, ok := keyName(key)
		if !ok {
			l.noteAt(key.GetToken(), Problem{Key: path, fault: "a key must be a plain word, without anchors, tags or merges"})
			continue
		}
		e := entry{name: name, path: join(path, name), value: it.Value()}
		o := originOf(key.GetToken())
		if first, twice := lines[name]; twice {
			l.noteAt(key.GetToken(), Problem{Key: e.path, fault: fmt.Sprintf("key given twice, first in line %d", first)})
			continue
		}
		lines[name] = o.line
		l.set(e.path, o)
		entries = append(entries, e)
	}
	return entries, true
}

// noteValue notes a problem of a value, at its key or, for the whole document, where it begins.
func (l *loader) noteValue(path string, n ast.Node, p Problem) {
	if p.Key = path; path == "" {
		l.noteAt(at(n), p)
		return
	}
	l.note(p)
}

func isNull(n ast.Node) bool {
	_, null := n.(*ast.NullNode)
	return null || n == nil
}

// keyName returns the text of a key.
func keyName(key ast.MapKeyNode) (string, bool) {
	switch k := key.(type) {
	case *ast.StringNode:
		return k.Value, k.Value != ""
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return k.GetToken().Value, k.GetToken().Value != ""
	default:
		return "", false
	}
}

// scalarOf returns the text of a scalar as it stands in the file. Quotes make a text of it: "5" is no
// number, while a bare 5 is good where a text is wanted.
func scalarOf(n ast.Node, t reflect.Type) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, !isQuoted(n) || isWord(t)
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	default:
		return "", false
	}
}

func isQuoted(n *ast.StringNode) bool {
	return n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType
}

// valueOf is what a message shows of a node.
func valueOf(n ast.Node) any {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return plain("nothing")
	case *ast.StringNode:
		if isQuoted(n) {
			return n.Value
		}
		return plain(n.Value)
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.SequenceNode:
		return plain("a list")
	case *ast.MappingNode, *ast.MappingValueNode:
		return plain("a mapping")
	default:
		return plain(n.GetToken().Value)
	}
}

// some names the first few of a list of names.
func some(names []string) string {
	const few = 6
	if len(names) > few {
		return strings.Join(names[:few], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// suggest tells what an unknown key may have been meant to be: a neighbour with a similar name, or
// the same name in another section.
func (l *loader) suggest(name string, fs []field) string {
	if n := nearest(name, fieldNames(fs)); n != "" {
		return fmt.Sprintf("did you mean %s?", n)
	}
	for _, k := range l.keys {
		if strings.HasSuffix(k.path, "."+name) {
			return fmt.Sprintf("did you mean %s?", k.path)
		}
	}
	return "known here: " + some(fieldNames(fs))
}
