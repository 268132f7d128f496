// Package progress shows how far long work is: a bar with rate and remaining time on a terminal, a line now and then
// elsewhere.
package progress

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	barInterval  = 100 * time.Millisecond
	lineInterval = 5 * time.Second
)

// State is how far the work is at one moment.
type State struct {
	Doing   string // what is being done, for people
	Done    int64  // bytes of the input read
	Size    int64  // bytes of the input in all; 0 if unknown
	Packets uint64
}

// Show shows the states until ctx ends, and returns when the terminal is clean again.
func Show(ctx context.Context, w io.Writer, terminal bool, state func() State) {
	if terminal {
		bar(ctx, w, state)
	} else {
		lines(ctx, w, state)
	}
}

func bar(ctx context.Context, w io.Writer, state func() State) {
	s, begin := state(), time.Now()
	size := s.Size
	if size == 0 {
		size = -1 // a spinner
	}
	b := progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(24), progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(barInterval/2), progressbar.OptionUseANSICodes(true))
	tick := time.NewTicker(barInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			b.Clear()
			return
		case <-tick.C:
			s := state()
			b.Describe(fmt.Sprintf("%s  %s packets  %s/s", s.Doing, Count(s.Packets), Count(rate(s.Packets, time.Since(begin)))))
			b.Set64(min(s.Done, max(s.Size-1, 0))) // it is over when the flows have landed, not when the file is read
		}
	}
}

func lines(ctx context.Context, w io.Writer, state func() State) {
	begin := time.Now()
	tick := time.NewTicker(lineInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			fmt.Fprintln(w, line(state(), time.Since(begin)))
		}
	}
}

// line is one state as text.
func line(s State, passed time.Duration) string {
	text := fmt.Sprintf("%s: %s packets, %s packets/s", s.Doing, Count(s.Packets), Count(rate(s.Packets, passed)))
	if s.Size == 0 || s.Done <= 0 || s.Done > s.Size {
		return text
	}
	left := time.Duration(float64(passed) * float64(s.Size-s.Done) / float64(s.Done))
	return fmt.Sprintf("%s, %d %% read, %s left", text, s.Done*100/s.Size, left.Round(time.Second))
}

func rate(n uint64, passed time.Duration) uint64 {
	if passed <= 0 {
		return 0
	}
	return uint64(float64(n) / passed.Seconds())
}

// Count writes a number with the three digits that matter: 999, 12.3 k, 1.23 M.
func Count(n uint64) string {
	v := float64(n)
	if n < 1000 {
		return fmt.Sprint(n)
	}
	for _, unit := range []string{"k", "M", "G", "T"} {
		if v /= 1000; v < 999.5 || unit == "T" {
			switch {
			case v < 9.995:
				return fmt.Sprintf("%.2f %s", v, unit)
			case v < 99.95:
				return fmt.Sprintf("%.1f %s", v, unit)
			default:
				return fmt.Sprintf("%.0f %s", v, unit)
			}
		}
	}
	return ""
}
