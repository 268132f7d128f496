package ager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"netstream/pipeline/bus"
	"netstream/services/ager/internal/checkpoint"
)

// keeper keeps the checkpoints of a flow shard: it writes one now and then, beside the worker, and finds the newest that is
// good, also when it writes none. Names contain the position and are never written twice; the newest two are kept.
type keeper struct {
	*Service
	shard   int
	objects *bus.Objects
	kept    []kept     // the oldest first
	bad     []kept     // that can't be used, and go when there is a new one
	saving  chan error // of the checkpoint being written; nil: none is
	next    kept       // that one
	since   time.Time  // when the last one was begun
	updates uint64     // taken in by then
}

// kept is a checkpoint in the store.
type kept struct {
	bus.Object
	position uint64
}

const (
	// keep is how many are kept: the one before the newest is there for a newest that can't be read.
	keep = 2
	// replayable is how many updates a restart may have to replay before a checkpoint comes early: about two seconds' worth.
	replayable = 4 << 20
	// leaving bounds the time that the last checkpoint of a worker that is stopped may take.
	leaving = 10 * time.Second
)

// ErrNoCheckpoint is met when there are checkpoints and none can be used: what is older than they are may be purged.
var ErrNoCheckpoint = errors.New("no checkpoint can be used")

// errOtherStream is met when a checkpoint is of a stream of that name that was deleted.
var errOtherStream = errors.New("a checkpoint of another stream")

// openKeeper opens the store and looks what it has of the shard.
func openKeeper(ctx context.Context, s *Service, shard int) (*keeper, error) {
	objects, err := s.bus.Objects(ctx, s.bus.Pipeline.CheckpointsBucket())
	if err != nil {
		return nil, err
	}
	k := &keeper{Service: s, shard: shard, objects: objects, since: time.Now()}
	if shard == 0 { // once for all shards
		if err := objects.DeleteOrphans(ctx); err != nil {
			s.log.Warn("leftovers of checkpoints stay", "error", err)
		}
	}
	list, err := objects.List(ctx, fmt.Sprintf("ager-%d-*.tar", shard))
	if err != nil {
		return nil, err
	}
	for _, o := range list {
		c, of := kept{Object: o}, 0
		if _, err := fmt.Sscanf(o.Name, "ager-%d-%d.tar", &of, &c.position); err != nil {
			return nil, fmt.Errorf("object store %s: %s is no name of a checkpoint: delete it", s.bus.Pipeline.CheckpointsBucket(), o.Name)
		}
		k.kept = append(k.kept, c)
	}
	return k, nil
}

// name is that of a checkpoint; by the zeros, names are ordered as positions are.
func (k *keeper) name(position uint64) string {
	return fmt.Sprintf("ager-%d-%020d.tar", k.shard, position)
}

// recover gives the worker the state of the newest checkpoint that is good, if it is newer than where nothing was held.
func (k *keeper) recover(ctx context.Context, w *worker) error {
	begin, useless := time.Now(), 0
	for i := len(k.kept) - 1; i >= 0 && k.kept[i].position > w.emitter.position; i-- {
		c := k.kept[i]
		err := k.load(ctx, c, w)
		if err == nil {
			k.metrics.recovery.Set(time.Since(begin).Seconds())
			k.log.Info("ager has its checkpoint back", "shard", k.shard, "checkpoint", c.Name, "bytes", c.Size, "flows", w.live(), "took", time.Since(begin))
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		k.kept, k.bad = k.kept[:i], append(k.bad, c)
		k.metrics.refused.Inc()
		if !errors.Is(err, errOtherStream) {
			useless++ // this stream's, of which what came before it may be purged
		}
		k.log.Error("a checkpoint is refused; the one before is tried", "shard", k.shard, "checkpoint", c.Name, "error", err)
	}
	if useless >= keep {
		return fmt.Errorf("%w: %d are refused, see the log; updates from before them may be purged already, so flows would be lost: "+
			"use the version of this program that wrote them, or restore object store %s", ErrNoCheckpoint, useless, k.bus.Pipeline.CheckpointsBucket())
	}
	return nil
}

// load restores a worker from a checkpoint. If that fails the worker is as it was before.
func (k *keeper) load(ctx context.Context, c kept, w *worker) (err error) {
	e := w.emitter
	defer func() {
		if err != nil { // it begins where nothing was held, as resume has it
			w.sources, w.order, *w.monitors = map[string]*source{}, nil, roster{}
			e.position, e.number, e.replay = e.resumed.sequence, e.resumed.number, e.resumed
		}
	}()
	r, err := k.objects.Get(ctx, c.Name)
	if err != nil {
		return err
	}
	defer r.Close()
	cr, d, err := checkpoint.NewReader(r)
	switch {
	case err != nil:
		return err
	case d.Shard != k.shard || d.Position != c.position || d.Stream != e.stream:
		return fmt.Errorf("%w: it is of position %d of stream %s, flow shard %d; want what its name says, of stream %s",
			checkpoint.ErrCheckpoint, d.Position, d.Stream, d.Shard, e.stream)
	case !d.Created.Equal(w.created):
		return fmt.Errorf("%w: it was made at %s, the one that there is at %s", errOtherStream, d.Created, w.created)
	case d.Number > e.done:
		return fmt.Errorf("%w: %d flows had ended, though only %d are published", checkpoint.ErrCheckpoint, d.Number, e.done)
	}
	if err := w.restore(cr, d); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r) // the store checks the whole at its end
	return err
}

