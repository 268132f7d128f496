package flows

import "netstream/schemas/window"

// wheel files flows by the window at whose end they are due. A flow's place is a promise to look, no more: when its
// bucket's turn comes, a flow that had packets meanwhile is filed again. So no place needs to be further ahead than the
// horizon, and that many buckets are enough.
type wheel struct {
	heads []uint32        // first entry of each bucket, 0 is none
	files []*[chunk]filed // of the entries, by number, apart from them: turning the wheel goes through less memory
	mask  int64
	clock int64 // number of the window end reached
	count int   // flows filed
}

// filed is where an entry is in the wheel: its neighbours in the bucket, and the bucket plus one; 0 is none.
type filed struct{ next, prev, bucket uint32 }

func newWheel(horizon int64) wheel {
	size := int64(4)
	for size < horizon/window.Length+3 {
		size *= 2
	}
	return wheel{heads: make([]uint32, size), mask: size - 1}
}

// tick is the number of the first window end at or after t.
func tick(t int64) int64 {
	w := window.Of(t)
	if w < t {
		w += window.Length
	}
	return w / window.Length
}

// begin prepares for the end of a window: with nothing filed the clock may jump to it.
func (w *wheel) begin(end int64) {
	if w.count == 0 {
		w.clock = tick(end) - 1
	}
}

// inTime tells whether the turn of an entry's bucket comes no later than time t, which has not been reached.
func (w *wheel) inTime(bucket uint32, t int64) bool {
	return (int64(bucket)-1-w.clock)&w.mask <= tick(t)-w.clock
}

// advance moves the clock to a window's end and turns to each bucket that is due.
func (w *wheel) advance(end int64, due func(bucket uint32, now int64)) {
	for target := tick(end); w.clock < target; {
		w.clock++
		if bucket := uint32(w.clock & w.mask); w.heads[bucket] != 0 {
			due(bucket, w.clock*window.Length)
		}
	}
}

// take empties a bucket and appends its entries to ns.
func (w *wheel) take(bucket uint32, ns []uint32) []uint32 {
	for n := w.heads[bucket]; n != 0; {
		l := w.at(n)
		ns = append(ns, n)
		n, *l = l.next, filed{}
		w.count--
	}
	w.heads[bucket] = 0
	return ns
}

// drain turns to every bucket that has flows.
func (w *wheel) drain(f func(bucket uint32)) {
	for b := range w.heads {
		if w.heads[b] != 0 {
			f(uint32(b))
		}
	}
}

// each calls f for all entries filed.
func (w *wheel) each(f func(n uint32)) {
	for _, n := range w.heads {
		for ; n != 0; n = w.at(n).next {
			f(n)
		}
	}
}

// at is where an entry is filed.
func (w *wheel) at(n uint32) *filed { return &w.files[n/chunk][n%chunk] }

// grow makes room for entry n: the first that has none.
func (w *wheel) grow(n uint32) {
	if int(n/chunk) == len(w.files) {
		w.files = append(w.files, new([chunk]filed))
	}
}

// link files an entry for time t.
func (w *wheel) link(n uint32, t int64) {
	b := uint32(tick(t) & w.mask)
	l := w.at(n)
	l.bucket, l.prev, l.next = b+1, 0, w.heads[b]
	if l.next != 0 {
		w.at(l.next).prev = n
	}
	w.heads[b] = n
	w.count++
}

// unlink takes an entry out of its bucket.
func (w *wheel) unlink(n uint32) {
	l := w.at(n)
	if l.prev != 0 {
		w.at(l.prev).next = l.next
	} else {
		w.heads[l.bucket-1] = l.next
	}
	if l.next != 0 {
		w.at(l.next).prev = l.prev
	}
	*l = filed{}
	w.count--
}
