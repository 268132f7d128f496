package flows

import "netstream/schemas/flow"

// End of source: a file has no more packets, so all its flows are over. All windows must have been closed.

// End ends every flow with reason end.
func (t *Table[K]) End() {
	t.wheel.drain(func(bucket uint32) {
		for n := t.wheel.take(bucket); n != 0; {
			e := t.slab.at(n)
			next := e.next
			e.bucket, e.next, e.prev = 0, 0, 0
			t.wheel.count--
			t.end(n, flow.End)
			t.remove(n)
			n = next
		}
	})
}
