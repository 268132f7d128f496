// Package clock is the time an exporter shows to its collectors. It is event time: a function of the flows alone, so
// that the same flows give the same datagrams whenever they are sent.
package clock

import "math"

// BeforeFirst is how long before the first flow the exporter says it booted, in seconds: a day, so that flows that
// began a little earlier still lie behind the boot.
const BeforeFirst = 24 * 60 * 60

// StepBack is how far flows must lie behind the clock for it to follow them, in seconds: a day. Late flows of a source are
// nearer than that; a capture of another year is not, and no collector could tell its times from a clock in the future.
const StepBack = 24 * 60 * 60

// reach is how far back of the header a time may lie, in ms: collectors read the distance as a signed 32-bit number
// (24.8 days).
const reach = math.MaxInt32

// Clock is the time of an exporter's headers. It shows whole seconds, since the header of version 9 has no fraction:
// with that, a collector finds the times of flows to the millisecond. The zero value has not started.
type Clock struct {
	Started bool
	Boot    int64 // s since 1970
	Now     int64 // s since 1970; goes back only by more than StepBack
}

// Cover starts the clock if need be and moves it to the first whole second at which flows of these times can have been
// exported. Times are ns since 1970; a time beyond the 32 bits of a header (the year 2106) moves it to the last of them.
// It goes back only when the flows lie more than StepBack behind it.
func (c *Clock) Cover(first, last int64) {
	if !c.Started {
		*c = Clock{Started: true, Boot: max(second(first)-BeforeFirst, 0)}
	}
	now := second(last)
	if millis(last) > now*1000 {
		now++
	}
	if now = min(now, math.MaxUint32); now > c.Now || now < c.Now-StepBack {
		c.Now = now
	}
}

// UnixSecs is the header's time, s since 1970.
func (c *Clock) UnixSecs() uint32 { return uint32(c.Now) }

// SysUptime is the header's time, ms since the boot mod 2^32.
func (c *Clock) SysUptime() uint32 { return uint32((c.Now - c.Boot) * 1000) }

// Uptime is a flow's time (ns since 1970) in ms since the boot mod 2^32, which holds for times before the boot too. A
// time that a collector couldn't find again under this header, 24.8 days back or in the future, becomes the nearest that
// it could, with ok false.
func (c *Clock) Uptime(t int64) (ms uint32, ok bool) {
	at, now := millis(t), c.Now*1000
	ok = at <= now && at >= now-reach
	at = max(min(at, now), now-reach)
	return uint32(at - c.Boot*1000), ok
}

// Millis is a time (ns since 1970) in whole ms since 1970, for formats that tell times as such. Before 1970 it is 0.
func Millis(t int64) uint64 { return uint64(max(millis(t), 0)) }

func millis(ns int64) int64 { return floor(ns, 1e6) }
func second(ns int64) int64 { return floor(ns, 1e9) }

func floor(n, d int64) int64 {
	q := n / d
	if n%d < 0 {
		q--
	}
	return q
}
