package routes

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"netstream/pipeline/bus"
)

// Follower keeps the routing table that is in use on the bus at hand.
type Follower struct {
	*Store
	log   *slog.Logger
	table atomic.Pointer[Table]
}

// Follow opens the store and reads the table in use. If none was ever published it waits so long for the first one; without one,
// nothing is known until one comes.
func Follow(ctx context.Context, b *bus.Bus, log *slog.Logger, wait time.Duration) (*Follower, error) {
	store, err := NewStore(ctx, b)
	if err != nil {
		return nil, err
	}
	f := &Follower{Store: store, log: log}
	for deadline := time.Now().Add(wait); ; {
		t, err := store.Current(ctx)
		if err == nil {
			f.table.Store(t)
			return f, nil
		}
		if !errors.Is(err, ErrNoTable) {
			return nil, err
		}
		if time.Now().After(deadline) {
			log.Warn("no routing table is published; nothing is told of routes until one is", "waited", wait)
			return f, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Table is the table in use, nil if there is none. It is safe for use by several goroutines.
func (f *Follower) Table() *Table { return f.table.Load() }

// Run follows the table in use until ctx ends. While the store can't be read, the last one stays.
func (f *Follower) Run(ctx context.Context) {
	for ctx.Err() == nil {
		err := f.Watch(ctx, func(t *Table) {
			if was := f.table.Load(); was == nil || was.Version() != t.Version() {
				f.table.Store(t)
			}
		})
		if err != nil {
			f.log.Warn("the routing table can't be followed", "error", err)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
	}
}
