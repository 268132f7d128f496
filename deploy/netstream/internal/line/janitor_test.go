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

// TestUpdatesAreKeptForReplay releases updates up to where each flow shard's ager last held nothing, commits and control up to
// the lowest of them.
func TestUpdatesAreKeptForReplay(t *testing.T) {
	l, err := Open(DefaultConfig(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := l.bus.Pipeline
	want := func(updates0, updates1, commits uint64) {
		t.Helper()
		for subject, want := range map[string]uint64{p.Updates(0, 1): updates0, p.Updates(1, 0): updates1, p.Commits(1): commits, p.Control(): commits} {
			if got, err := l.updatesReleased(t.Context(), subject); err != nil || got != want {
				t.Errorf("%s is released up to %d, %v; want %d", subject, got, err, want)
			}
		}
	}
	want(0, 0, 0)
	for shard, replay := range []uint64{70, 50} {
		w, _, err := l.bus.Writer(t.Context(), p.FlowsStream(), p.Flows(shard))
		if err != nil {
			t.Fatal(err)
		}
		h := message.Header{}
		h.SetPair(message.Replay, replay, 3)
		if err := w.Publish(t.Context(), h, nil); err != nil {
			t.Fatal(err)
		}
		if shard == 0 {
			want(70, 0, 0)
		}
	}
	want(70, 50, 50)
}
