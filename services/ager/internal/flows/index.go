package flows

// index finds entries by the upper half of their hash: open addressing, linear probing, backward-shift deletion. The
// tag alone gives the home slot, so growing and deleting never touch an entry.
type index struct {
	slots []slot
	mask  uint32
	used  int
}

// slot is one place: the tag and the entry's number; 0 is free.
type slot struct{ tag, entry uint32 }

func newIndex() index { return index{slots: make([]slot, 64), mask: 63} }

// find returns the entry with that tag that same accepts, or 0 and the slot where it would go.
func (x *index) find(tag uint32, same func(n uint32) bool) (at, n uint32) {
	for at = tag & x.mask; ; at = (at + 1) & x.mask {
		s := x.slots[at]
		if s.entry == 0 {
			return at, 0
		}
		if s.tag == tag && same(s.entry) {
			return at, s.entry
		}
	}
}

// insert puts an entry into the free slot that find returned.
func (x *index) insert(at, tag, n uint32) {
	x.slots[at] = slot{tag, n}
	if x.used++; 4*x.used > 3*len(x.slots) {
		x.grow()
	}
}

// remove takes an entry out and closes the gap.
func (x *index) remove(tag, n uint32) {
	hole := tag & x.mask
	for x.slots[hole].entry != n {
		hole = (hole + 1) & x.mask
	}
	for i := (hole + 1) & x.mask; x.slots[i].entry != 0; i = (i + 1) & x.mask {
		// An entry may move back to the hole unless its home lies behind the hole.
		if home := x.slots[i].tag & x.mask; (i-home)&x.mask >= (i-hole)&x.mask {
			x.slots[hole] = x.slots[i]
			hole = i
		}
	}
	x.slots[hole] = slot{}
	x.used--
}

// grow doubles the slots.
func (x *index) grow() {
	old := x.slots
	x.slots = make([]slot, 2*len(old))
	x.mask = uint32(len(x.slots) - 1)
	for _, s := range old {
		if s.entry == 0 {
			continue
		}
		at := s.tag & x.mask
		for x.slots[at].entry != 0 {
			at = (at + 1) & x.mask
		}
		x.slots[at] = s
	}
}
