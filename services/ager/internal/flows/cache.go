package flows

import "netstream/schemas/window"

// Cache is the type of a flow cache, as in Flexible NetFlow.
type Cache uint8

// Types of caches.
const (
	Normal       Cache = iota // all timers
	Immediate                 // every update is a flow of its own, over at once (reason active); the flow cache makes one of each packet
	Permanent                 // flows end by the active timer alone, and at the table limit those stay that were there first
	Synchronized              // all flows end together, whenever the time is a multiple of the active timeout
)

var cacheNames = [...]string{Normal: "normal", Immediate: "immediate", Permanent: "permanent", Synchronized: "synchronized"}

// String is the name of the type in settings.
func (c Cache) String() string { return cacheNames[c] }

// never is a timeout that doesn't come: 73 years.
const never = int64(1) << 61

// longest is how far ahead flows of caches without inactive timer are filed.
const longest = 64 * window.Length

// effective is what a type of cache makes of the modes of aging.
func (a Aging) effective() Aging {
	if a.Cache == Permanent || a.Cache == Synchronized {
		a.Inactive, a.FINRST = never, false
	}
	return a
}

// horizon is how far ahead flows are filed in the wheel.
func (a *Aging) horizon() int64 {
	if a.Inactive == never {
		return longest
	}
	return a.Inactive
}

// synchronize sets the common end that comes after a window's start.
func (t *Table[K]) synchronize(start int64) {
	if t.aging.Cache == Synchronized {
		since := start % t.aging.Active
		if since < 0 {
			since += t.aging.Active
		}
		t.boundary = start - since + t.aging.Active
	}
}
