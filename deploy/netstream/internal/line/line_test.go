package line

import (
	"context"
	"log/slog"
	"testing"
)

// stopAt is a log that ends a line when a component has started.
type stopAt struct {
	slog.Handler
	component string
	stop      context.CancelFunc
}

func (s stopAt) Enabled(context.Context, slog.Level) bool { return true }

func (s stopAt) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if r.Message == "component started" && a.Value.String() == s.component {
			s.stop()
		}
		return true
	})
	return nil
}

// TestStopWhileStarting stops lines before and while their work gets going: that is no failure.
func TestStopWhileStarting(t *testing.T) {
	for _, component := range []string{"disk space", "telemetry", "analyzer", "exporter", "ager", "flowcache", "work"} {
		cfg := DefaultConfig()
		cfg.Telemetry.Listen, cfg.Analyzer.API.Listen = "127.0.0.1:0", "127.0.0.1:0"
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		l, err := Open(cfg, t.TempDir(), slog.New(stopAt{slog.DiscardHandler, component, stop}))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Run(ctx, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}); err != nil {
			t.Errorf("stopped when %s had started: %v", component, err)
		}
		if ctx.Err() == nil {
			t.Errorf("%s never started", component)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
