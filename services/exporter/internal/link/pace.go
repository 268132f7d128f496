package link

import "time"

// slack is how much of the time lost to other things may be made up for by sending faster.
const slack = 20 * time.Millisecond

// pacer spaces datagrams so that no more than rate leave in a second. It knows no clock: the time is passed in.
type pacer struct {
	rate int // datagrams a second; 0: no limit
	next time.Time
}

// burst is how many datagrams may leave at once: what the rate allows in 10 ms, so that a collector's socket buffer
// never gets much more than that.
func (p *pacer) burst() int {
	if p.rate == 0 {
		return chunk
	}
	return min(max(p.rate/100, 1), chunk)
}

// take lets n datagrams pass and says how long to wait before they may leave.
func (p *pacer) take(now time.Time, n int) time.Duration {
	if p.rate == 0 {
		return 0
	}
	if earliest := now.Add(-slack); p.next.Before(earliest) {
		p.next = earliest
	}
	wait := p.next.Sub(now)
	p.next = p.next.Add(time.Duration(n) * time.Second / time.Duration(p.rate))
	return max(wait, 0)
}
