package ager

import (
	"math"
	"slices"

	"netstream/schemas/commit"
	"netstream/schemas/ledger"
	"netstream/schemas/window"
)

// source is the state of one source: its clock, its updates of windows still open, and its live flows.
type source struct {
	name     string
	shard    uint16
	marks    []commit.Watermark // of each packet shard
	held     []held             // in order of their windows
	kinds    []kind             // by monitor, nil until the first update of one
	books    []*book            // by name of monitor, in the order they came
	clock    int64              // end of the last window closed
	idle     int64              // time that its clock was moved on to while it was silent
	upstream ledger.Book        // latest counters of the hops before
	touched  bool               // since its counters were last published
}

// held are the updates of one window.
type held struct {
	window int64
	runs   []run
}

// run is a stretch of rows of one message that belong to one monitor.
type run struct {
	kind   kind
	rows   any // *update.Rows of the kind's keys
	lo, hi int
}

func newSource(name string, shard, packetShards int) *source {
	s := &source{name: name, shard: uint16(shard), marks: make([]commit.Watermark, packetShards), clock: commit.NoTime, idle: commit.NoTime}
	for p := range s.marks {
		s.marks[p].Time = commit.NoTime
	}
	return s
}

// live is the number of live flows.
func (s *source) live() (flows int) {
	for _, k := range s.kinds {
		if k != nil {
			flows += k.live()
		}
	}
	return flows
}

// at returns the place for updates of a window.
func (s *source) at(w int64) *held {
	i, found := slices.BinarySearchFunc(s.held, w, func(h held, w int64) int {
		switch {
		case h.window < w:
			return -1
		case h.window > w:
			return 1
		}
		return 0
	})
	if !found {
		s.held = slices.Insert(s.held, i, held{window: w})
	}
	return &s.held[i]
}

// horizon is how far the source's windows are complete, and whether the source has ended everywhere.
func (s *source) horizon() (until int64, ended bool) {
	until, last, ended := int64(math.MaxInt64), int64(commit.NoTime), true
	for _, m := range s.marks {
		last = max(last, m.Time)
		if !m.Ended {
			until, ended = min(until, max(m.Time, s.idle)), false
		}
	}
	if ended && last > commit.NoTime {
		until = window.Of(max(last, s.idle)) + window.Length
	}
	return until, ended
}

// isLive tells whether the source is a live one.
func (s *source) isLive() bool {
	return slices.ContainsFunc(s.marks, func(m commit.Watermark) bool { return m.Live })
}

// forgives tells whether updates of a closed window are to be expected: it was closed because the source was silent, and
// no watermark promised that nothing would come for it.
func (s *source) forgives(start int64) bool {
	promised := int64(math.MaxInt64)
	for _, m := range s.marks {
		if !m.Ended {
			promised = min(promised, m.Time)
		}
	}
	return s.idle > commit.NoTime && promised < start+window.Length
}

// advance closes all windows that end at or before until, one after another.
func (s *source) advance(until int64, emit func(*source)) {
	for {
		end := s.clock + window.Length
		if s.clock == commit.NoTime || s.live() == 0 { // nothing can happen before the next update
			if len(s.held) == 0 {
				return
			}
			end = s.held[0].window + window.Length
		}
		if end > until {
			return
		}
		start := end - window.Length
		if len(s.held) > 0 && s.held[0].window == start {
			for _, r := range s.held[0].runs {
				r.kind.merge(r)
			}
			s.held = slices.Delete(s.held, 0, 1)
		}
		for _, k := range s.kinds {
			if k != nil {
				k.close(start)
			}
		}
		s.clock = end
		emit(s)
	}
}

// end ends all flows.
func (s *source) end() {
	for _, k := range s.kinds {
		if k != nil {
			k.end()
		}
	}
}