// tend begins a checkpoint if it is time, and takes note of one that is done.
func (k *keeper) tend(ctx context.Context, w *worker) {
	select {
	case err := <-k.saving:
		k.saved(ctx, err)
	default:
	}
	if k.saving == nil && (time.Since(k.since) >= k.cfg.Checkpoint || w.taken-k.updates >= replayable) {
		k.begin(ctx, w)
	}
}

// begin copies the worker's state and starts to write it.
func (k *keeper) begin(ctx context.Context, w *worker) {
	begin := time.Now()
	k.since, k.updates = begin, w.taken
	if k.cfg.Checkpoint == 0 {
		return // those that there are count all the same: what is older may be purged
	}
	if len(w.order) == 0 || len(k.kept) > 0 && k.kept[len(k.kept)-1].position >= w.emitter.position {
		return // nothing to save, or nothing new
	}
	s := w.snapshot()
	pause := time.Since(begin)
	k.metrics.pause.observe(pause)
	k.next = kept{bus.Object{Name: k.name(s.Position)}, s.Position}
	k.saving = make(chan error, 1)
	go func() {
		r, to := io.Pipe()
		go func() { to.CloseWithError(s.write(to)) }()
		var err error
		k.next.Object, err = k.objects.Put(ctx, k.name(s.Position), r)
		r.CloseWithError(err) // ends the writer if the store gave up
		if err == nil {
			k.metrics.bytes.Set(float64(k.next.Size))
			k.metrics.saving.Observe(time.Since(begin).Seconds())
			k.log.Debug("checkpoint", "shard", k.shard, "position", s.Position, "flows", s.flows, "bytes", k.next.Size, "pause", pause, "took", time.Since(begin))
		}
		k.saving <- err
	}()
}

// saved takes note of a checkpoint that is written, and deletes those that are too old. Trouble is no end: the next one may
// work, and until then a restart replays more.
func (k *keeper) saved(ctx context.Context, err error) {
	k.saving = nil
	if err != nil {
		if ctx.Err() == nil {
			k.metrics.failed.Inc()
			k.log.Error("a checkpoint can't be written; a restart replays all since the last", "shard", k.shard, "error", err)
		}
		return
	}
	k.kept = append(k.kept, k.next)
	old := append(k.bad, k.kept[:max(len(k.kept)-keep, 0)]...)
	k.bad, k.kept = nil, k.kept[max(len(k.kept)-keep, 0):]
	for _, c := range old {
		if c.Name == k.next.Name {
			continue // a bad one that was written again
		}
		if err := k.objects.Delete(ctx, c.Object); err != nil {
			k.log.Warn("an old checkpoint stays until the next start", "shard", k.shard, "checkpoint", c.Name, "error", err)
		}
	}
}

// last writes a checkpoint of a worker that is being stopped, and waits for it.
func (k *keeper) last(ctx context.Context, w *worker) {
	if k.saving != nil {
		k.saved(ctx, <-k.saving)
	}
	if k.begin(ctx, w); k.saving != nil {
		k.saved(ctx, <-k.saving)
	}
}

// released is the position up to which no restart will read the updates again.
func (k *keeper) released() uint64 {
	if len(k.kept) < keep {
		return 0
	}
	return k.kept[0].position
}
