package flows

import "netstream/schemas/flow"

// Forced aging: an operator wants flows to end now. It acts between windows, when nothing is pending.

// Force ends every live flow whose key match accepts, or all if it is nil, with reason forced. It returns how many.
func (t *Table[K]) Force(match func(*K) bool) (flows int) {
	for n := uint32(1); int(n) < t.slab.len(); n++ {
		e := t.slab.at(n)
		if e.packets == 0 || match != nil && !match(&e.key) { // free, or not asked for
			continue
		}
		t.end(n, flow.Forced)
		t.remove(n)
		flows++
	}
	return flows
}
