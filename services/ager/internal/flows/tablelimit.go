package flows

import (
	"cmp"

	"netstream/schemas/flow"
)

// Table limit (rule 7): when a window leaves more flows than the limit, the oldest end: those with the earliest last packet,
// then with the earliest first, then with the smallest key. In a permanent cache those stay that were there first.

// enforce ends as many flows as are too many at a window's end.
func (t *Table[K]) enforce(now int64) {
	over := t.Len() - t.aging.FlowLimit
	if over <= 0 {
		return
	}
	t.victims = t.victims[:0]
	if t.aging.Cache == Normal {
		t.findOldest(over, now)
	} else {
		t.wheel.each(func(n uint32) { t.victims = append(t.victims, n) })
	}
	first(t.victims, over, t.goesBefore)
	t.victims = t.victims[:over]
	for _, n := range t.victims {
		t.end(n, flow.Table)
		t.remove(n)
	}
}

// findOldest finds flows among which the n are that go first. It looks through the wheel, whose places come nearly in that order: a
// flow's place is no later than its inactive deadline, so when the places up to a time are looked through, all flows with an
// inactive deadline up to then are found. That is a part of the wheel as small as the flows to end are old.
func (t *Table[K]) findOldest(n int, now int64) {
	t.ages = append(t.ages[:0], make([]int, len(t.wheel.heads)+1)...)
	at, found := t.wheel.clock, 0
	for found < n {
		at++
		for n := t.wheel.heads[at&t.wheel.mask]; n != 0; {
			f, number := t.slab.at(n), n
			n = t.wheel.at(n).next
			if deadline, _ := t.deadline(f); tick(deadline) > at { // it had packets since it was filed
				t.wheel.unlink(number)
				t.wheel.link(number, t.due(f, now))
				continue
			}
			t.victims = append(t.victims, number)
			t.ages[t.age(f)-t.wheel.clock]++
		}
		found += t.ages[at-t.wheel.clock]
	}
}

// age is the window end at which a flow is over if no packet comes, whatever its active timer says.
func (t *Table[K]) age(e *entry[K]) int64 { return tick(t.inactiveDeadline(e)) }

// goesBefore tells which of two flows goes first at the limit.
func (t *Table[K]) goesBefore(a, b uint32) bool {
	x, y := t.slab.at(a), t.slab.at(b)
	if t.aging.Cache == Permanent {
		return cmp.Or(cmp.Compare(y.first, x.first), cmp.Compare(y.last, x.last), y.key.Compare(x.key)) < 0
	}
	return cmp.Or(cmp.Compare(x.last, y.last), cmp.Compare(x.first, y.first), x.key.Compare(y.key)) < 0
}

// first moves the n smallest to the front, in any order (quickselect).
func first(s []uint32, n int, less func(a, b uint32) bool) {
	for lo, hi := 0, len(s); n > lo && n < hi; {
		pivot := s[lo+(hi-lo)/2]
		i, j := lo, hi-1
		for i <= j {
			for less(s[i], pivot) {
				i++
			}
			for less(pivot, s[j]) {
				j--
			}
			if i <= j {
				s[i], s[j] = s[j], s[i]
				i, j = i+1, j-1
			}
		}
		switch { // s[lo:j+1] <= pivot <= s[i:hi]
		case n <= j+1:
			hi = j + 1
		case n >= i:
			lo = i
		default:
			return
		}
	}
}
