package aggregate

import (
	"math"

	"netstream/schemas/flow"
)

// Aggregate is what became of flows that agree in a key.
type Aggregate struct {
	Mode Mode
	Key
	Flows          uint64 // merged
	Packets, Bytes uint64 // as sampled
	First, Last    int64  // the earliest and the latest of the flows, ns since 1970
	Reason         flow.Reason
}

// Limits of a table.
type Limits struct {
	Active   int64 // s that an aggregate lives
	Inactive int64 // s that it lives without another flow
	Most     int   // aggregates that live at a time
}

// counterMost is the largest counter of version 8: an aggregate that would pass it with a flow ends before (spec section 9.3).
const counterMost = math.MaxUint32

// table holds the live aggregates of a mode. Both timers run from when flows were merged, by the exporter's clock, and not from
// the flows' own times: a flow comes when it is over, up to its own timeouts after its packets, and would end its aggregate at
// once.
type table struct {
	mode    Mode
	limits  Limits
	index   map[Key]uint32
	entries []entry // 0 is the head of both lists
	free    []uint32
	ended   []Aggregate
}

// entry is a live aggregate in two lists: by age and by use, the oldest first. So those whose time is up stand at the heads.
type entry struct {
	Aggregate
	created, used int64 // s since 1970, when the first and the last flow were merged
	age, use      links
}

type links struct{ before, behind uint32 }

func newTable(mode Mode, limits Limits) *table {
	return &table{mode: mode, limits: limits, index: map[Key]uint32{}, entries: make([]entry, 1)}
}

func (t *table) len() int { return len(t.index) }

// merge merges a flow into its aggregate.
func (t *table) merge(now int64, k *Key, packets, bytes uint64, first, last int64) {
	n, ok := t.index[*k]
	if ok {
		e := &t.entries[n]
		if e.Flows+1 <= counterMost && e.Packets+packets <= counterMost && e.Bytes+bytes <= counterMost {
			e.Flows++
			e.Packets += packets
			e.Bytes += bytes
			e.First, e.Last = min(e.First, first), max(e.Last, last)
			e.used = now
			t.unlink(n, byUse)
			t.link(n, byUse)
			return
		}
		t.end(n, flow.Bytes)
	} else if len(t.index) >= t.limits.Most {
		t.end(t.entries[0].use.behind, flow.Table)
	}
	t.insert(entry{
		Aggregate: Aggregate{Mode: t.mode, Key: *k, Flows: 1, Packets: packets, Bytes: bytes, First: first, Last: last},
		created:   now, used: now,
	})
}

// insert adds the youngest entry.
func (t *table) insert(e entry) {
	var n uint32
	if len(t.free) > 0 {
		n, t.free = t.free[len(t.free)-1], t.free[:len(t.free)-1]
		t.entries[n] = e
	} else {
		n = uint32(len(t.entries))
		t.entries = append(t.entries, e)
	}
	t.index[e.Key] = n
	t.link(n, byAge)
	t.link(n, byUse)
}

// expire ends what is due: those of the active timer first, the oldest first. Of two timers that are up the earlier one is the
// reason; of one moment, inactivity. What is over the limit, which may be lower than it was, ends behind that.
func (t *table) expire(now int64) {
	defer func() {
		for t.len() > t.limits.Most {
			t.end(t.entries[0].use.behind, flow.Table)
		}
	}()
	for {
		n := t.entries[0].age.behind
		if e := &t.entries[n]; n == 0 || now < e.created+t.limits.Active {
			break
		}
		t.end(n, t.reason(n))
	}
	for {
		n := t.entries[0].use.behind
		if e := &t.entries[n]; n == 0 || now < e.used+t.limits.Inactive {
			break
		}
		t.end(n, t.reason(n))
	}
}

func (t *table) reason(n uint32) flow.Reason {
	if e := &t.entries[n]; e.created+t.limits.Active < e.used+t.limits.Inactive {
		return flow.Active
	}
	return flow.Inactive
}

// endAll ends all, the oldest first.
func (t *table) endAll(why flow.Reason) {
	for t.entries[0].age.behind != 0 {
		t.end(t.entries[0].age.behind, why)
	}
}

// end ends an aggregate.
func (t *table) end(n uint32, why flow.Reason) {
	e := &t.entries[n]
	e.Reason = why
	t.ended = append(t.ended, e.Aggregate)
	t.unlink(n, byAge)
	t.unlink(n, byUse)
	delete(t.index, e.Key)
	t.free = append(t.free, n)
}

// byAge and byUse choose a list.
func byAge(e *entry) *links { return &e.age }
func byUse(e *entry) *links { return &e.use }

// link puts an entry at the tail of a list.
func (t *table) link(n uint32, in func(*entry) *links) {
	head := in(&t.entries[0])
	*in(&t.entries[n]) = links{before: head.before}
	in(&t.entries[head.before]).behind = n
	head.before = n
}

func (t *table) unlink(n uint32, in func(*entry) *links) {
	l := *in(&t.entries[n])
	in(&t.entries[l.before]).behind = l.behind
	in(&t.entries[l.behind]).before = l.before
}
