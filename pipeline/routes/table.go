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
	trie    bart.Table[uint32] // prefix to index in routes
	routes  []Route            // each once; prefixes that differ in nothing but the address share one
	version func() string
}

// Lookup is the route of an address. An IPv4-mapped IPv6 address is the IPv4 address in it. It doesn't allocate.
func (t *Table) Lookup(a netip.Addr) (Route, bool) {
	i, ok := t.trie.Lookup(a.Unmap())
	if !ok {
		return Route{}, false
	}
	return t.routes[i], true
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
		for p, i := range t.trie.AllSorted() {
			if !yield(p, t.routes[i]) {
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
	r.Bits, r.NextHop, r.BGPNextHop = uint8(p.Bits()), nextHop(r.NextHop), nextHop(r.BGPNextHop)
	i, ok := m.known[r]
	if !ok {
		i = uint32(len(m.table.routes))
		m.table.routes = append(m.table.routes, r)
		m.known[r] = i
	}
	m.table.trie.Insert(p, i)
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
