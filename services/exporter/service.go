// Package exporter is stage 4a: it sends expired flows as NetStream datagrams over UDP, or as IPFIX over TCP and TLS.
//
//	FLOWS flows.* -> take: read, encode for each destination -> send, then commit -> EXPORTS exports.<name>
//
// One exporter reads all flow shards in the order of the stream. Its datagrams, their times and their sequence numbers
// are a function of that stream. A message of flows is sent, then what was done is committed under a fence, and only then
// is the next one sent; so a restart repeats the datagrams of one message at most, the same bytes again, and skips none.
package exporter

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/positions"
)

// Service is one exporter.
type Service struct {
	cfg      Config
	bus      *bus.Bus
	metrics  *metrics
	log      *slog.Logger
	progress progress
	released atomic.Uint64 // sequence in the flows stream up to which no restart will read again
}

// New makes an exporter of a valid configuration; it opens and starts nothing. Its metrics carry its name as a label, so
// that a process can have several.
func New(cfg Config, b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) *Service {
	reg = prometheus.WrapRegistererWith(prometheus.Labels{"exporter": cfg.Name}, reg)
	return &Service{
		cfg: cfg, bus: b, metrics: newMetrics(reg), log: log.With("exporter", cfg.Name),
		progress: progress{moved: make(chan struct{})},
	}
}

// Run works until ctx ends, then finishes the message in hand if that takes no longer than two seconds. Trouble with a
// destination is no error; losing the fence to another exporter of the same name (bus.ErrFenced) is. It is called once.
func (s *Service) Run(ctx context.Context) error {
	if err := s.bus.Layout.CheckReader(s.cfg.Name); err != nil {
		return fmt.Errorf("exporter %s: %w", s.cfg.Name, err)
	}
	defer positions.Keep(ctx, s.bus, s.cfg.Name, s.log, s.positions)()
	r, err := newRun(ctx, s)
	if err == nil {
		err = r.run(ctx)
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("exporter %s: %w", s.cfg.Name, err)
	}
	return nil
}
