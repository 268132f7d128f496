// Package janitor deletes what every reader is done with, once a stream has passed its soft limit. What any reader still
// needs is never deleted, and neither is the last message of a subject.
package janitor

import (
	"context"
	"log/slog"
	"time"

	"netstream/pipeline/bus"
)

// interval between two looks at the streams.
const interval = 250 * time.Millisecond

// again is how long a sweep holds for a stream that doesn't grow. A full one can't, and its readers may have caught up.
const again = 5 * time.Second

// Stream is one that is kept clean.
type Stream struct {
	Name string
	// Released is the sequence up to which all readers of a subject are done with it.
	Released func(ctx context.Context, subject string) (uint64, error)
}

// Janitor keeps streams clean.
type Janitor struct {
	bus     *bus.Bus
	soft    uint64
	streams []Stream
	log     *slog.Logger
	swept   map[string]visit // the last visit to each stream
}

// visit is when a stream was swept, and what it had then.
type visit struct {
	at    time.Time
	bytes uint64
}

// New makes a janitor of some streams; it starts nothing. soft is their soft limit in bytes.
func New(b *bus.Bus, soft uint64, streams []Stream, log *slog.Logger) *Janitor {
	return &Janitor{bus: b, soft: soft, streams: streams, log: log, swept: map[string]visit{}}
}

// Run sweeps until ctx ends. Trouble is logged and tried again: a full stream makes its writers wait, it loses nothing.
func (j *Janitor) Run(ctx context.Context) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, s := range j.streams {
			if err := j.sweep(ctx, s); err != nil && ctx.Err() == nil {
				j.log.Warn("a stream can't be swept", "stream", s.Name, "error", err)
			}
		}
	}
}

// sweep deletes what is released if the stream has passed its soft limit, and has grown by a part of it or been left alone
// for a while since the last time.
func (j *Janitor) sweep(ctx context.Context, s Stream) error {
	u, err := j.bus.Usage(ctx, s.Name, false)
	if err != nil || u.Bytes <= j.soft {
		return err
	}
	if last := j.swept[s.Name]; u.Bytes < last.bytes+j.soft/4 && time.Since(last.at) < again {
		return nil
	}
	u, err = j.bus.Usage(ctx, s.Name, true)
	if err != nil {
		return err
	}
	for _, subject := range u.Subjects {
		released, err := s.Released(ctx, subject)
		if err != nil {
			return err
		}
		if released == 0 {
			continue
		}
		if err := j.bus.Purge(ctx, s.Name, subject, released+1); err != nil {
			return err
		}
	}
	if u, err = j.bus.Usage(ctx, s.Name, false); err != nil {
		return err
	}
	j.swept[s.Name] = visit{time.Now(), u.Bytes}
	return nil
}
