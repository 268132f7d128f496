// Package checkpoints keeps what a stage needs to go on after its death: copies of its state in the pipeline's object store, each of a
// position in the stream that it reads. What is in one is the stage's affair.
//
// Names contain the position and are never written twice; the newest two are kept, so that there is one before a newest that
// can't be read.
package checkpoints

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"netstream/pipeline/bus"
)

// keep is how many are kept.
const keep = 2

var (
	// ErrNone is met when there are checkpoints and none can be used: what is older than they are may be purged.
	ErrNone = errors.New("no checkpoint can be used")

	// ErrOtherStream is for a load function to return of a checkpoint that is of a stream of that name which was deleted: one that
	// says nothing about what is purged.
	ErrOtherStream = errors.New("a checkpoint of another stream")
)

// Keeper keeps the checkpoints of one worker. It is for one goroutine.
type Keeper struct {
	bucket  string
	prefix  string
	objects *bus.Objects
	metrics *Metrics
	log     *slog.Logger
	kept    []kept     // the oldest first
	bad     []kept     // that can't be used, and go when there is a new one
	saving  chan error // of the checkpoint being written; nil: none is
	next    kept       // that one
}

// kept is a checkpoint in the store.
type kept struct {
	bus.Object
	position uint64
}

// Open opens the store and looks what it has of a worker, whose checkpoints are named prefix-position.tar.
func Open(ctx context.Context, b *bus.Bus, prefix string, m *Metrics, log *slog.Logger) (*Keeper, error) {
	k := &Keeper{bucket: b.Pipeline.CheckpointsBucket(), prefix: prefix, metrics: m, log: log}
	var err error
	if k.objects, err = b.Objects(ctx, k.bucket); err != nil {
		return nil, err
	}
	list, err := k.objects.List(ctx, prefix+"-*.tar")
	if err != nil {
		return nil, err
	}
	for _, o := range list {
		c, digits := kept{Object: o}, strings.TrimPrefix(o.Name, prefix+"-")
		if strings.Contains(digits, "-") {
			continue // of a worker whose name goes on
		}
		if _, err := fmt.Sscanf(digits, "%d.tar", &c.position); err != nil {
			return nil, fmt.Errorf("object store %s: %s is no name of a checkpoint: delete it", k.bucket, o.Name)
		}
		k.kept = append(k.kept, c)
	}
	return k, nil
}

// DeleteOrphans deletes what writers that died left behind.
func (k *Keeper) DeleteOrphans(ctx context.Context) {
	if err := k.objects.DeleteOrphans(ctx); err != nil {
		k.log.Warn("leftovers of checkpoints stay", "error", err)
	}
}

// name is that of a checkpoint; by the zeros, names are ordered as positions are.
func (k *Keeper) name(position uint64) string { return fmt.Sprintf("%s-%020d.tar", k.prefix, position) }

// Newest is the position of the newest checkpoint, 0 without one.
func (k *Keeper) Newest() uint64 {
	if len(k.kept) == 0 {
		return 0
	}
	return k.kept[len(k.kept)-1].position
}

// Released is the position up to which no restart will read again: that of the checkpoint before the newest.
func (k *Keeper) Released() uint64 {
	if len(k.kept) < keep {
		return 0
	}
	return k.kept[0].position
}

// Recover gives load the newest checkpoint that it takes, of those behind a position; it returns where that stands, or 0 when there is
// none to be had. load is given all of it and is called again with the one before when it fails, or when what it read
// turns out to be damaged at its end.
func (k *Keeper) Recover(ctx context.Context, after uint64, load func(position uint64, r io.Reader) error) (uint64, error) {
	begin, useless := time.Now(), 0
	for i := len(k.kept) - 1; i >= 0 && k.kept[i].position > after; i-- {
		c := k.kept[i]
		err := k.load(ctx, c, load)
		if err == nil {
			k.metrics.recovery.Set(time.Since(begin).Seconds())
			k.log.Info("a checkpoint is read", "checkpoint", c.Name, "bytes", c.Size, "took", time.Since(begin))
			return c.position, nil
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		k.kept, k.bad = k.kept[:i], append(k.bad, c)
		k.metrics.refused.Inc()
		if !errors.Is(err, ErrOtherStream) {
			useless++ // this stream's, of which what came before it may be purged
		}
		k.log.Error("a checkpoint is refused; the one before is tried", "checkpoint", c.Name, "error", err)
	}
	if useless >= keep {
		return 0, fmt.Errorf("%w: %d are refused, see the log; what they were made of may be purged already, so flows would be lost: "+
			"use the version of this program that wrote them, or restore object store %s", ErrNone, useless, k.bucket)
	}
	return 0, nil
}

func (k *Keeper) load(ctx context.Context, c kept, load func(uint64, io.Reader) error) error {
	r, err := k.objects.Get(ctx, c.Name)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := load(c.position, r); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r) // the store checks the whole at its end
	return err
}

// Saving tells whether a checkpoint is being written.
func (k *Keeper) Saving() bool { return k.saving != nil }

// Save begins to write a checkpoint of a position behind Newest, in a goroutine of its own; none is being written. pause is how
// long the stage stood still to make the copy that is written.
func (k *Keeper) Save(ctx context.Context, position uint64, pause time.Duration, write func(io.Writer) error) {
	k.metrics.pause.observe(pause)
	began := time.Now().Add(-pause)
	k.next = kept{bus.Object{Name: k.name(position)}, position}
	k.saving = make(chan error, 1)
	go func() {
		r, to := io.Pipe()
		go func() { to.CloseWithError(write(to)) }()
		var err error
		k.next.Object, err = k.objects.Put(ctx, k.name(position), r)
		r.CloseWithError(err) // ends the writer if the store gave up
		if err == nil {
			k.metrics.bytes.Set(float64(k.next.Size))
			k.metrics.saving.Observe(time.Since(began).Seconds())
			k.log.Debug("checkpoint", "position", position, "bytes", k.next.Size, "pause", pause, "took", time.Since(began))
		}
		k.saving <- err
	}()
}

// Tend takes note of a checkpoint that is written by now.
func (k *Keeper) Tend(ctx context.Context) {
	select {
	case err := <-k.saving:
		k.saved(ctx, err)
	default:
	}
}

// Wait takes note of the checkpoint that is being written, if one is, when it is done.
func (k *Keeper) Wait(ctx context.Context) {
	if k.saving != nil {
		k.saved(ctx, <-k.saving)
	}
}

// saved takes note of a checkpoint that is written, and deletes those that are too old. Trouble is no end: the next one may
// work, and until then a restart replays more.
func (k *Keeper) saved(ctx context.Context, err error) {
	k.saving = nil
	if err != nil {
		if ctx.Err() == nil {
			k.metrics.failed.Inc()
			k.log.Error("a checkpoint can't be written; a restart replays all since the last", "error", err)
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
			k.log.Warn("an old checkpoint stays until the next start", "checkpoint", c.Name, "error", err)
		}
	}
}
