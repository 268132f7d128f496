// Package flows is the flow table of one monitor of one source: it decides when a flow is over.
//
// Time comes in windows. Merge collects the partial updates of the next window, Close applies them by the rules of the
// design (section 7) and ends every flow whose time has come. A mode of aging is a file: inactive.go, active.go,
// finrst.go, bytelimit.go, tablelimit.go, forced.go, end.go. What a type of cache changes in them is in cache.go.
package flows

import (
	"cmp"
	"slices"

	"netstream/schemas/collect"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/update"
	"netstream/schemas/weight"
	"netstream/schemas/window"
)

// Aging says when flows end.
type Aging struct {
	Inactive  int64  // ns without a packet
	Active    int64  // ns since the first packet
	FINRST    bool   // whether FIN or RST ends a flow
	ByteLimit uint64 // bytes a flow may count
	FlowLimit int    // live flows after a window; 1 or more
	Cache     Cache
}

// entry is a live flow. It holds no pointers and is named by its number in the slab.
type entry[K any] struct {
	key            K
	first, last    int64
	packets, bytes uint64 // packets is 0 while the flow has only pending updates
	tag            uint32 // of the index
	pending        uint32 // its latest pending update plus one; 0 is none
	flags          uint8
}

// pending is the merged update of a flow in the window that is being collected. A flow may have several: a SYN after a
// FIN or RST begins another.
type pending struct {
	entry          uint32
	first, last    int64
	packets, bytes uint64
	flags          uint8
}

// place is a flow that ended, as far as it decides the order.
type place struct {
	last, first int64
	row         uint32
}

// Table holds the live flows. It is not safe for use by several goroutines.
type Table[K key.Key[K]] struct {
	aging   Aging
	slab    slab[K]
	index   index
	wheel   wheel
	pending []pending
	ended   []flow.Row[K] // since Ended was called last
	order   []place       // Ended's: them, sorted
	sorted  []flow.Row[K] // Ended's result
	sampled bool          // weighted sums are kept
	sums    []weight.Sums // of the entries, by number, once sampled
	psums   []weight.Sums // of the pending updates, once sampled

	found    [touched]uint32 // Touch's
	sum      uint32          // Touch's
	boundary int64           // next common end of the flows of a synchronized cache
	victims  []uint32        // of the table limit
	ages     []int           // the table limit's: flows found, by inactive deadline
	turn     []uint32        // flows of a bucket of the wheel

	collects bool             // values are kept
	values   []collect.Values // of the entries, by number
	pvalues  []collect.Values // of the pending updates
	evalues  []collect.Values // of the flows that ended
}

// New makes an empty table. collects says that every update brings collected values; else they are not looked at.
func New[K key.Key[K]](a Aging, collects bool) *Table[K] {
	a = a.effective()
	return &Table[K]{aging: a, wheel: newWheel(a.horizon()), index: newIndex(), collects: collects}
}

// Len is the number of live flows.
func (t *Table[K]) Len() int { return t.index.used }

// Merge adds a partial update to the window that is being collected; hash is the flow hash of its key. The parts of a
// flow must come in the order of its packets.
func (t *Table[K]) Merge(u *update.Row[K], hash uint64, sampled bool) {
	if sampled && !t.sampled {
		t.startSums()
	}
	n := t.entry(&u.Key, uint32(hash>>32))
	e := t.slab.at(n)
	if e.pending != 0 && t.aging.Cache != Immediate {
		if p := &t.pending[e.pending-1]; !u.StartsSYN || p.flags&finOrRST == 0 {
			p.first, p.last = min(p.first, u.First), max(p.last, u.Last)
			p.packets += uint64(u.Packets)
			p.bytes += u.Bytes
			p.flags |= u.TCPFlags
			if t.sampled {
				t.psums[e.pending-1].Add(&u.Sums)
			}
			if t.collects {
				t.pvalues[e.pending-1].Add(u.Values)
			}
			return
		}
	}
	t.pending = append(t.pending, pending{
		entry: n, first: u.First, last: u.Last, packets: uint64(u.Packets), bytes: u.Bytes, flags: u.TCPFlags,
	})
	if t.sampled {
		t.psums = append(t.psums, u.Sums)
	}
	if t.collects {
		t.pvalues = append(t.pvalues, *u.Values)
	}
	e.pending = uint32(len(t.pending))
}

// Close ends the window that begins at start: windows must be closed one after another as long as there are live flows.
// It applies what was merged and then ends what is due at the window's end.
func (t *Table[K]) Close(start int64) {
	end := start + window.Length
	t.wheel.begin(end)
	t.synchronize(start)
	for i := range t.pending {
		if i%touched == 0 {
			t.touchPending(t.pending[i:min(i+touched, len(t.pending))])
		}
		p := &t.pending[i]
		e := t.slab.at(p.entry)
		last := e.pending == uint32(i+1)
		if e.packets > 0 {
			switch {
			case t.inactiveBefore(e, p):
				t.end(p.entry, flow.Inactive)
			case t.activeAt(e, start):
				t.end(p.entry, flow.Active)
			case t.overBytes(e, p):
				t.end(p.entry, flow.Bytes)
			}
		}
		t.add(i)
		switch {
		case t.finished(e):
			t.end(p.entry, flow.FIN)
		case t.aging.Cache == Immediate:
			t.end(p.entry, flow.Active)
		}
		if last {
			e.pending = 0
			t.settle(p.entry, end)
		}
	}
	t.pending, t.psums, t.pvalues = t.pending[:0], t.psums[:0], t.pvalues[:0]
	t.wheel.advance(end, t.expire)
	t.enforce(end)
}

