package line

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"netstream/schemas/message"
)

// TestLastCommitOfAnExporterIsEnough publishes commits over the soft limit: all but the last go.
func TestLastCommitOfAnExporterIsEnough(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Layout.SoftBytes = 1 << 10
	l, err := Open(cfg, t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream := l.bus.Pipeline.ExportsStream()
	w, _, err := l.bus.Writer(ctx, stream, l.bus.Pipeline.Exports("one"))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.Publish(ctx, message.Header{}, make([]byte, 1024)); err != nil {
			t.Fatal(err)
		}
	}
	sweeping, stop := context.WithCancel(ctx)
	swept := make(chan error, 1)
	go func() { swept <- l.janitor().Run(sweeping) }()
	for {
		u, err := l.bus.Usage(ctx, stream, false)
		if err != nil {
			t.Fatal(err)
		}
		if u.Bytes < 2<<10 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	if err := <-swept; err != nil {
		t.Error(err)
	}
	if last, err := l.bus.Last(ctx, stream, l.bus.Pipeline.Exports("one")); err != nil || last == nil || last.Sequence != 3 {
		t.Errorf("the last commit is %v, %v; want message 3", last, err)
	}
}
