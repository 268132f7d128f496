// Package ager is stage 3: it decides when a flow is over.
//
//	UPDATES updates.<f>.*, commits.* -> worker f -> FLOWS flows.<f>
//
// A worker owns one flow shard. What it does is a function of the updates stream alone: the clock of a source is the
// lowest watermark over the packet shards, windows are applied in order when the clock passes their end, and the flows
// that end are sorted, numbered and published under a fence. So recovery is replay: a restarted worker reads the stream
// again from where nothing was held last and drops the flows whose numbers are already published.
package ager

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/janitor"
	"netstream/pipeline/monitors"
	"netstream/pipeline/positions"
	"netstream/pipeline/stage"
)

// Service runs the agers of the flow shards that are this process's.
type Service struct {
	cfg      Config
	bus      *bus.Bus
	monitors monitors.Config // of which only the aging counts here
	shards   stage.Shards
	released *positions.Shards // what no restart will read again
	metrics  *metrics
	streams  *janitor.Metrics
	log      *slog.Logger
}

// New makes the agers of flow shards; it starts nothing.
func New(cfg Config, monitors monitors.Config, b *bus.Bus, shards stage.Shards, reg prometheus.Registerer, log *slog.Logger) *Service {
	return &Service{
		cfg: cfg, monitors: monitors, bus: b, shards: shards, metrics: newMetrics(reg), log: log,
		released: positions.NewShards(b.Pipeline.UpdatesStream(), b.Layout.FlowShards), streams: janitor.NewMetrics(reg),
	}
}

// Run works until ctx ends or a shard fails. Live flows are not ended then: they are still in the updates stream.
func (s *Service) Run(ctx context.Context) error {
	defer positions.Keep(ctx, s.bus, positions.Ager, s.log, s.released.List)()
	err := s.shards.Run(ctx, func(ctx context.Context, shard int) error {
		w, err := newWorker(ctx, s, shard)
		if err != nil {
			return err
		}
		defer s.released.Set(shard, 0)
		return w.run(ctx)
	})
	if err != nil {
		return fmt.Errorf("ager: flow %w", err)
	}
	return nil
}
