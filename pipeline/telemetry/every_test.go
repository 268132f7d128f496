package telemetry

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// lines returns a logger that writes the message and attributes only, and what it has written.
func lines() (*slog.Logger, func() []string) {
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	return log, func() []string { return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") }
}

func counter() prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: "faults_total"})
}

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, written := lines()
		faults := counter()
		e := NewEvery(log, time.Minute, faults)
		fault := func() { e.Warn("datagram refused", slog.String("exporter", "192.0.2.1")) }

		fault() // at once
		fault()
		time.Sleep(30 * time.Second)
		fault()
		time.Sleep(30 * time.Second)
		fault() // a minute after the first
		time.Sleep(time.Hour)
		fault() // nothing was left out

		const record = `level=WARN msg="datagram refused" `
		want := []string{record + "exporter=192.0.2.1", record + "suppressed=2 exporter=192.0.2.1", record + "exporter=192.0.2.1"}
		if diff := cmp.Diff(want, written()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if n := testutil.ToFloat64(faults); n != 5 {
			t.Errorf("counted %v faults, want 5", n)
		}
	})
}

func TestEveryConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, written := lines()
		faults := counter()
		e := NewEvery(log, time.Minute, faults)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 100 {
					e.Warn("datagram refused")
				}
			})
		}
		wg.Wait()
		time.Sleep(time.Minute)
		e.Warn("datagram refused")
		const record = `level=WARN msg="datagram refused"`
		if diff := cmp.Diff([]string{record, record + " suppressed=799"}, written()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if n := testutil.ToFloat64(faults); n != 801 {
			t.Errorf("counted %v faults, want 801", n)
		}
	})
}

func TestEveryDoesNotAllocateWhenSuppressed(t *testing.T) {
	log, _ := lines()
	e := NewEvery(log, time.Hour, counter())
	e.Warn("first")
	n := testing.AllocsPerRun(100, func() { e.Warn("datagram refused", slog.String("reason", "short"), slog.Int("length", 7)) })
	if n != 0 {
		t.Errorf("%v allocations for a suppressed fault, want 0", n)
	}
}

func BenchmarkEverySuppressed(b *testing.B) {
	log, _ := lines()
	e := NewEvery(log, time.Hour, counter())
	b.ReportAllocs()
	for b.Loop() {
		e.Warn("datagram refused", slog.Int("length", 7))
	}
}