// add counts pending update i in its flow.
func (t *Table[K]) add(i int) {
	p := &t.pending[i]
	e := t.slab.at(p.entry)
	if e.packets == 0 {
		e.first, e.last, e.flags = p.first, p.last, 0
	}
	if t.collects {
		if e.packets == 0 {
			t.values[p.entry] = t.pvalues[i]
		} else {
			t.values[p.entry].Add(&t.pvalues[i])
		}
	}
	e.first, e.last = min(e.first, p.first), max(e.last, p.last)
	e.packets += p.packets
	e.bytes += p.bytes
	e.flags |= p.flags
	if t.sampled {
		t.sums[p.entry].Add(&t.psums[i])
	}
}

// end emits the flow and leaves its entry empty.
func (t *Table[K]) end(n uint32, why flow.Reason) {
	e := t.slab.at(n)
	f := flow.Row[K]{
		Key: e.key, First: e.first, Last: e.last, Packets: e.packets, Bytes: e.bytes, TCPFlags: e.flags, Reason: why,
	}
	if t.sampled {
		f.Sums = t.sums[n]
		t.sums[n] = weight.Sums{}
	} else {
		f.Sums = weight.Unsampled(e.packets, e.bytes)
	}
	if t.collects {
		t.evalues = append(t.evalues, t.values[n])
	}
	t.ended = append(t.ended, f)
	e.packets, e.bytes, e.flags = 0, 0, 0
}

// settle removes an entry that has no flow after the last of its updates, and gives a flow its place in the wheel. A
// place may be too early but never too late: late packets bring a flow's deadline forward, and so does a new flow of late
// packets in the place of an old one.
func (t *Table[K]) settle(n uint32, now int64) {
	e := t.slab.at(n)
	if e.packets == 0 {
		t.remove(n)
		return
	}
	at := t.due(e, now)
	if b := t.wheel.at(n).bucket; b != 0 {
		if t.wheel.inTime(b, at) {
			return
		}
		t.wheel.unlink(n)
	}
	t.wheel.link(n, at)
}

// due is the time for which a flow is filed in the wheel.
func (t *Table[K]) due(e *entry[K], now int64) int64 {
	at, _ := t.deadline(e)
	return min(max(at, now), now+t.aging.horizon())
}

// deadline is when the flow ends if no packet comes, and why: the earlier of the two timers, a tie is inactive.
func (t *Table[K]) deadline(e *entry[K]) (int64, flow.Reason) {
	inactive, active := t.inactiveDeadline(e), t.activeDeadline(e)
	if active < inactive {
		return active, flow.Active
	}
	return inactive, flow.Inactive
}

// expire handles the flows of a bucket of the wheel whose turn has come: those that lived on are filed again.
func (t *Table[K]) expire(bucket uint32, now int64) {
	t.turn = t.wheel.take(bucket, t.turn[:0])
	for i, n := range t.turn {
		if i%touched == 0 {
			t.touchEntries(t.turn[i:min(i+touched, len(t.turn))])
		}
		e := t.slab.at(n)
		if at, why := t.deadline(e); at <= now {
			t.end(n, why)
			t.remove(n)
		} else {
			t.wheel.link(n, t.due(e, now))
		}
	}
}

// Ended returns the flows that ended since the last call, in canonical order. They are valid until the next Close or End.
func (t *Table[K]) Ended() []flow.Row[K] {
	t.order, t.sorted = t.order[:0], t.sorted[:0]
	for i := range t.ended {
		t.order = append(t.order, place{t.ended[i].Last, t.ended[i].First, uint32(i)})
		if t.collects {
			t.ended[i].Values = &t.evalues[i]
		}
	}
	// A row has 128 bytes or more: what mostly decides is sorted, and each row is moved once.
	slices.SortFunc(t.order, func(a, b place) int {
		if a.last != b.last || a.first != b.first {
			return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.first, b.first))
		}
		return compare(&t.ended[a.row], &t.ended[b.row])
	})
	for _, p := range t.order {
		t.sorted = append(t.sorted, t.ended[p.row])
	}
	t.ended, t.evalues = t.ended[:0], t.evalues[:0]
	return t.sorted
}

// entry finds the entry of a key or makes an empty one.
func (t *Table[K]) entry(k *K, tag uint32) uint32 {
	i, n := t.index.find(tag, func(n uint32) bool { return t.slab.at(n).key == *k })
	if n != 0 {
		return n
	}
	n = t.slab.alloc()
	t.wheel.grow(n)
	e := t.slab.at(n)
	e.key, e.tag = *k, tag
	t.index.insert(i, tag, n)
	if t.sampled {
		for len(t.sums) <= int(n) {
			t.sums = append(t.sums, weight.Sums{})
		}
	}
	for t.collects && len(t.values) <= int(n) {
		t.values = append(t.values, collect.Values{})
	}
	return n
}

// remove forgets an empty entry.
func (t *Table[K]) remove(n uint32) {
	e := t.slab.at(n)
	if t.wheel.at(n).bucket != 0 {
		t.wheel.unlink(n)
	}
	t.index.remove(e.tag, n)
	t.slab.release(n)
}

// startSums begins to keep weighted sums; all flows so far are unsampled.
func (t *Table[K]) startSums() {
	t.sampled = true
	t.sums = make([]weight.Sums, t.slab.len())
	for n := uint32(1); int(n) < t.slab.len(); n++ {
		e := t.slab.at(n)
		t.sums[n] = weight.Unsampled(e.packets, e.bytes)
	}
	for i := range t.pending {
		t.psums = append(t.psums, weight.Unsampled(t.pending[i].packets, t.pending[i].bytes))
	}
}

// Collects tells whether values are kept.
func (t *Table[K]) Collects() bool { return t.collects }

// Sampled tells whether weighted sums differ from counts.
func (t *Table[K]) Sampled() bool { return t.sampled }
