// Package landing brings flows from the bus into the database, each exactly once: rows, counters and positions are one
// transaction, and reading starts after the positions.
//
//	FLOWS flows.<f>, all shards -> decode -> buffer -> one transaction of whole messages
//
// A loaded line lands whole row groups; a quiet one lands what there is once an interval.
package landing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/routes"
	"netstream/schemas/ledger"
	"netstream/services/analyzer/internal/store"
)

// Config of the landing.
type Config struct {
	Shards   []int         // flow shards to land; nil: all
	Interval time.Duration // the longest that a flow waits for others
	Rows     int           // a transaction as soon as so many wait; 0: a row group

	Routes func() *routes.Table // the routing table in use, which may be nil; nil: flows land without routes
}

// Metrics of the landing.
type Metrics struct {
	Rows         prometheus.Counter
	Messages     prometheus.Counter
	Transactions prometheus.Counter
	Seconds      prometheus.Counter // spent in transactions
	Retries      prometheus.Counter
	Stopped      prometheus.Gauge // shards that can't go on
}

// Landing lands the flows of some shards. Its methods but Run are safe for several goroutines once Open has returned.
type Landing struct {
	*Progress
	cfg      Config
	bus      *bus.Bus
	store    *store.Store
	metrics  *Metrics
	log      *slog.Logger
	stream   string
	shards   map[string]*shard // by subject
	after    uint64            // where reading starts
	decoder  *decoder
	batch    *store.Batch
	messages int       // in the batch
	deadline time.Time // of the batch
}

// shard is one flow shard.
type shard struct {
	number   int
	position store.Position // of what is landed or in the batch
	stopped  bool
}

// Open reads the positions and checks them against the stream.
func Open(ctx context.Context, cfg Config, b *bus.Bus, s *store.Store, m *Metrics, log *slog.Logger) (*Landing, error) {
	if cfg.Rows == 0 {
		cfg.Rows = store.RowGroup
	}
	l := &Landing{
		Progress: newProgress(b.Layout.FlowShards),
		cfg:      cfg, bus: b, store: s, metrics: m, log: log, stream: b.Pipeline.FlowsStream(),
		shards: map[string]*shard{}, decoder: newDecoder(s), batch: store.NewBatch(),
	}
	l.decoder.routes = cfg.Routes
	l.batch.Retried = m.Retries.Inc
	if err := s.SetFlowShards(ctx, b.Layout.FlowShards); err != nil {
		return nil, err
	}
	if err := l.resume(ctx); err != nil {
		return nil, fmt.Errorf("resume landing: %w", err)
	}
	return l, nil
}

// resume finds out what is landed.
func (l *Landing) resume(ctx context.Context) error {
	numbers := l.cfg.Shards
	if numbers == nil {
		for n := range l.bus.Layout.FlowShards {
			numbers = append(numbers, n)
		}
	}
	positions, err := l.store.Positions(ctx)
	if err != nil {
		return err
	}
	for i, n := range numbers {
		subject := l.bus.Pipeline.Flows(n)
		sh := &shard{number: n, position: positions[store.Shard{Stream: l.stream, Number: n}]}
		last, err := l.bus.Last(ctx, l.stream, subject)
		if err != nil {
			return err
		}
		if at := sh.position.Sequence; at > 0 && (last == nil || last.Sequence < at) {
			return fmt.Errorf("%w: %s is landed up to message %d, which the stream does not have; the streams were deleted or are others: "+
				"use the data directory with the right ones, or another database", ErrAhead, subject, at)
		}
		if at := sh.position.Sequence; i == 0 || at < l.after {
			l.after = at
		}
		l.shards[subject] = sh
		l.reach(n, sh.position.Sequence)
	}
	return l.store.Snapshot(ctx, func(conn *sql.Conn) error {
		entries, err := store.Ledger(ctx, conn)
		if err != nil {
			return err
		}
		known := make(map[ledger.Key]ledger.Entry, len(entries))
		for _, e := range entries {
			known[e.Key()] = e
		}
		l.commit(known)
		return nil
	})
}

// Run lands until ctx ends; what is read by then is landed before it returns. A message that can't be used stops its
// shard, not the others and not Run, since a restart would only meet it again: see Stopped and Wait.
func (l *Landing) Run(ctx context.Context) error {
	subjects := make([]string, 0, len(l.shards))
	for subject := range l.shards {
		subjects = append(subjects, subject)
	}
	reader, err := l.bus.Reader(ctx, l.stream, subjects, l.after)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		m, err := reader.Next(ctx, l.wait())
		if ctx.Err() != nil {
			return l.land(ctx)
		}
		if err != nil {
			return errors.Join(err, l.land(ctx))
		}
		if m != nil {
			l.take(m)
		}
		if l.batch.Rows.Len() >= l.cfg.Rows || !l.batch.Empty() && !time.Now().Before(l.deadline) {
			if err := l.land(ctx); err != nil {
				return err
			}
		}
	}
}

// wait is how long to wait for the next message.
func (l *Landing) wait() time.Duration {
	if l.batch.Empty() {
		return time.Second
	}
	return max(time.Until(l.deadline), time.Millisecond)
}

// take adds a message to the batch.
func (l *Landing) take(m *bus.Message) {
	sh := l.shards[m.Subject]
	if sh == nil || sh.stopped || m.Sequence <= sh.position.Sequence {
		return
	}
	number, err := l.decoder.add(l.batch, m, sh.position.Number)
	if err != nil {
		sh.stopped = true
		err = fmt.Errorf("stream %s, %s: %w; flow shard %d is landed up to there and stops", l.stream, m.Where(), err, sh.number)
		l.log.Error("landing stops on a flow shard", "shard", sh.number, "error", err)
		l.metrics.Stopped.Inc()
		l.stop(sh.number, err)
		return
	}
	if l.batch.Empty() {
		l.deadline = time.Now().Add(l.cfg.Interval)
	}
	if l.decoder.over { // someone may wait for the source; the other shards' ends are on their way
		l.deadline = time.Now().Add(min(l.cfg.Interval, endWait))
	}
	sh.position = store.Position{Sequence: m.Sequence, Number: number}
	l.batch.Positions[store.Shard{Stream: l.stream, Number: sh.number}] = sh.position
	l.messages++
}

// endWait is how long the last flows of a source wait for others.
const endWait = 20 * time.Millisecond

// land lands the batch, even when ctx has ended: what is in hand is finished.
func (l *Landing) land(ctx context.Context) error {
	if l.batch.Empty() {
		return nil
	}
	start := time.Now()
	if err := l.store.Land(ctx, l.batch); err != nil {
		return err
	}
	l.metrics.Seconds.Add(time.Since(start).Seconds())
	l.metrics.Transactions.Inc()
	l.metrics.Rows.Add(float64(l.batch.Rows.Len()))
	l.metrics.Messages.Add(float64(l.messages))
	l.commit(l.batch.Ledger)
	for shard, at := range l.batch.Positions {
		if shard.Stream == l.stream {
			l.reach(shard.Number, at.Sequence)
		}
	}
	l.batch.Reset()
	l.messages = 0
	return nil
}
