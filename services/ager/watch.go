package ager

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"netstream/schemas/commit"
	decision "netstream/schemas/control"
	"netstream/schemas/window"
)

// watch knows which live sources are silent. The worker of flow shard 0 tells it what the log says, and the owner of the
// control subject asks. Wall time counts only as long as the worker reads at the head of the stream: one that catches up
// finds old watermarks, and a broken connection silences all. A nil watch, that of all other workers, does nothing.
type watch struct {
	timeout time.Duration // 0: no source is ever idle
	settled int64         // ns of silence after which no source has live flows

	mu         sync.Mutex
	sources    map[string]*heard
	read       uint64    // sequence of the last message read
	head       time.Time // when the worker was last at the head; zero: not since it was lost
	since      time.Time // and without a break since then
	reconnects uint64
}

// heard is what is known of a source.
type heard struct {
	live   bool
	latest int64     // watermark
	seen   time.Time // when that was read
	clock  int64     // watermark or idle time from which the source's clock is told
	at     time.Time // when that was read
	moved  int64     // latest idle time in the log
	next   time.Time // when it may be moved on again
}

const (
	// unsure is how long a worker counts as being at the head after it was last found there.
	unsure = 5 * time.Second
	// lateness is the most that a sampler may allow its packets; flows may be as much younger than the watermark.
	lateness = int64(time.Minute)
)

func newWatch(timeout time.Duration, longestInactive int64) *watch {
	return &watch{timeout: timeout, settled: longestInactive + lateness + 2*window.Length, sources: map[string]*heard{}}
}

// step is how often a silent source is moved on, and looked for.
func (w *watch) step() time.Duration {
	if w.timeout == 0 {
		return time.Second
	}
	return max(min(time.Second, w.timeout/5), 10*time.Millisecond)
}

// heard takes a watermark.
func (w *watch) heard(m commit.Watermark, now time.Time) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.sources[m.Source]
	if h == nil {
		h = &heard{latest: commit.NoTime, clock: commit.NoTime, moved: commit.NoTime}
		w.sources[m.Source] = h
	}
	h.live = h.live || m.Live
	if m.Time <= h.latest {
		return
	}
	h.latest, h.seen = m.Time, now
	h.clock, h.at = m.Time, now
}

// moved takes an idle time that stands in the log: the clock goes on from there, also that of the next owner.
func (w *watch) moved(source string, to int64, now time.Time) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.sources[source]
	if h == nil {
		return
	}
	h.moved = max(h.moved, to)
	if to > h.now(now) {
		h.clock, h.at = to, now
	}
}

// now is the source's clock, if it had gone on.
func (h *heard) now(now time.Time) int64 { return h.clock + int64(now.Sub(h.at)) }

// forget drops a source that has ended.
func (w *watch) forget(source string) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.sources, source)
}

// reached tells how far the worker has read, and whether there was more.
func (w *watch) reached(sequence uint64, head, up bool, reconnects uint64, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.read = sequence
	switch {
	case !up:
		w.head = time.Time{}
		return
	case !head:
		return
	}
	if reconnects != w.reconnects || now.Sub(w.head) > unsure {
		w.since = now
	}
	w.head, w.reconnects = now, reconnects
}

// lost says that nothing is known of the head of the stream.
func (w *watch) lost() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.head = time.Time{}
}

// position is the sequence of the last message read.
func (w *watch) position() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.read
}

// names lists the sources that are alive. sure tells that the worker has read all that there is.
func (w *watch) names(now time.Time) (names []string, sure bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.sources {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, now.Sub(w.head) <= unsure
}

// idle lists the live sources that have been silent for the timeout and may still have flows, with the time that their
// clocks may be moved on to.
func (w *watch) idle(now time.Time) (rows []decision.Row) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timeout == 0 || now.Sub(w.head) > unsure {
		return nil
	}
	for name, h := range w.sources {
		since := h.seen
		if w.since.After(since) {
			since = w.since
		}
		if !h.live || h.latest == commit.NoTime || now.Sub(since) < w.timeout || now.Before(h.next) || h.moved >= h.latest+w.settled {
			continue
		}
		to := min(h.now(now), h.latest+w.settled, window.MaxTime)
		rows = append(rows, decision.Row{Action: decision.Idle, Source: name, Time: to})
	}
	slices.SortFunc(rows, func(a, b decision.Row) int { return cmp.Compare(a.Source, b.Source) })
	return rows
}

// told notes that sources were moved on, or can't be now. It tells which of them had not been before.
func (w *watch) told(rows []decision.Row, now time.Time) (begun []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range rows {
		h := w.sources[r.Source]
		if h == nil {
			continue
		}
		if h.moved <= h.latest {
			begun = append(begun, r.Source)
		}
		h.next = now.Add(w.step())
	}
	return begun
}
