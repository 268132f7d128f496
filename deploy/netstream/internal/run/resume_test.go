package run_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"netstream/deploy/netstream/internal/line"
	"netstream/deploy/netstream/internal/run"
	"netstream/services/sampler"
)

// TestFinishedCaptureAsksForAgain refuses a capture that has landed, unless it is wanted again or others are to do.
func TestFinishedCaptureAsksForAgain(t *testing.T) {
	first, second, data := capture(t, 500), capture(t, 600), t.TempDir()
	unreported := take(t, config(), data, first)
	with(t, config(), data, func(ctx context.Context, l *line.Line) {
		r, err := run.New([]string{first}, false).Run(ctx, l)
		if err != nil || r.Digest != unreported.Digest || r.Packets != 500 {
			t.Errorf("whose end was not reported: %+v, %v", r, err)
			return
		}
		if err := r.Reported(l); err != nil {
			t.Error(err)
		}
		if _, err := run.New([]string{first}, false).Run(ctx, l); !errors.Is(err, sampler.ErrFinished) || !strings.Contains(err.Error(), "--again") {
			t.Errorf("got error %v, want %v", err, sampler.ErrFinished)
		}
		r, err = run.New([]string{first, second}, false).Run(ctx, l)
		if err != nil || r.Packets != 600 || len(r.Skipped) != 1 {
			t.Errorf("beside one that is new: %+v, %v", r, err)
		}
		r, err = run.New([]string{first}, true).Run(ctx, l)
		if err != nil || r.Packets != 500 || !r.Closed {
			t.Errorf("again: %+v, %v", r, err)
		}
	})
	var sources, packets int
	err := database(t, data).QueryRow(`SELECT count(DISTINCT source), sum(packets)::INTEGER FROM flows`).Scan(&sources, &packets)
	if err != nil || sources != 3 || packets < 1500 {
		t.Errorf("%d sources with %d packets, want 3 with about 1600 (%v)", sources, packets, err)
	}
}

// TestDamagedCapture lands what is whole of a capture that is cut, and names the rest.
func TestDamagedCapture(t *testing.T) {
	whole, err := os.ReadFile(capture(t, 1000))
	if err != nil {
		t.Fatal(err)
	}
	path, data := filepath.Join(t.TempDir(), "cut.pcap"), t.TempDir()
	if err := os.WriteFile(path, whole[:len(whole)-40], 0o644); err != nil {
		t.Fatal(err)
	}
	r := take(t, config(), data, path)
	if r.Packets != 999 || !r.Closed || r.Sources[0].Damage == "" {
		t.Errorf("%d packets, books closed %t, damage %q; want 999 packets", r.Packets, r.Closed, r.Sources[0].Damage)
	}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), path+": byte ") || !strings.Contains(err.Error(), "the 999 packets before it are landed") {
		t.Errorf("error %v, want file, byte and what is landed", err)
	}
}

// TestNothingIsPublishedOfAJobWithABadCapture checks all captures first.
func TestNothingIsPublishedOfAJobWithABadCapture(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.pcap")
	if err := os.WriteFile(bad, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	with(t, config(), data, func(ctx context.Context, l *line.Line) {
		if _, err := run.New([]string{capture(t, 100), bad}, false).Run(ctx, l); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("got %v, want an error that names %s", err, bad)
		}
	})
	var n int
	if err := database(t, data).QueryRow(`SELECT count(*) FROM flow_rows`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows in the database, want none (%v)", n, err)
	}
}
