package ager

import (
	"context"
	"fmt"
	"io"
	"time"

	"netstream/pipeline/checkpoints"
)

// keeper writes a checkpoint of a flow shard now and then, beside the worker, and finds the newest that is good, also when it
// writes none.
type keeper struct {
	*checkpoints.Keeper
	worker  *worker
	since   time.Time // when the last one was begun
	updates uint64    // taken in by then
}

const (
	// replayable is how many updates a restart may have to replay before a checkpoint comes early: about two seconds' worth.
	replayable = 4 << 20
	// leaving bounds the time that the last checkpoint of a worker that is stopped may take.
	leaving = 10 * time.Second
)

// ErrNoCheckpoint is met when there are checkpoints and none can be used: what is older than they are may be purged.
var ErrNoCheckpoint = checkpoints.ErrNone

// openKeeper opens the store and looks what it has of the worker's shard.
func openKeeper(ctx context.Context, w *worker) (*keeper, error) {
	k, err := checkpoints.Open(ctx, w.bus, fmt.Sprintf("ager-%d", w.shard), w.metrics.checkpoints, w.log.With("shard", w.shard))
	if err != nil {
		return nil, err
	}
	if w.shard == 0 { // once for all shards
		k.DeleteOrphans(ctx)
	}
	return &keeper{Keeper: k, worker: w, since: time.Now()}, nil
}

// recover gives the worker the state of the newest checkpoint that is good, if it is newer than where nothing was held.
func (k *keeper) recover(ctx context.Context) error {
	position, err := k.Recover(ctx, k.worker.emitter.position, k.load)
	if position == 0 {
		k.worker.reset()
		return err
	}
	k.worker.log.Info("ager has its checkpoint back", "shard", k.worker.shard, "position", position, "flows", k.worker.live())
	return nil
}

// reset makes the worker what it is where nothing was held.
func (w *worker) reset() {
	e := w.emitter
	w.sources, w.order, *w.monitors = map[string]*source{}, nil, roster{}
	e.position, e.number, e.replay = e.resumed.sequence, e.resumed.number, e.resumed
}

// load restores the worker from a checkpoint.
func (k *keeper) load(position uint64, r io.Reader) error {
	w := k.worker
	e := w.emitter
	w.reset()
	var d description
	cr, err := checkpoints.NewReader(r, &d)
	switch {
	case err != nil:
		return err
	case d.Version != checkpointVersion:
		return fmt.Errorf("%w: version %d, this program knows %d", checkpoints.ErrBad, d.Version, checkpointVersion)
	case d.Shard != w.shard || d.Position != position || d.Stream != e.stream:
		return fmt.Errorf("%w: it is of position %d of stream %s, flow shard %d; want what its name says, of stream %s",
			checkpoints.ErrBad, d.Position, d.Stream, d.Shard, e.stream)
	case !d.Created.Equal(w.created):
		return fmt.Errorf("%w: it was made at %s, the one that there is at %s", checkpoints.ErrOtherStream, d.Created, w.created)
	case d.Number > e.done:
		return fmt.Errorf("%w: %d flows had ended, though only %d are published", checkpoints.ErrBad, d.Number, e.done)
	}
	return w.restore(cr, &d)
}

// tend begins a checkpoint if it is time, and takes note of one that is done.
func (k *keeper) tend(ctx context.Context) {
	k.Tend(ctx)
	if !k.Saving() && (time.Since(k.since) >= k.worker.cfg.Checkpoint || k.worker.taken-k.updates >= replayable) {
		k.begin(ctx)
	}
}

// begin copies the worker's state and starts to write it.
func (k *keeper) begin(ctx context.Context) {
	w, now := k.worker, time.Now()
	k.since, k.updates = now, w.taken
	if w.cfg.Checkpoint == 0 {
		return // those that there are count all the same: what is older may be purged
	}
	if len(w.order) == 0 || k.Newest() >= w.emitter.position {
		return // nothing to save, or nothing new
	}
	s := w.snapshot()
	k.Save(ctx, s.Position, time.Since(now), s.write)
}

// last writes a checkpoint of a worker that is being stopped, and waits for it.
func (k *keeper) last(ctx context.Context) {
	k.Wait(ctx)
	k.begin(ctx)
	k.Wait(ctx)
}
