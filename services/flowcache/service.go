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

	"netstream/pipeline/bus"
	"netstream/pipeline/positions"
	"netstream/pipeline/stage"
	"netstream/schemas/monitor"
)

// Service runs the flow caches of the packet shards that are this process's.
type Service struct {
	cfg         Config
	bus         *bus.Bus
	monitors    []monitor.Definition
	definitions string // the monitors as they travel
	shards      stage.Shards
	committed   *positions.Shards
	metrics     *metrics
	log         *slog.Logger
}

// New makes the flow caches of packet shards; it starts nothing.
func New(cfg Config, monitors []monitor.Definition, b *bus.Bus, shards stage.Shards, reg prometheus.Registerer, log *slog.Logger) *Service {
	return &Service{
		cfg: cfg, bus: b, monitors: monitors, definitions: monitor.Format(monitors), shards: shards, metrics: newMetrics(reg), log: log,
		committed: positions.NewShards(b.Pipeline.PacketsStream(), b.Layout.PacketShards),
	}
}

// Run works until ctx ends or a shard fails. What is held then is not handed over: it is still in the packets stream.
func (s *Service) Run(ctx context.Context) error {
	defer positions.Keep(ctx, s.bus, positions.FlowCache, s.log, s.committed.List)()
	err := s.shards.Run(ctx, func(ctx context.Context, shard int) error {
		w, err := newWorker(ctx, s, shard)
		if err != nil {
			return err
		}
		defer s.committed.Set(shard, 0)
		return w.run(ctx)
	})
	if err != nil {
		return fmt.Errorf("flowcache: packet %w", err)
	}
	return nil
}
