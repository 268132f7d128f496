package linetest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/services/analyzer/internal/landing"
	"netstream/services/analyzer/internal/store"
)

// Metrics are metrics that nobody reads.
func Metrics() *landing.Metrics {
	c := func() prometheus.Counter { return prometheus.NewCounter(prometheus.CounterOpts{Name: "test"}) }
	return &landing.Metrics{
		Rows: c(), Messages: c(), Transactions: c(), Seconds: c(), Retries: c(),
		Stopped: prometheus.NewGauge(prometheus.GaugeOpts{Name: "test"}),
	}
}

// Land lands what is on the bus, each message in a transaction of its own, until the sources have ended.
func Land(t testing.TB, b *bus.Bus, s *store.Store, sources ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l, err := landing.Open(ctx, landing.Config{Interval: 10 * time.Millisecond, Rows: 1}, b, s, Metrics(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	run, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- l.Run(run) }()
	for _, source := range sources {
		if _, err := l.Wait(ctx, source); err != nil {
			t.Errorf("source %s: %v", source, err)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
