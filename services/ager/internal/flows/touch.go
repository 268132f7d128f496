package flows

// Touch reads what the updates of flows with these hashes will meet first. A table of a million flows is far from the caches,
// and one update after another would wait for memory several times; reads that don't depend on one another wait together.
func (t *Table[K]) Touch(hashes []uint64) {
	var sum uint32
	for i := 0; i < len(hashes); i += touched {
		part := hashes[i:min(i+touched, len(hashes))]
		for j, h := range part {
			t.found[j] = t.index.slots[uint32(h>>32)&t.index.mask].entry
		}
		for j := range part {
			if n := t.found[j]; n != 0 {
				e := t.slab.at(n)
				sum += e.tag + e.pending + uint32(e.flags)
			}
		}
	}
	t.sum = sum // so that the reads aren't left out
}

// touchPending reads the flows of updates that are about to be applied.
func (t *Table[K]) touchPending(pending []pending) {
	var sum uint32
	for i := range pending {
		e := t.slab.at(pending[i].entry)
		sum += t.wheel.at(pending[i].entry).bucket + e.pending + uint32(e.packets)
	}
	t.sum = sum
}

// touchEntries reads flows whose turn has come, and where the index has them.
func (t *Table[K]) touchEntries(ns []uint32) {
	var sum uint32
	for _, n := range ns {
		e := t.slab.at(n)
		sum += t.index.slots[e.tag&t.index.mask].entry + uint32(e.packets)
	}
	t.sum = sum
}

// touched is how many reads wait together: more than a core can have under way.
const touched = 32
