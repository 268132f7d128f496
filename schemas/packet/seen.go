package packet

import (
	"netstream/schemas/columns"
	"netstream/schemas/window"
)

// Seen are the columns that say when packets were seen and how many each stands for.
type Seen struct {
	Time   []int64
	Weight []uint32 // empty: all 1
	Window []int64  // empty: each is filed under its own time
}

// Len is the number of rows.
func (s *Seen) Len() int { return len(s.Time) }

// append adds a row.
func (s *Seen) append(time, filed int64, weight uint32) {
	n := len(s.Time)
	if len(s.Weight) > 0 || weight != 1 {
		for len(s.Weight) < n {
			s.Weight = append(s.Weight, 1)
		}
		s.Weight = append(s.Weight, weight)
	}
	if len(s.Window) > 0 || filed != window.Of(time) {
		for len(s.Window) < n {
			s.Window = append(s.Window, window.Of(s.Time[len(s.Window)]))
		}
		s.Window = append(s.Window, filed)
	}
	s.Time = append(s.Time, time)
}

// WindowAt is the window that row i is filed under.
func (s *Seen) WindowAt(i int) int64 {
	if len(s.Window) > 0 {
		return s.Window[i]
	}
	return window.Of(s.Time[i])
}

// weightAt is how many packets row i stands for.
func (s *Seen) weightAt(i int) uint32 {
	if len(s.Weight) > 0 {
		return s.Weight[i]
	}
	return 1
}

func (s *Seen) reset() { s.Time, s.Weight, s.Window = s.Time[:0], s.Weight[:0], s.Window[:0] }

// sparse lists the columns that may be left out.
func (s *Seen) sparse() []columns.Column {
	return []columns.Column{columns.Optional("weight", &s.Weight), columns.Optional("window", &s.Window)}
}
