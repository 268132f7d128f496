package flows

import "netstream/schemas/flow"

// End of source: a file has no more packets, so all its flows are over. All windows must have been closed.

// End ends every flow with reason end.
func (t *Table[K]) End() {
	t.wheel.drain(func(bucket uint32) {
		t.turn = t.wheel.take(bucket, t.turn[:0])
		for i, n := range t.turn {
			if i%touched == 0 {
				t.touchEntries(t.turn[i:min(i+touched, len(t.turn))])
			}
			t.end(n, flow.End)
			t.remove(n)
		}
	})
}
