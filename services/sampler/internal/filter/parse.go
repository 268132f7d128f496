package filter

import (
	"errors"
	"fmt"
	"slices"
)

// parser reads words into a tree.
type parser struct {
	words []word
	next  int
	at    place
	last  qualifiers // of the primitive before, for "port 80 or 443"
	depth int
}

// place is where the headers of the packet are, which vlan moves.
type place struct {
	ethernet           bool // there is an EtherType
	etherType, network int
	closed             string // the primitive behind which no header can be found any more
}

// qualifiers say what an identifier means.
type qualifiers struct {
	proto     string // ip, tcp, ether, …
	direction string // src, dst, "src and dst", empty for either
	kind      string // host, net, port, portrange, proto
}

// maxDepth bounds parentheses.
const maxDepth = 64

func (p *parser) peek() string {
	if p.next < len(p.words) {
		return p.words[p.next].text
	}
	return ""
}

func (p *parser) take() string {
	text := p.peek()
	p.next++
	return text
}

// fail says what is wrong at the word taken last.
func (p *parser) fail(format string, args ...interface{}) error {
	where := "at the end"
	if i := p.next - 1; i >= 0 && i < len(p.words) {
		where = fmt.Sprintf("at %q, character %d", p.words[i].text, p.words[i].at)
	}
	return fmt.Errorf("%s: %w", where, fmt.Errorf(format, args...))
}

// expression reads the whole.
func (p *parser) expression() (node, error) {
	if len(p.words) == 0 {
		return always{}, nil
	}
	n, err := p.terms()
	if err != nil {
		return nil, err
	}
	if p.next < len(p.words) {
		p.next++
		return nil, p.fail("want and, or, or the end")
	}
	return n, nil
}

// terms reads terms joined by and and or, which group from the left.
func (p *parser) terms() (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errors.New("too many parentheses")
	}
	defer func() { p.depth-- }()
	n, err := p.term()
	for err == nil {
		switch p.peek() {
		case "and":
			p.next++
			var b node
			if b, err = p.term(); err == nil {
				n = both{n, b}
			}
		case "or":
			p.next++
			var b node
			if b, err = p.term(); err == nil {
				n = either{n, b}
			}
		default:
			return n, nil
		}
	}
	return nil, err
}

// term reads a negation, a group or a primitive.
func (p *parser) term() (node, error) {
	negated := false
	for p.peek() == "not" {
		p.next++
		negated = !negated
	}
	var n node
	var err error
	if p.peek() == "(" {
		p.next++
		if n, err = p.terms(); err == nil && p.take() != ")" {
			err = p.fail("want )")
		}
	} else {
		n, err = p.primitive()
	}
	if err == nil && negated {
		n = not{n}
	}
	return n, err
}

// Words that qualify what follows.
var (
	protos     = []string{"ether", "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "esp", "ah", "vrrp", "pim"}
	directions = []string{"src", "dst"}
	kinds      = []string{"host", "net", "port", "portrange", "proto"}
)

// primitive reads qualifiers and an identifier.
func (p *parser) primitive() (node, error) {
	switch text := p.peek(); text {
	case "":
		p.next++
		return nil, p.fail("want a condition such as tcp, host 192.0.2.1 or port 53")
	case "and", "or", ")":
		p.next++
		return nil, p.fail("want a condition such as tcp, host 192.0.2.1 or port 53")
	case "vlan", "mpls", "pppoes":
		p.next++
		return p.encapsulation(text)
	case "greater", "less":
		p.next++
		return p.length(text)
	case "broadcast", "multicast":
		p.next++
		return p.group("ether", text)
	}
	if p.at.closed != "" {
		p.next++
		return nil, p.fail("nothing can be found behind %s; write it before", p.at.closed)
	}
	var q qualifiers
	if slices.Contains(protos, p.peek()) {
		q.proto = p.take()
	}
	if q.proto != "" && (p.peek() == "broadcast" || p.peek() == "multicast") {
		return p.group(q.proto, p.take())
	}
	if slices.Contains(directions, p.peek()) {
		q.direction = p.take()
		if join, other := p.peek(), ""; (join == "and" || join == "or") && p.next+1 < len(p.words) {
			if other = p.words[p.next+1].text; slices.Contains(directions, other) && other != q.direction {
				p.next += 2
				if q.direction = ""; join == "and" {
					q.direction = "src and dst"
				}
			}
		}
	}
	if slices.Contains(kinds, p.peek()) {
		q.kind = p.take()
	}
	switch {
	case q.proto != "" && q.direction == "" && q.kind == "":
		if !p.identifierFollows() {
			p.last = qualifiers{}
			return p.protocol(q.proto)
		}
		q.kind = "host"
	case q.direction != "" && q.kind == "":
		q.kind = "host"
	case q == qualifiers{}:
		if p.last.kind == "" {
			p.next++
			return nil, p.fail("unknown; want a condition such as tcp, host 192.0.2.1 or port 53")
		}
		q = p.last
	}
	p.last = q
	return p.identifier(q, p.take())
}

// identifierFollows tells whether the next word can be an address.
func (p *parser) identifierFollows() bool {
	text := p.peek()
	return text != "" && text != "and" && text != "or" && text != ")" && text != "not"
}
