package routes

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/gaissmai/bart"
)

// Builder collects paths from any number of sources. The best one of a prefix is chosen by, in this order:
//
//  1. the highest local preference,
//  2. the shortest AS path,
//  3. the lowest origin code (IGP, EGP, incomplete),
//  4. the lowest MED, whichever the neighbouring AS,
//  5. the lowest address of the peer (none before IPv4 before IPv6), then its AS number, then the name of where it was heard,
//  6. the lowest path identifier.
//
// So the choice doesn't depend on the order in which paths come. A Builder is not safe for use by several goroutines.
type Builder struct {
	bestOnly bool
	prefixes bart.Table[[]entry]
	paths    interner
	sources  []Source
	number   map[Source]uint32 // index in sources
	entries  int
}

// entry is one path to a prefix, in few bytes since there may be tens of millions.
type entry struct {
	source uint32
	id     uint32
	path   uint32
}

// NewBuilder keeps all paths: when the best one is withdrawn the next best takes its place.
func NewBuilder() *Builder { return &Builder{number: map[Source]uint32{}} }

// NewBestBuilder keeps the best path of each prefix alone, so that its memory is bounded by the table whatever the number of
// peers. It is for dumps of whole tables: it has no other path left when the best one is withdrawn.
func NewBestBuilder() *Builder {
	b := NewBuilder()
	b.bestOnly = true
	return b
}

// Announce takes a path.
func (b *Builder) Announce(from Source, id uint32, prefix netip.Prefix, path Path) {
	e := entry{b.source(from), id, b.paths.add(path)}
	b.prefixes.Modify(prefix, func(es []entry, _ bool) ([]entry, bool) {
		i := slices.IndexFunc(es, e.same)
		switch {
		case i >= 0:
			b.paths.release(es[i].path)
			es[i] = e
		case b.bestOnly && len(es) == 1 && b.compare(es[0], e) < 0:
			b.paths.release(e.path)
		case b.bestOnly && len(es) == 1:
			b.paths.release(es[0].path)
			es[0] = e
		default:
			es = append(es, e)
			b.entries++
		}
		return es, false
	})
}

// Withdraw takes a path back.
func (b *Builder) Withdraw(from Source, id uint32, prefix netip.Prefix) {
	n, ok := b.number[from]
	if !ok {
		return
	}
	b.remove(prefix, entry{source: n, id: id}.same)
}

// Down takes all paths of a source back.
func (b *Builder) Down(from Source) {
	b.Drop(func(s Source) bool { return s == from })
}

// Drop takes all paths of the sources back for which what holds. It goes through all prefixes, once.
func (b *Builder) Drop(what func(Source) bool) {
	dropped := make([]bool, len(b.sources))
	for i, s := range b.sources {
		dropped[i] = what(s)
	}
	if !slices.Contains(dropped, true) {
		return
	}
	of := func(e entry) bool { return dropped[e.source] }
	var prefixes []netip.Prefix // the trie must not change while it is walked
	for p, es := range b.prefixes.All() {
		if slices.ContainsFunc(es, of) {
			prefixes = append(prefixes, p)
		}
	}
	for _, p := range prefixes {
		b.remove(p, of)
	}
}

// Len is the number of paths that it has.
func (b *Builder) Len() int { return b.entries }

// remove removes the paths to a prefix for which what holds.
func (b *Builder) remove(prefix netip.Prefix, what func(entry) bool) {
	b.prefixes.Modify(prefix, func(es []entry, _ bool) ([]entry, bool) {
		es = slices.DeleteFunc(es, func(e entry) bool {
			if !what(e) {
				return false
			}
			b.paths.release(e.path)
			b.entries--
			return true
		})
		return es, len(es) == 0
	})
}

// Compile makes a table of the best path of each prefix. Prefixes that the Builder doesn't know have the routes that base, if it
// isn't nil, tells of them.
func (b *Builder) Compile(base *Table) *Table {
	m := newTableMaker()
	for p, es := range b.prefixes.All() {
		path := b.paths.at(slices.MinFunc(es, b.compare).path)
		m.add(p, Route{Origin: path.Origin, Peer: path.Peer, NextHop: path.NextHop, BGPNextHop: path.BGPNextHop})
	}
	if base == nil {
		return m.finish()
	}
	for p, l := range base.trie.All() {
		if _, ok := b.prefixes.Get(p); !ok {
			m.add(p, base.route(l))
		}
	}
	return m.finish()
}

// same tells whether two entries are the same path of the same source, whatever it says.
func (e entry) same(other entry) bool { return e.source == other.source && e.id == other.id }

// source is the number of a source.
func (b *Builder) source(s Source) uint32 {
	n, ok := b.number[s]
	if !ok {
		n = uint32(len(b.sources))
		b.sources = append(b.sources, s)
		b.number[s] = n
	}
	return n
}

// compare is negative when x is better than y.
func (b *Builder) compare(x, y entry) int {
	if c := b.paths.at(x.path).compare(b.paths.at(y.path)); c != 0 {
		return c
	}
	return cmp.Or(b.sources[x.source].compare(&b.sources[y.source]), cmp.Compare(x.id, y.id))
}

// compare is negative when p is better than q.
func (p *Path) compare(q *Path) int {
	return cmp.Or(
		cmp.Compare(q.Preference, p.Preference),
		cmp.Compare(p.Length, q.Length),
		cmp.Compare(p.Code, q.Code),
		cmp.Compare(p.MED, q.MED),
	)
}

func (s *Source) compare(t *Source) int {
	return cmp.Or(s.Peer.Compare(t.Peer), cmp.Compare(s.AS, t.AS), strings.Compare(s.From, t.From))
}
