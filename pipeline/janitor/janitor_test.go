package janitor

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/config"
	"netstream/pipeline/embedded/embeddedtest"
	"netstream/pipeline/positions"
	"netstream/schemas/message"
)

// open makes a bus with n messages of 1 KiB on each of the two flow shards.
func open(t *testing.T, n int) *bus.Bus {
	t.Helper()
	_, conn := embeddedtest.Connect(t)
	b, err := bus.New(conn, "live", bus.DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	for shard := range 2 {
		w, _, err := b.Writer(t.Context(), b.Pipeline.FlowsStream(), b.Pipeline.Flows(shard))
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			if err := w.Publish(t.Context(), message.Header{}, make([]byte, 1024)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b
}

// sequences lists what is left on a flow shard.
func sequences(t *testing.T, b *bus.Bus, shard int) (out []uint64) {
	t.Helper()
	last, err := b.Last(t.Context(), b.Pipeline.FlowsStream(), b.Pipeline.Flows(shard))
	if err != nil || last == nil {
		t.Fatalf("flow shard %d: last %v, error %v", shard, last, err)
	}
	r, err := b.Reader(t.Context(), b.Pipeline.FlowsStream(), []string{b.Pipeline.Flows(shard)}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		m, err := r.Next(t.Context(), 5e9)
		if err != nil {
			t.Fatal(err)
		}
		if out = append(out, m.Sequence); m.Sequence == last.Sequence {
			return out
		}
	}
}

// tidy makes a janitor that sweeps above soft bytes.
func tidy(t *testing.T, b *bus.Bus, soft uint64) *Janitor {
	t.Helper()
	b.Layout.SoftBytes = config.Size(soft)
	j := New(b, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	table, err := positions.Open(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(table.Close)
	j.table = table
	return j
}

func sweep(t *testing.T, b *bus.Bus, soft uint64, released map[string]uint64) {
	t.Helper()
	s := stream{name: b.Pipeline.FlowsStream(), released: func(_ bus.Usage, subject string) uint64 { return released[subject] }}
	if err := tidy(t, b, soft).sweep(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func TestSweepKeepsWhatIsNeeded(t *testing.T) {
	b := open(t, 10) // shard 0 has 1 to 10, shard 1 has 11 to 20
	sweep(t, b, 8<<10, map[string]uint64{b.Pipeline.Flows(0): 7})
	if got := sequences(t, b, 0); len(got) != 3 || got[0] != 8 {
		t.Errorf("shard 0 has %v, want 8 to 10: all after what is released", got)
	}
	if got := sequences(t, b, 1); len(got) != 10 {
		t.Errorf("shard 1 has %v, want all: nothing of it is released", got)
	}
}

func TestSweepKeepsTheFence(t *testing.T) {
	b := open(t, 10)
	sweep(t, b, 8<<10, map[string]uint64{b.Pipeline.Flows(0): 100, b.Pipeline.Flows(1): 20})
	for shard, want := range []uint64{10, 20} {
		if got := sequences(t, b, shard); len(got) != 1 || got[0] != want {
			t.Errorf("shard %d has %v, want its last message alone", shard, got)
		}
	}
}

func TestNothingIsSweptBelowTheSoftLimit(t *testing.T) {
	b := open(t, 10)
	sweep(t, b, 1<<20, map[string]uint64{b.Pipeline.Flows(0): 10, b.Pipeline.Flows(1): 20})
	if got := sequences(t, b, 0); len(got) != 10 {
		t.Errorf("shard 0 has %v, want all", got)
	}
}

// TestFullStreamIsSweptWhenItsReadersCatchUp sweeps in vain, as when a stream fills up faster than it is read. Then it can't
// grow any more, and must be swept all the same.
func TestFullStreamIsSweptWhenItsReadersCatchUp(t *testing.T) {
	b := open(t, 10)
	released := uint64(0)
	s := stream{name: b.Pipeline.FlowsStream(), released: func(bus.Usage, string) uint64 { return released }}
	j := tidy(t, b, 8<<10)
	try := func(want int, why string) {
		t.Helper()
		if err := j.sweep(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if got := sequences(t, b, 0); len(got) != want {
			t.Errorf("%s: shard 0 has %v, want %d messages", why, got, want)
		}
	}
	try(10, "nothing is released")
	released = 7
	try(10, "looked at just before")
	last := j.swept[s.name]
	last.at = last.at.Add(-time.Minute)
	j.swept[s.name] = last
	try(3, "it didn't grow for a minute")
}
