package flowcache

import (
	"netstream/schemas/commit"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
)

// source is what a worker knows of one source.
type source struct {
	commit.Watermark
	seeds   [len(key.Monitors)]uint64 // key.FlowSeed of each monitor
	in, out ledger.Entry
	sampler ledger.Book // the sampler's latest counters, passed on
}

func newSource(name string, shard int) *source {
	s := &source{
		Watermark: commit.Watermark{Source: name, Time: commit.NoTime},
		in:        ledger.Entry{Source: name, Hop: ledger.FlowCache, Shard: uint16(shard), Name: ledger.In},
		out:       ledger.Entry{Source: name, Hop: ledger.FlowCache, Shard: uint16(shard), Name: ledger.Out},
	}
	for i, m := range key.Monitors {
		s.seeds[i] = key.FlowSeed(name, m)
	}
	return s
}

// restore takes an entry of a commit back.
func (s *source) restore(e ledger.Entry) {
	switch e.Key() {
	case s.in.Key():
		s.in = e
	case s.out.Key():
		s.out = e
	default:
		s.sampler.Put(e)
	}
}

// entries appends all of the source's counters.
func (s *source) entries(rows *ledger.Rows) {
	s.sampler.Append(rows)
	rows.Append(&s.in)
	rows.Append(&s.out)
}
