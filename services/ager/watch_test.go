package ager

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/commit"
	decision "netstream/schemas/control"
)

// begin is the wall clock of these tests, and mark the event time of their watermarks: they have nothing in common.
var begin = time.Unix(5000, 0)

const mark = int64(1_800_000_000e9)

// at is a time of the tests.
func at(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }

// idleAt asks for the sources that are idle at a time, by how much their clocks may be moved on.
func idleAt(w *watch, seconds float64) map[string]time.Duration {
	out := map[string]time.Duration{}
	rows := w.idle(at(seconds))
	for _, r := range rows {
		if r.Action != decision.Idle || r.Check() != nil {
			out["bad row of "+r.Source] = 0
		}
		out[r.Source] = time.Duration(r.Time - mark)
	}
	w.told(rows, at(seconds))
	return out
}

// stay keeps the worker at the head of the stream for a while.
func stay(w *watch, from, to float64) {
	for s := from; s <= to; s++ {
		w.reached(1, true, true, 0, at(s))
	}
}

func live(name string, after time.Duration) commit.Watermark {
	return commit.Watermark{Source: name, Time: mark + int64(after), Live: true}
}

func want(t *testing.T, what string, got, want map[string]time.Duration) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

type moves = map[string]time.Duration

// TestIdle moves a silent source on once a second, until none of its flows can be alive.
func TestIdle(t *testing.T) {
	w := newWatch(30*time.Second, int64(15*time.Second))
	w.heard(live("tap", 0), at(0))
	w.heard(live("busy", 0), at(0))
	w.heard(commit.Watermark{Source: "file", Time: mark}, at(0))
	w.heard(commit.Watermark{Source: "new", Time: commit.NoTime, Live: true}, at(0))
	stay(w, 0, 29)
	w.heard(live("busy", time.Second), at(29))
	want(t, "before the timeout", idleAt(w, 29.9), moves{})
	stay(w, 30, 30)
	want(t, "at the timeout", idleAt(w, 30), moves{"tap": 30 * time.Second})
	want(t, "soon again", idleAt(w, 30.9), moves{})
	w.moved("tap", mark+int64(30*time.Second), at(30.1)) // it is read back
	stay(w, 31, 31)
	want(t, "a second later", idleAt(w, 31), moves{"tap": 31 * time.Second})
	w.heard(live("tap", 2*time.Second), at(31.5)) // it comes back
	stay(w, 32, 61)
	want(t, "after it came back", idleAt(w, 61), moves{"busy": 33 * time.Second})
	stay(w, 62, 120)
	for s := 62.0; s < 200; s++ {
		stay(w, s, s)
		for source, to := range idleAt(w, s) {
			w.moved(source, mark+int64(to), at(s))
		}
	}
	// 15 s inactive, 60 s of lateness, 2 windows
	if h := w.sources["tap"]; h.moved != mark+int64(79*time.Second) {
		t.Errorf("moved on by %s, want 79s", time.Duration(h.moved-mark))
	}
	want(t, "when all is over", idleAt(w, 300), moves{})
	w.forget("tap")
	w.forget("busy")
	if names, _ := w.names(at(300)); !cmp.Equal(names, []string{"file", "new"}) {
		t.Errorf("sources %v", names)
	}
}

// TestIdleCountsAtTheHeadAlone lets time pass in which the worker could not have heard of a source.
func TestIdleCountsAtTheHeadAlone(t *testing.T) {
	for name, gap := range map[string]func(*watch){
		"not at the head yet":   func(w *watch) { *w = *newWatch(30*time.Second, 0); w.heard(live("tap", 0), at(0)) },
		"it catches up":         func(w *watch) { w.reached(2, false, true, 0, at(27)) },
		"the connection is cut": func(w *watch) { w.reached(2, true, false, 0, at(27)) },
		"and was made anew":     func(w *watch) { w.reached(2, true, true, 1, at(28)) },
		"the reader is lost":    func(w *watch) { w.lost() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatch(30*time.Second, 0)
			w.heard(live("tap", 0), at(0))
			stay(w, 0, 20)
			gap(w)
			if _, sure := w.names(at(28)); sure != (name == "and was made anew") {
				t.Errorf("sure of the head: %v", sure)
			}
			reconnects := uint64(0)
			if name == "and was made anew" {
				reconnects = 1
			}
			for s := 28.0; s <= 57; s++ {
				w.reached(3, true, true, reconnects, at(s))
			}
			want(t, "29 s after the gap", idleAt(w, 57), moves{})
			w.reached(3, true, true, reconnects, at(58))
			want(t, "30 s after the gap", idleAt(w, 58), moves{"tap": 58 * time.Second})
			if w.position() != 3 {
				t.Errorf("read up to %d, want 3", w.position())
			}
		})
	}
}

// TestIdleIsTakenOver goes on from what the last owner of the shard had written.
func TestIdleIsTakenOver(t *testing.T) {
	w := newWatch(30*time.Second, int64(time.Hour))
	w.heard(live("tap", 0), at(0)) // read in a replay
	w.moved("tap", mark+int64(500*time.Second), at(1))
	stay(w, 2, 32)
	want(t, "after the timeout", idleAt(w, 32), moves{"tap": 531 * time.Second})
	w.moved("tap", mark+int64(100*time.Second), at(33)) // an older one changes nothing
	stay(w, 33, 34)
	want(t, "later", idleAt(w, 34), moves{"tap": 533 * time.Second})
}

func TestIdleOff(t *testing.T) {
	w := newWatch(0, 0)
	w.heard(live("tap", 0), at(0))
	stay(w, 0, 100)
	want(t, "off", idleAt(w, 100), moves{})
}
