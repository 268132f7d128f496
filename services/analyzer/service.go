// Package analyzer is stage 4b: it lands flows in DuckDB, exactly once, and answers questions about them.
//
//	FLOWS     flows.<f>                        -> landing -> DuckDB -> SQL, HTTP
//	UDP -> DATAGRAMS datagrams.<shard>.<name>  -> decoder ->
package analyzer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"netstream/pipeline/bus"
	"netstream/pipeline/control"
	"netstream/pipeline/positions"
	"netstream/pipeline/routes"
	"netstream/services/analyzer/audit"
	"netstream/services/analyzer/internal/api"
	"netstream/services/analyzer/internal/collector"
	"netstream/services/analyzer/internal/landing"
	"netstream/services/analyzer/internal/query"
	"netstream/services/analyzer/internal/store"
)

// Landed is what of a source is in the database.
type Landed = landing.Landed

// routesWait is how long a start waits for a first routing table.
const routesWait = 30 * time.Second

// ErrNotRunning is met when the service has stopped, or never came up.
var ErrNotRunning = errors.New("the analyzer is not running")

// Service lands flows and answers questions.
type Service struct {
	cfg     Config
	bus     *bus.Bus
	metrics *metrics
	log     *slog.Logger
	ready   chan struct{} // closed when store and landing are set, or Run has ended
	once    sync.Once

	landing  *landing.Landing
	decoder  *collector.Decoder
	database *Database
	api      *api.Server         // nil: off
	receiver *collector.Receiver // nil: off
}

// New makes the analyzer; it starts nothing. cfg.Database must be set.
func New(cfg Config, b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) *Service {
	return &Service{cfg: cfg, bus: b, metrics: newMetrics(reg), log: log, ready: make(chan struct{})}
}

// Run opens the database and works until ctx ends or it can't go on. What was read by then is landed.
func (s *Service) Run(ctx context.Context) (err error) {
	defer s.once.Do(func() { close(s.ready) })
	if err := s.bus.Layout.CheckReader(positions.Analyzer); err != nil {
		return fmt.Errorf("analyzer: %w", err)
	}
	st, err := store.Open(ctx, store.Options{Path: s.cfg.Database, MemoryLimit: int64(s.cfg.MemoryLimit), Threads: cmp.Or(s.cfg.Threads, max(1, runtime.NumCPU()/2))})
	if err != nil {
		return fmt.Errorf("analyzer: %w", err)
	}
	defer func() {
		if closeErr := st.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("analyzer: close database %s: %w", st.Path(), closeErr)
		}
	}()
	if err := st.SetInterfaces(ctx, s.cfg.Interfaces); err != nil {
		return fmt.Errorf("analyzer: %w", err)
	}
	var places *routes.Places
	if len(s.cfg.Geo) > 0 {
		places = routes.NewPlaces(s.cfg.Geo, s.log, s.metrics.places)
		if err := st.SetPlaces(ctx, places.Lookup); err != nil {
			return fmt.Errorf("analyzer: %w", err)
		}
	}
	landed := landing.Config{Shards: s.cfg.FlowShards, Interval: s.cfg.LandInterval}
	var follower *routes.Follower
	if s.cfg.Routes {
		if follower, err = routes.Follow(ctx, s.bus, s.log, routesWait); err != nil {
			return fmt.Errorf("analyzer: %w", err)
		}
		landed.Routes = follower.Table
	}
	land, err := landing.Open(ctx, landed, s.bus, st, &s.metrics.landing, s.log)
	if err != nil {
		return fmt.Errorf("analyzer: %w", err)
	}
	database := &Database{store: st, engine: query.New(st, s.cfg.API.limits())}
	var server *api.Server
	if s.cfg.API.Listen != "" {
		if server, err = api.Listen(s.cfg.API.Listen, database, &s.metrics.api, s.log); err != nil {
			return fmt.Errorf("analyzer: %w", err)
		}
		defer server.Close()
		server.Force = func(ctx context.Context, r control.Request) (control.Result, error) {
			return control.Force(ctx, s.bus, r)
		}
		s.log.Info("analyzer answers questions", "address", server.Address(), "database", st.Path())
	}
	decoder, err := collector.Open(ctx, s.cfg.FlowShards, s.cfg.LandInterval, s.bus, st, &s.metrics.collector, s.log)
	if err != nil {
		return fmt.Errorf("analyzer: %w", err)
	}
	var receiver *collector.Receiver
	if s.cfg.Collector.Listen != "" {
		if receiver, err = collector.Listen(s.cfg.Collector.Listen, s.cfg.Collector.Name, s.bus, &s.metrics.collector, s.log); err != nil {
			return fmt.Errorf("analyzer: %w", err)
		}
		defer receiver.Close()
		s.log.Info("collector receives datagrams", "address", receiver.Address())
	}
	s.landing, s.decoder, s.database, s.api, s.receiver = land, decoder, database, server, receiver
	s.once.Do(func() { close(s.ready) })
	defer positions.Keep(ctx, s.bus, positions.Analyzer, s.log, s.positions)()

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return land.Run(ctx) })
	g.Go(func() error { return decoder.Run(ctx) })
	if places != nil {
		g.Go(func() error { places.Run(ctx); return nil })
	}
	if follower != nil {
		g.Go(func() error { follower.Run(ctx); return nil })
	}
	if receiver != nil {
		g.Go(func() error { return receiver.Run(ctx) })
	}
	if server != nil {
		g.Go(func() error { return server.Serve(ctx) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("analyzer: %w", err)
	}
	return nil
}

// started waits until the database is open.
func (s *Service) started(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ready:
	}
	if s.landing == nil {
		return ErrNotRunning
	}
	return nil
}

// Ready waits until the database is open and landing begins.
func (s *Service) Ready(ctx context.Context) error { return s.started(ctx) }

// Wait waits until a source has ended on all flow shards and is landed. It fails when a shard can't go on.
func (s *Service) Wait(ctx context.Context, source string) (Landed, error) {
	if err := s.started(ctx); err != nil {
		return Landed{}, err
	}
	return s.landing.Wait(ctx, source)
}

// Landed tells what is landed of a source now.
func (s *Service) Landed(source string) Landed {
	select {
	case <-s.ready:
		if s.landing != nil {
			return s.landing.Source(source)
		}
	default:
	}
	return Landed{}
}

// Database waits until the database is open and returns it, to ask and to audit within this process. It is valid until
// Run returns.
func (s *Service) Database(ctx context.Context) (*Database, error) {
	if err := s.started(ctx); err != nil {
		return nil, err
	}
	return s.database, nil
}

// Address waits until the API listens and returns where; empty if it is off.
func (s *Service) Address(ctx context.Context) (string, error) {
	if err := s.started(ctx); err != nil || s.api == nil {
		return "", err
	}
	return s.api.Address(), nil
}

// Collector waits until the collector listens and returns where; empty if it is off.
func (s *Service) Collector(ctx context.Context) (string, error) {
	if err := s.started(ctx); err != nil || s.receiver == nil {
		return "", err
	}
	return s.receiver.Address(), nil
}

// Audit closes the books over every hop, at one moment of the running line.
func (s *Service) Audit(ctx context.Context) (*audit.Report, error) {
	db, err := s.Database(ctx)
	if err != nil {
		return nil, err
	}
	return db.Audit(ctx)
}
