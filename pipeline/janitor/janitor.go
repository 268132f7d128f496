// Package janitor deletes what every reader is done with, once a stream has passed its soft limit. What any reader still
// needs is never deleted, and neither is the last message of a subject.
package janitor

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"netstream/pipeline/bus"
	"netstream/pipeline/positions"
)

// interval between two looks at the streams.
const interval = 250 * time.Millisecond

// again is how long a sweep holds for a stream that doesn't grow. A full one can't, and its readers may have caught up.
const again = 5 * time.Second

// Janitor keeps the streams of a pipeline clean. Several may run at once, as while one process takes over from another: none
// deletes more than what is released.
type Janitor struct {
	bus     *bus.Bus
	log     *slog.Logger
	metrics *Metrics
	table   *positions.Table
	swept   map[string]visit // the last visit to each stream
}

// visit is when a stream was swept, and what it had then.
type visit struct {
	at    time.Time
	bytes uint64
}

// New makes a janitor; it starts nothing.
func New(b *bus.Bus, m *Metrics, log *slog.Logger) *Janitor {
	return &Janitor{bus: b, metrics: m, log: log, swept: map[string]visit{}}
}

// Run sweeps until ctx ends. Trouble is logged and tried again: a full stream makes its writers wait, it loses nothing.
func (j *Janitor) Run(ctx context.Context) {
	defer j.metrics.forget()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if j.table != nil {
				j.table.Close()
			}
			return
		case <-tick.C:
		}
		if err := j.look(ctx); err != nil && ctx.Err() == nil {
			j.log.Warn("streams can't be swept", "error", err)
		}
	}
}

// look looks at all streams, and sweeps those that are due.
func (j *Janitor) look(ctx context.Context) (err error) {
	if j.table == nil {
		if j.table, err = positions.Open(ctx, j.bus); err != nil {
			return err
		}
	}
	if err := j.table.Refresh(ctx); err != nil {
		return err
	}
	for _, s := range streams(j.bus, j.table) {
		err = errors.Join(err, j.sweep(ctx, s))
	}
	return err
}

// sweep deletes what is released if the stream has passed its soft limit, and has grown by a part of it or been left alone
// for a while since the last time.
func (j *Janitor) sweep(ctx context.Context, s stream) error {
	u, err := j.bus.Usage(ctx, s.name, false)
	if err != nil {
		return err
	}
	soft := uint64(j.bus.Layout.SoftBytes)
	j.show(s, u, soft)
	if u.Bytes <= soft {
		return nil
	}
	if last := j.swept[s.name]; u.Bytes < last.bytes+soft/4 && time.Since(last.at) < again {
		return nil
	}
	u, err = j.bus.Usage(ctx, s.name, true)
	if err != nil {
		return err
	}
	for _, subject := range u.Subjects {
		released := s.released(u, subject)
		if released == 0 {
			continue
		}
		if err := j.bus.Purge(ctx, s.name, subject, released+1); err != nil {
			return err
		}
	}
	if u, err = j.bus.Usage(ctx, s.name, false); err != nil {
		return err
	}
	j.swept[s.name] = visit{time.Now(), u.Bytes}
	return nil
}

// show shows a stream and how far its readers are behind.
func (j *Janitor) show(s stream, u bus.Usage, soft uint64) {
	j.metrics.show(s.name, u.Bytes, soft, uint64(j.bus.Layout.MaxBytes))
	shards := j.bus.Layout.FlowShards
	if s.name == j.bus.Pipeline.PacketsStream() {
		shards = j.bus.Layout.PacketShards
	}
	for shard := range shards {
		for _, r := range s.readers {
			lag := math.NaN()
			if at := j.table.Get(s.name, u.Created, u.Last, shard, r); at > 0 || u.Last == 0 {
				lag = float64(u.Last - at)
			}
			j.metrics.showLag(s.name, shard, r, lag)
		}
	}
}
