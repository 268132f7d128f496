// Package flowcache is stage 2: it merges the sampled packets of a flow and second into one update, so that the stages
// behind it handle flows and not packets.
//
//	PACKETS packets.<p>.* -> worker p -> UPDATES updates.<f>.<p> …, commits.<p>
//
// A worker owns one packet shard. It takes in whole messages; at the end of some message it hands over all it holds as
// one atomic batch whose last message, the commit, names the position and is fenced. So its state after a commit is
// empty, and a crash leaves a hand-over done or not done.
package flowcache

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"netstream/pipeline/bus"
	"netstream/schemas/monitor"
)

// Service runs the flow caches of the packet shards it owns.
type Service struct {
	cfg         Config
	bus         *bus.Bus
	monitors    []monitor.Definition
	definitions string // the monitors as they travel
	shards      []int
	metrics     *metrics
	log         *slog.Logger
}

// New makes the flow caches of some packet shards; it starts nothing.
func New(cfg Config, monitors []monitor.Definition, b *bus.Bus, shards []int, reg prometheus.Registerer, log *slog.Logger) *Service {
	return &Service{
		cfg: cfg, bus: b, monitors: monitors, definitions: monitor.Format(monitors), shards: shards, metrics: newMetrics(reg), log: log,
	}
}

// Run works until ctx ends or a shard fails. What is held then is not handed over: it is still in the packets stream.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, shard := range s.shards {
		g.Go(func() error {
			w, err := newWorker(ctx, s, shard)
			if err == nil {
				err = w.run(ctx)
			}
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("flowcache: packet shard %d: %w", shard, err)
			}
			return nil
		})
	}
	return g.Wait()
}
