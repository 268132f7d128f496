package ager

import "netstream/schemas/ledger"

// book is what became of a source's updates in the monitors of one name: one monitor, and those of that name that were
// defined otherwise before.
type book struct{ in, out ledger.Entry }

// book is the book of a monitor, made if need be.
func (s *source) book(monitor string) *book {
	for _, b := range s.books {
		if b.in.Monitor == monitor {
			return b
		}
	}
	entry := func(name string) ledger.Entry {
		return ledger.Entry{Source: s.name, Hop: ledger.Ager, Shard: s.shard, Monitor: monitor, Name: name}
	}
	b := &book{in: entry(ledger.In), out: entry(ledger.Out)}
	s.books = append(s.books, b)
	return b
}

// count counts updates taken in.
func (b *book) count(updates int, packets, bytes uint64) {
	b.in.Rows += uint64(updates)
	b.in.Packets += packets
	b.in.Bytes += bytes
}

// entries appends the source's counters, and those of the hops before as they were at the same place of the updates stream: a flow
// shard that is ahead of others would have taken in more than was handed over else.
func (s *source) entries(rows *ledger.Rows, ended bool) {
	s.upstream.Append(rows)
	for _, b := range s.books {
		held := b.in
		held.Name, held.Rows = ledger.Held, 0
		held.Packets -= b.out.Packets
		held.Bytes -= b.out.Bytes
		for _, k := range s.kinds {
			if k != nil && k.books() == b {
				held.Rows += uint64(k.live())
			}
		}
		rows.Append(&b.in)
		rows.Append(&b.out)
		rows.Append(&held)
	}
	if ended {
		rows.Append(&ledger.Entry{Source: s.name, Hop: ledger.Ager, Shard: s.shard, Name: ledger.Ended})
	}
}
