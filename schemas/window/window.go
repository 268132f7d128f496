// Package window cuts event time into windows of one second, aligned to the epoch.
package window

// Length of a window in nanoseconds.
const Length = int64(1e9)

// Of is the start of the window that time t (ns since the epoch) falls in; right for times before 1970 too. The second
// at the very beginning of time is cut: its window would start before the least number, and so starts one later.
func Of(t int64) int64 {
	w := t - t%Length
	if w > t && w-Length < w {
		w -= Length
	}
	return w
}

// MaxTime is the latest packet time a sampler takes, in the year 2116: later ones count as this, so that adding a timeout
// can't overflow.
const MaxTime = int64(1) << 62
