package flows

import "netstream/schemas/window"

// wheel files flows by the window at whose end they are due. A flow's place is a promise to look, no more: when its
// bucket's turn comes, a flow that had packets meanwhile is filed again. So no place needs to be further ahead than the
// horizon, and that many buckets are enough.
type wheel struct {
	heads []uint32 // first entry of each bucket, 0 is none
	mask  int64
	clock int64 // number of the window end reached
	count int   // flows filed
}

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

// take empties a bucket and returns its first entry.
func (w *wheel) take(bucket uint32) uint32 {
	n := w.heads[bucket]
	w.heads[bucket] = 0
	return n
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
func each[K any](w *wheel, s *slab[K], f func(n uint32)) {
	for _, n := range w.heads {
		for ; n != 0; n = s.at(n).next {
			f(n)
		}
	}
}

// link files an entry for time t.
func link[K any](w *wheel, s *slab[K], n uint32, t int64) {
	b := uint32(tick(t) & w.mask)
	e := s.at(n)
	e.bucket, e.prev, e.next = b+1, 0, w.heads[b]
	if e.next != 0 {
		s.at(e.next).prev = n
	}
	w.heads[b] = n
	w.count++
}

// unlink takes an entry out of its bucket.
func unlink[K any](w *wheel, s *slab[K], n uint32) {
	e := s.at(n)
	if e.prev != 0 {
		s.at(e.prev).next = e.next
	} else {
		w.heads[e.bucket-1] = e.next
	}
	if e.next != 0 {
		s.at(e.next).prev = e.prev
	}
	e.bucket, e.next, e.prev = 0, 0, 0
	w.count--
}
