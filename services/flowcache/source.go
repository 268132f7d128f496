package flowcache

import (
	"netstream/schemas/commit"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/monitor"
)

// source is what a worker knows of one source.
type source struct {
	commit.Watermark
	in      ledger.Entry
	books   []book // by monitor
	former  []book // of monitors that are configured no more
	serves  served
	sampler ledger.Book // the sampler's latest counters, passed on
}

// book is what became of a source's packets in one monitor: in = all packets taken in less unmatched, and out when all is
// handed over.
type book struct {
	seed               uint64 // of flow hashes
	in, unmatched, out ledger.Entry
}

func newSource(name string, shard int, monitors []monitor.Definition) *source {
	s := &source{
		Watermark: commit.Watermark{Source: name, Time: commit.NoTime},
		in:        ledger.Entry{Source: name, Hop: ledger.FlowCache, Shard: uint16(shard), Name: ledger.In},
	}
	for i := range monitors {
		s.books = append(s.books, s.newBook(monitors[i].Name))
	}
	return s
}

// newBook opens the books of a monitor: what came before it is unmatched.
func (s *source) newBook(monitor string) book {
	entry := func(name string) ledger.Entry {
		return ledger.Entry{Source: s.Source, Hop: ledger.FlowCache, Shard: s.in.Shard, Monitor: monitor, Name: name}
	}
	b := book{
		seed: key.FlowSeed(s.Source, monitor),
		in:   entry(ledger.In), unmatched: entry(ledger.Unmatched), out: entry(ledger.Out),
	}
	b.unmatched.Packets, b.unmatched.Bytes, b.unmatched.Rows = s.in.Packets, s.in.Bytes, s.in.Rows
	return b
}

// restore takes the entries of a commit back.
func (s *source) restore(entries []ledger.Entry) {
	for _, e := range entries {
		switch {
		case e.Hop != ledger.FlowCache:
			s.sampler.Put(e)
		case e.Monitor == "" && e.Name == ledger.In:
			s.in = e
		}
	}
	for i := range s.books { // now that it is known what came before
		s.books[i] = s.newBook(s.books[i].in.Monitor)
	}
	for _, e := range entries {
		if e.Hop != ledger.FlowCache || e.Monitor == "" {
			continue
		}
		b := s.book(e.Monitor)
		for _, own := range []*ledger.Entry{&b.in, &b.unmatched, &b.out} {
			if own.Name == e.Name {
				*own = e
			}
		}
	}
}

// book is the book of a monitor, which may be a former one.
func (s *source) book(monitor string) *book {
	for _, books := range [][]book{s.books, s.former} {
		for i := range books {
			if books[i].in.Monitor == monitor {
				return &books[i]
			}
		}
	}
	s.former = append(s.former, s.newBook(monitor))
	return &s.former[len(s.former)-1]
}

// count adds packets and their bytes to a counter.
func count(e *ledger.Entry, packets int, bytes uint64) {
	e.Packets += uint64(packets)
	e.Rows += uint64(packets)
	e.Bytes += bytes
}

// entries appends all of the source's counters.
func (s *source) entries(rows *ledger.Rows) {
	s.sampler.Append(rows)
	rows.Append(&s.in)
	for _, books := range [][]book{s.books, s.former} {
		for i := range books {
			rows.Append(&books[i].in)
			rows.Append(&books[i].unmatched)
			rows.Append(&books[i].out)
		}
	}
}
