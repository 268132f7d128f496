package routes

import (
	"iter"
	"net/netip"
	"sync"

	"github.com/gaissmai/bart"
)

// Table tells the route of an address by the longest prefix that holds it. It never changes and is safe for use by several
// goroutines. The zero Table knows no route.
type Table struct {
	trie    bart.Table[leaf]
	routes  []Route // without Bits, each once: prefixes share them
	version func() string
}

// leaf is what the trie has of a prefix: little, since there are a million.
type leaf struct {
	route uint32 // index
	bits  uint8  // length of the prefix
}

// route is the route of a prefix.
func (t *Table) route(l leaf) Route {
	r := t.routes[l.route]
	r.Bits = l.bits
	return r
}

// Lookup is the route of an address. An IPv4-mapped IPv6 address is the IPv4 address in it. It doesn't allocate.
func (t *Table) Lookup(a netip.Addr) (Route, bool) {
	l, ok := t.trie.Lookup(a.Unmap())
	if !ok {
		return Route{}, false
	}
	return t.route(l), true
}

// Len is the number of prefixes.
func (t *Table) Len() int { return t.trie.Size() }

// Len4 is the number of IPv4 prefixes.
func (t *Table) Len4() int { return t.trie.Size4() }

// Len6 is the number of IPv6 prefixes.
func (t *Table) Len6() int { return t.trie.Size6() }

// All is every prefix with its route, IPv4 first, sorted by address and then by length.
func (t *Table) All() iter.Seq2[netip.Prefix, Route] {
	return func(yield func(netip.Prefix, Route) bool) {
		for p, l := range t.trie.AllSorted() {
			if !yield(p, t.route(l)) {
				return
			}
		}
	}
}

// Version names the content: tables with the same prefixes and routes have the same version. It is the first 8 bytes of the
// SHA-256 of the canonical form (see FORMAT.md), as 16 hexadecimal digits. The first call works it out, some 0.5 s for a million
// prefixes.
func (t *Table) Version() string {
	if t.version == nil {
		return t.makeVersion()
	}
	return t.version()
}

// tableMaker puts a table together.
type tableMaker struct {
	table *Table
	known map[Route]uint32
}

func newTableMaker() *tableMaker { return &tableMaker{&Table{}, map[Route]uint32{}} }

// add adds a prefix that is masked and not yet there.
func (m *tableMaker) add(p netip.Prefix, r Route) {
	r.Bits, r.NextHop, r.BGPNextHop = 0, nextHop(r.NextHop), nextHop(r.BGPNextHop)
	i, ok := m.known[r]
	if !ok {
		i = uint32(len(m.table.routes))
		m.table.routes = append(m.table.routes, r)
		m.known[r] = i
	}
	m.table.trie.Insert(p, leaf{i, uint8(p.Bits())})
}

// nextHop is the one form of each next hop: an unspecified address is none.
func nextHop(a netip.Addr) netip.Addr {
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// finish is the table; nothing may be added any more.
func (m *tableMaker) finish() *Table {
	m.known = nil
	m.table.version = sync.OnceValue(m.table.makeVersion)
	return m.table
}
