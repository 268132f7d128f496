// Package positions lets the readers of a pipeline's streams say how far they are done with them, so that what all are done with
// can be deleted. It is the one way for readers in this process and in others.
//
// A position is written after what it covers is safe elsewhere, so one that is old only keeps more than need be. It names the
// stream by the time at which that was made: a stream made anew numbers its messages from 1 again.
package positions

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"netstream/pipeline/bus"
)

// Names of readers.
const (
	FlowCache = "flowcache"
	Ager      = "ager"
	Analyzer  = "analyzer"
)

// Position says that nothing of a shard of a stream is needed any more up to a sequence.
type Position struct {
	Stream   string
	Shard    int
	Sequence uint64
}

const (
	// interval between two writings of what has moved.
	interval = 250 * time.Millisecond
	// grace is for the last writing when the reader is stopped.
	grace = time.Second
)

func bucket(ctx context.Context, b *bus.Bus) (*bus.Bucket, error) {
	return b.Bucket(ctx, b.Pipeline.PositionsBucket(), 1, 0)
}

func keyOf(stream string, shard int, reader string) string {
	return fmt.Sprintf("%s.%d.%s", stream, shard, reader)
}

// Shards is the positions in one stream of the workers of a process. It is safe for use by several goroutines.
type Shards struct {
	stream    string
	sequences []atomic.Uint64
}

// NewShards makes them for a stream of n shards.
func NewShards(stream string, n int) *Shards { return &Shards{stream, make([]atomic.Uint64, n)} }

// Set moves a shard's; 0 says that this process doesn't know it (any more).
func (s *Shards) Set(shard int, sequence uint64) { s.sequences[shard].Store(sequence) }

// List lists those that are known.
func (s *Shards) List() (out []Position) {
	for shard := range s.sequences {
		if n := s.sequences[shard].Load(); n > 0 {
			out = append(out, Position{s.stream, shard, n})
		}
	}
	return out
}

// Keep begins to write a reader's positions whenever they have moved. end writes them once more and returns. Trouble is logged and
// tried again: nothing is lost by it, only kept longer.
func Keep(ctx context.Context, b *bus.Bus, reader string, log *slog.Logger, current func() []Position) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() { keep(ctx, b, reader, log, current) })
	return func() {
		cancel()
		keeping.Wait()
	}
}

func keep(ctx context.Context, b *bus.Bus, reader string, log *slog.Logger, current func() []Position) {
	k := keeper{bus: b, reader: reader, current: current, written: map[string]uint64{}, created: map[string]time.Time{}}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
			defer cancel()
			if err := k.write(last); err != nil {
				log.Debug("the last positions are not written", "reader", reader, "error", err)
			}
			return
		case <-tick.C:
		}
		err := k.write(ctx)
		if err != nil && ctx.Err() == nil && !failed {
			log.Warn("positions can't be written; streams keep what was read", "reader", reader, "error", err)
		}
		failed = err != nil
	}
}

// keeper writes positions.
type keeper struct {
	bus     *bus.Bus
	bucket  *bus.Bucket
	reader  string
	current func() []Position
	written map[string]uint64    // by key
	created map[string]time.Time // by stream
}

func (k *keeper) write(ctx context.Context) (err error) {
	for _, p := range k.current() {
		key := keyOf(p.Stream, p.Shard, k.reader)
		if p.Sequence == 0 || p.Sequence == k.written[key] {
			continue
		}
		if k.bucket == nil {
			if k.bucket, err = bucket(ctx, k.bus); err != nil {
				return err
			}
		}
		if k.created[p.Stream].IsZero() {
			u, err := k.bus.Usage(ctx, p.Stream, false)
			if err != nil {
				return err
			}
			k.created[p.Stream] = u.Created
		}
		if err := k.bucket.Put(ctx, key, fmt.Appendf(nil, "%d %d", p.Sequence, k.created[p.Stream].UnixNano())); err != nil {
			return err
		}
		k.written[key] = p.Sequence
	}
	return nil
}

// Table is all positions of a pipeline, as far as they are written. It is not safe for use by several goroutines.
type Table struct {
	watch   *bus.Watch
	entries map[string]entry // by key
}

type entry struct {
	sequence uint64
	created  int64 // of the stream
}

// Open begins to follow the positions.
func Open(ctx context.Context, b *bus.Bus) (*Table, error) {
	k, err := bucket(ctx, b)
	if err != nil {
		return nil, err
	}
	w, err := k.Watch(ctx, ">")
	if err != nil {
		return nil, err
	}
	return &Table{watch: w, entries: map[string]entry{}}, nil
}

// Refresh takes in what was written since.
func (t *Table) Refresh(ctx context.Context) error {
	for {
		c, err := t.watch.Next(ctx, time.Millisecond)
		if c == nil || err != nil {
			return err
		}
		if e, ok := parse(c.Value); ok && !c.Deleted {
			t.entries[c.Key] = e
		} else {
			delete(t.entries, c.Key)
		}
	}
}

// parse reads what write writes.
func parse(value []byte) (e entry, ok bool) {
	n, err := fmt.Sscanf(string(value), "%d %d", &e.sequence, &e.created)
	return e, n == 2 && err == nil && strings.Count(string(value), " ") == 1
}

// Get is the position of a reader in the stream that was made at that time and has had so many messages; 0 if it has written none
// there. One that the stream hasn't come to can't be true and is forgotten, so that it is not taken for true later. So the stream must
// be looked at after Refresh.
func (t *Table) Get(stream string, created time.Time, last uint64, shard int, reader string) uint64 {
	key := keyOf(stream, shard, reader)
	e := t.entries[key]
	if e.created != created.UnixNano() || e.sequence > last {
		delete(t.entries, key)
		return 0
	}
	return e.sequence
}

// Close ends following.
func (t *Table) Close() { t.watch.Close() }
