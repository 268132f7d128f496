package flows

import (
	"slices"

	"netstream/schemas/collect"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/weight"
	"netstream/schemas/window"
)

// Snapshot is a copy of a table's live flows.
type Snapshot[K key.Key[K]] struct {
	chunks  []*[chunk]entry[K]
	used    int // entries that were ever given out
	live    int
	sampled bool
	sums    []weight.Sums
	values  []collect.Values
}

// Snapshot copies the table between two windows. It takes as long as copying its memory does.
func (t *Table[K]) Snapshot() *Snapshot[K] {
	s := &Snapshot[K]{used: t.slab.len(), live: t.Len(), sampled: t.sampled, sums: slices.Clone(t.sums), values: slices.Clone(t.values)}
	for _, c := range t.slab.chunks {
		copied := *c
		s.chunks = append(s.chunks, &copied)
	}
	return s
}

// Len is the number of flows.
func (s *Snapshot[K]) Len() int { return s.live }

// Sampled tells whether weighted sums differ from counts.
func (s *Snapshot[K]) Sampled() bool { return s.sampled }

// Each calls f for every flow, in any order. The flow is valid during the call.
func (s *Snapshot[K]) Each(f func(*flow.Row[K]) error) error {
	for n := 1; n < s.used; n++ {
		e := &s.chunks[n/chunk][n%chunk]
		if e.packets == 0 {
			continue
		}
		row := flow.Row[K]{Key: e.key, First: e.first, Last: e.last, Packets: e.packets, Bytes: e.bytes, TCPFlags: e.flags}
		if s.sampled {
			row.Sums = s.sums[n]
		} else {
			row.Sums = weight.Unsampled(e.packets, e.bytes)
		}
		if len(s.values) > 0 {
			row.Values = &s.values[n]
		}
		if err := f(&row); err != nil {
			return err
		}
	}
	return nil
}

// Restore puts a flow back, as it was alive at a window's end. Of one key it returns false if there is one already.
func (t *Table[K]) Restore(f *flow.Row[K], hash uint64, sampled bool, clock int64) bool {
	if sampled && !t.sampled {
		t.startSums()
	}
	before := t.Len()
	n := t.entry(&f.Key, uint32(hash>>32))
	if t.Len() == before {
		return false
	}
	e := t.slab.at(n)
	e.first, e.last, e.packets, e.bytes, e.flags = f.First, f.Last, f.Packets, f.Bytes, f.TCPFlags
	if t.sampled {
		t.sums[n] = f.Sums
	}
	if t.collects {
		t.values[n] = *f.Values
	}
	if t.wheel.count == 0 {
		t.wheel.clock = tick(clock)
		t.synchronize(clock - window.Length)
	}
	// One that is overdue, since timers are shorter now, ends with the next window: the turn of this one is over.
	t.wheel.link(n, max(t.due(e, clock), clock+window.Length))
	return true
}
