package routes

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
)

func publish(t *testing.T, b *bus.Bus, cfg Config) (p *Publisher, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p = NewPublisher(cfg, b, slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry()))
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	return p, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestPublisher publishes what a follower then has: first nothing, of a file that isn't there, which nobody has to wait for; then the file's routes,
// as they change; and none of it goes when the file does.
func TestPublisher(t *testing.T) {
	b := openBus(t)
	cfg := DefaultConfig()
	csv := filepath.Join(t.TempDir(), "routes.csv")
	cfg.Files = []string{csv}
	p, stop := publish(t, b, cfg)
	f, err := Follow(t.Context(), b, slog.New(slog.DiscardHandler), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if f.Table() == nil || f.Table().Len() != 0 { // nil: it waited in vain
		t.Fatalf("a table of %v, want an empty one", f.Table())
	}
	following, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); f.Run(following) }()
	defer func() { end(); <-ended }()
	origin := func() uint32 {
		r, _ := f.Table().Lookup(netip.MustParseAddr("192.0.2.1"))
		return r.Origin
	}
	for i, text := range []string{"prefix,origin_as\n192.0.2.0/24,1\n", "prefix,origin_as\n192.0.2.0/24,2\n"} {
		write(t, csv, text)
		p.Reload()
		until(t, "the table doesn't come", func() bool { return origin() == uint32(i+1) })
	}
	stop()
	cfg.Files = []string{csv + ".gone"}
	_, stop = publish(t, b, cfg)
	time.Sleep(200 * time.Millisecond)
	stop()
	g, err := Follow(t.Context(), b, slog.New(slog.DiscardHandler), 0)
	if err != nil || g.Table() == nil || g.Table().Len() != 1 {
		t.Errorf("%v, error %v; want the table of before", g.Table(), err)
	}
}
