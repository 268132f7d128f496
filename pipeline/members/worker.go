package members

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"netstream/pipeline/bus"
)

// worker is one call of own.
type worker struct {
	shard   int
	begun   time.Time
	cancel  context.CancelFunc
	stopped bool // on purpose
	err     error
}

// wait is what keeps a shard from being begun.
type wait struct {
	until time.Time     // the pause after a fence
	pause time.Duration // how long it was; it doubles
	since time.Time     // that the shard is dealt here while another member still works on it; zero: it is not
	claim uint64        // the round of claims that names it; 0: none does
	force bool          // it is begun whoever works on it
}

const (
	shortPause = 200 * time.Millisecond
	longPause  = 5 * time.Second
)

// settle starts and stops workers as the shards are dealt now.
func (r *run) settle(ctx context.Context, now time.Time) {
	if !r.view.complete() || ctx.Err() != nil {
		return
	}
	if live := r.view.live(); !slices.Equal(live, r.dealt) {
		r.dealt, r.owners = live, deal(live, r.shards)
		r.metrics.live.Set(float64(len(live)))
	}
	claimed := false
	for n, owner := range r.owners {
		w, wait, mine := r.workers[n], &r.waits[n], owner == r.id
		switch {
		case !mine:
			claimed = claimed || wait.claim > 0
			wait.since, wait.claim = time.Time{}, 0
			if w != nil && !w.stopped {
				r.log.Info("shard is given up", "shard", n, "to", owner)
				w.stopped = true
				w.cancel()
			}
		case w == nil && wait.claim == 0 && r.free(n, now):
			wait.claim, claimed = r.claims.Load().Round+1, true
		}
	}
	if claimed {
		r.show()
	}
}

// free tells whether a shard that is dealt here can be claimed.
func (r *run) free(n int, now time.Time) bool {
	w := &r.waits[n]
	if now.Before(w.until) {
		return false
	}
	holder := r.view.holder(n)
	switch {
	case holder == "":
		w.since, w.force = time.Time{}, false
		return true
	case w.since.IsZero():
		w.since = now
		return false
	case now.Sub(w.since) < r.timing.wait:
		return false
	}
	r.log.Warn("a member doesn't give up a shard; it is begun all the same, the fence decides", "shard", n, "who", holder)
	w.since, w.force = now, true
	return true
}

// begin starts what was claimed, now that the claim has come back. Whoever else has named the shard did so before, and it
// is left to them.
func (r *run) begin(ctx context.Context, round uint64, now time.Time) {
	lost := false
	for n := range r.waits {
		w := &r.waits[n]
		if w.claim == 0 || w.claim > round {
			continue
		}
		w.claim = 0
		if w.force || r.view.holder(n) == "" {
			r.start(ctx, n, now)
		} else {
			lost = true
		}
	}
	if lost {
		r.show()
	}
}

// start starts the worker of a shard.
func (r *run) start(ctx context.Context, n int, now time.Time) {
	if from := &r.from[n]; from.id == "" {
		r.log.Info("shard is begun", "shard", n)
	} else if from.id != r.id { // not one that was only fenced here
		reason := from.reason
		if reason == "" {
			reason = reasonMove
		}
		r.metrics.takeovers.WithLabelValues(reason).Inc()
		r.log.Info("shard is taken over", "shard", n, "from", from.id, "reason", reason, "silent", now.Sub(from.heard).Round(time.Millisecond))
	}
	r.from[n].id = r.id
	ctx, cancel := context.WithCancel(ctx)
	w := &worker{shard: n, begun: now, cancel: cancel}
	r.workers[n] = w
	r.metrics.owned.Set(float64(len(r.workers)))
	go func() {
		w.err = r.own(ctx, n)
		r.ended <- w
	}()
}

// reap takes a worker that has ended. Its error is Run's, unless it was stopped or fenced.
func (r *run) reap(w *worker, now time.Time) error {
	w.cancel()
	delete(r.workers, w.shard)
	r.show()
	switch {
	case errors.Is(w.err, bus.ErrFenced):
		r.metrics.fenced.Inc()
		if w.stopped {
			return nil
		}
		wait := &r.waits[w.shard]
		if now.Sub(w.begun) > longPause {
			wait.pause = 0
		}
		wait.pause = min(max(2*wait.pause, shortPause), longPause)
		wait.until = now.Add(wait.pause)
		r.log.Warn("another process published on a shard: stands down", "shard", w.shard, "pause", wait.pause, "err", w.err)
		return nil
	case w.stopped:
		return nil
	case w.err == nil:
		return fmt.Errorf("shard %d: %w", w.shard, ErrEnded)
	}
	return fmt.Errorf("shard %d: %w", w.shard, w.err)
}

// ErrEnded is met when the work on a shard ended without being asked to.
var ErrEnded = errors.New("ended without being asked to stop")

// stopAll stops all workers and waits for them.
func (r *run) stopAll() {
	for _, w := range r.workers {
		w.stopped = true
		w.cancel()
	}
	for len(r.workers) > 0 {
		w := <-r.ended
		w.cancel()
		delete(r.workers, w.shard)
		r.show()
	}
}

// show tells the others which shards this process works on or claims.
func (r *run) show() {
	holds := []int{}
	for n := range r.shards {
		if r.workers[n] != nil || r.waits[n].claim > 0 {
			holds = append(holds, n)
		}
	}
	r.metrics.owned.Set(float64(len(r.workers)))
	r.claims.Store(&claims{r.claims.Load().Round + 1, holds})
	select {
	case r.changed <- struct{}{}:
	default: // it is due already
	}
}
