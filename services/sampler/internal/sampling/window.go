package sampling

import (
	"math"
	"time"
)

// window is the stretch of time that a time-based sampler is in. Windows begin at offset + k*period; the empty ones between
// two packets are passed over in one step.
type window struct {
	configured int64 // ns
	period     int64 // of the window under way
	next       int64 // of the one after it
	offset     int64
	number     int64 // k
	end        int64 // ns since the epoch
	last       int64 // latest time seen
	count      uint32
	open       bool
}

func newWindow(period time.Duration, offset int64) window {
	return window{configured: int64(period), period: int64(period), next: int64(period), offset: offset, last: math.MinInt64}
}

// enter moves to the window of time t, which counts one packet more. fresh says that it is another window than that of the
// packet before, which counted `counted` packets.
func (w *window) enter(t int64) (fresh bool, counted uint32) {
	w.last = max(w.last, t)
	if w.open && w.last < w.end {
		if w.count < math.MaxUint32 {
			w.count++
		}
		return false, 0
	}
	counted = w.leave()
	w.period = w.next
	since := w.last - w.offset
	w.number = since / w.period
	if since%w.period < 0 {
		w.number--
	}
	w.end, w.count, w.open = w.offset+(w.number+1)*w.period, 1, true
	return true, counted
}

// leave ends the window and returns what it counted.
func (w *window) leave() uint32 {
	counted := w.count
	w.count, w.open = 0, false
	return counted
}

// advance ends the window if it is over at time t.
func (w *window) advance(t int64) uint32 {
	w.last = max(w.last, t)
	if w.open && w.last >= w.end {
		return w.leave()
	}
	return 0
}

// thin makes the windows longer, from the next one on.
func (w *window) thin(factor uint32) {
	f := int64(max(factor, 1))
	if w.configured > math.MaxInt64/4/f {
		return
	}
	w.next = w.configured * f
}
