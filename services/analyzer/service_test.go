package analyzer_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/services/analyzer"
	"netstream/services/analyzer/audit"
	"netstream/services/analyzer/internal/linetest"
)

// start runs an analyzer until the returned function is called, which waits for it.
func start(t testing.TB, b *bus.Bus, path string) (*analyzer.Service, func()) {
	t.Helper()
	cfg := analyzer.DefaultConfig()
	cfg.Database, cfg.LandInterval, cfg.API.Listen = path, 20*time.Millisecond, "127.0.0.1:0"
	s := analyzer.New(cfg, b, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err, <-done)
	}
	return s, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestSourcesLandWholeAndTheBooksClose(t *testing.T) {
	const shards = 3
	b, path := linetest.Bus(t, shards), filepath.Join(t.TempDir(), "db", "netstream.duckdb")
	rng := rand.New(rand.NewPCG(1, 2))
	var agers [shards]*linetest.Ager
	for i := range agers {
		agers[i] = linetest.NewAger(t, b, i)
	}
	s, stop := start(t, b, path)
	want := 0
	for i := range 30 {
		n := rng.IntN(200)
		m := linetest.Random(rng, n, i%2 == 0, "a", "b")
		want += n
		agers[i%shards].Publish(m)
		if i == 15 {
			stop()
			s, stop = start(t, b, path)
		}
	}
	for i := range agers {
		agers[i].Publish(linetest.Message{Sources: []string{"a", "b"}, End: true})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	rows := uint64(0)
	for _, source := range []string{"a", "b"} {
		l, err := s.Wait(ctx, source)
		if err != nil || !l.Ended {
			t.Fatalf("source %s: %+v, %v", source, l, err)
		}
		rows += l.Rows
	}
	if rows != uint64(want) {
		t.Errorf("%d rows landed, want %d", rows, want)
	}
	db, err := s.Database(ctx)
	if err != nil {
		t.Fatal(err)
	}
	report, err := db.Audit(ctx)
	if err != nil || report.Err() != nil {
		t.Errorf("audit of the running line: %v, %v", err, report)
	}
	stop()
	report, err = audit.File(ctx, path)
	if err != nil || report.Err() != nil {
		t.Errorf("audit of the file: %v, %v", err, report)
	}
	for _, l := range report.Lines {
		if l.State != audit.Closes {
			t.Errorf("%+v of an ended source", l)
		}
	}
	if got := len(report.Lines); got != 24 {
		t.Errorf("%d lines, want 2 hops of 2 sources and 5 of their 2 monitors", got)
	}
	if _, err := s.Wait(ctx, "a"); err != nil {
		t.Errorf("what is known after the end: %v", err)
	}
}

func TestWaitOfAnAnalyzerThatCannotStart(t *testing.T) {
	b := linetest.Bus(t, 1)
	cfg := analyzer.DefaultConfig()
	cfg.Database = "/dev/null/netstream.duckdb"
	s := analyzer.New(cfg, b, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err := s.Run(t.Context()); err == nil {
		t.Fatal("a database below /dev/null was opened")
	}
	if _, err := s.Wait(t.Context(), "a"); !errors.Is(err, analyzer.ErrNotRunning) {
		t.Errorf("error %v, want ErrNotRunning", err)
	}
}
