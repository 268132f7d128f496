// Package members deals the shards of a stage among the processes that run it.
//
//	              heartbeats, each 300 ms
//	process a ──┐                       ┌──> the same members, so the same deal, in each:
//	process b ──┼─> bucket <P>-members ─┼──>    a: shards 0 3 5
//	process c ──┘                       └──>    b: shards 1 4 7, c: shards 2 6
//
// A process joins with its first heartbeat and leaves with a goodbye, or is dead when the others haven't heard it for
// 1.2 s; each time the shards are dealt anew. Who has to give a shard up finishes what is in hand, and then no longer
// names the shard in its heartbeats. Only then the new owner names it, and begins when this heartbeat has come back and no
// other member has named the shard before.
//
// So two processes work on one shard only if one of them is wrongly taken for dead, or stood still and goes on as before.
// The fence of the bus decides then (bus.ErrFenced): a wrong belief costs time, never rows.
package members

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/schemas/subject"
)

// usual is the timing of all processes; design section 6 asks for takeover in about 1.2 s.
var usual = timing{beat: 300 * time.Millisecond, dead: 1200 * time.Millisecond, deaf: 750 * time.Millisecond, wait: 5 * time.Second}

const (
	// kept is how many heartbeats of a member the server keeps: who reads late, or joins, must not miss that a shard was
	// named in between.
	kept = 16
	// remembered is how long it keeps those of a process that was killed while nobody lived to delete them.
	remembered = 10 * time.Second
)

// Members is one process among those that share the shards of a stage.
type Members struct {
	bus     *bus.Bus
	stage   string
	shards  int
	timing  timing
	metrics *metrics
	log     *slog.Logger
}

// New makes a member of a stage of so many shards; it joins when it runs. All members must name the same number, which
// the layout of the streams makes sure of.
func New(b *bus.Bus, stage string, shards int, log *slog.Logger, reg prometheus.Registerer) *Members {
	return &Members{bus: b, stage: stage, shards: shards, timing: usual, metrics: newMetrics(stage, reg), log: log.With("stage", stage)}
}

// Run joins and calls own, in a goroutine of its own, for each shard that this process is dealt; the context ends when the
// shard goes to another, and own should then return soon. Of one shard there is never more than one call at a time.
//
// When own ends with bus.ErrFenced, the shard is begun again after a pause if it is still dealt here. Any other end before
// the context's ends Run, with an error that names the shard. When ctx ends, Run waits for all calls and says goodbye, so
// that others take over at once.
func (m *Members) Run(ctx context.Context, own func(ctx context.Context, shard int) error) error {
	if err := subject.Valid(m.stage); err != nil {
		return fmt.Errorf("shards: stage: %w", err)
	}
	bucket, err := m.bus.Bucket(ctx, m.bus.Pipeline.MembersBucket(), kept, remembered)
	if err != nil {
		return fmt.Errorf("shards: join the members of %s: %w", m.stage, err)
	}
	id := newID()
	r := &run{
		Members: m, id: id, bucket: bucket, own: own, view: newView(id, m.timing),
		workers: map[int]*worker{}, ended: make(chan *worker), waits: make([]wait, m.shards), from: make([]origin, m.shards),
		changed: make(chan struct{}, 1), dead: make(chan string, 16),
	}
	r.claims.Store(&claims{Holds: []int{}})
	return r.run(ctx)
}

// run is the state of one Run; one goroutine owns it, but for what beat and watch use.
type run struct {
	*Members
	id      string
	bucket  *bus.Bucket
	own     func(context.Context, int) error
	view    *view
	workers map[int]*worker // that have not ended
	ended   chan *worker
	dealt   []string // the members among whom
	owners  []string // were dealt the shards
	waits   []wait   // by shard
	from    []origin // by shard

	claims  atomic.Pointer[claims] // what the next heartbeat says
	changed chan struct{}          // the next heartbeat is due now
	dead    chan string            // whose keys are to be deleted: who joins later would wait for them
	taken   atomic.Uint64          // heartbeats
}

// origin is who worked on a shard last, of the others.
type origin struct {
	id     string
	reason string    // why it doesn't any more; empty: it does
	heard  time.Time // its last heartbeat
}

func (r *run) run(ctx context.Context) error {
	// Heartbeats go on until the last worker has ended: until then nobody else should begin.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	changes, failed := make(chan bus.Change), make(chan error, 1)
	var beating, watching sync.WaitGroup
	beating.Go(func() { r.beat(background) })
	watching.Go(func() { failed <- r.watch(background, changes) })
	r.log.Info("joins the members", "member", r.id)
	err := r.work(ctx, changes, failed)
	r.stopAll()
	stop()
	beating.Wait()
	r.leave()
	watching.Wait()
	return err
}

// work starts and stops workers until ctx ends or something fails.
func (r *run) work(ctx context.Context, changes <-chan bus.Change, failed <-chan error) error {
	ticker := time.NewTicker(r.timing.beat / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case c := <-changes:
			r.take(ctx, c, time.Now())
		case w := <-r.ended:
			if err := r.reap(w, time.Now()); err != nil && ctx.Err() == nil {
				return err
			}
		case <-ticker.C: // pauses pass
		}
		r.settle(ctx, time.Now())
	}
}

// take learns from a change of the bucket.
func (r *run) take(ctx context.Context, c bus.Change, now time.Time) {
	if c.Deleted {
		if c.Key == r.id {
			return // by whom? It lives, and the next heartbeat says so.
		}
		if f := r.view.left(c.Key, now); f != nil {
			r.log.Info("a member left", "who", f.id)
			r.gone(*f, reasonLeave, now)
		}
		return
	}
	h, err := parse(c.Value, r.shards)
	if err != nil {
		r.log.Warn("a heartbeat can't be read and doesn't count", "who", c.Key, "err", err)
		return
	}
	if !r.view.news(c.Key, h) {
		return
	}
	joined, died := r.view.heard(c.Key, h, now)
	if c.Key == r.id {
		r.begin(ctx, h.Round, now)
	} else {
		if joined {
			r.log.Info("a member joined", "who", c.Key)
		}
		r.note(c.Key, h.Holds, now)
	}
	for _, f := range died {
		r.log.Warn("a member is dead", "who", f.id, "silent", f.silent.Round(time.Millisecond), "shards", fmt.Sprint(f.holds))
		r.gone(f, reasonDeath, now)
	}
	if len(died) > 0 && r.view.live()[0] == r.id { // one is enough
		for _, f := range died {
			select {
			case r.dead <- f.id:
			default: // the server forgets it later
			}
		}
	}
}

// note remembers who works on which shard.
func (r *run) note(id string, holds []int, now time.Time) {
	for n := range r.from {
		switch from := &r.from[n]; {
		case slices.Contains(holds, n):
			*from = origin{id, "", now}
		case from.id == id:
			from.reason = reasonMove
		}
	}
}

// gone remembers why a member works on no shard any more.
func (r *run) gone(f farewell, reason string, now time.Time) {
	for n := range r.from {
		if from := &r.from[n]; from.id == f.id {
			from.reason = reason
		}
	}
}
