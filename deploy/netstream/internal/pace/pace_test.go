package pace

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"netstream/deploy/netstream/internal/traffic"
	"netstream/services/sampler"
)

var quick = traffic.Config{Seed: 1, PacketsPerSecond: 1000}

// TestReadKeepsTime plays five seconds of virtual time: every packet comes when it is due, not earlier and not much
// later, in order, and none is missing.
func TestReadKeepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		in := New(quick)
		model := traffic.New(quick, start)
		batch := make([]sampler.Packet, 64)
		var buf [frameBytes]byte
		total := 0
		for time.Since(start) < 5*time.Second {
			n, err := in.Read(batch)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now().UnixNano()
			for _, p := range batch[:n] {
				if late := time.Duration(now - p.Time); late < 0 || late > patience+atOnce {
					t.Fatalf("packet %d comes %s after its time", total, late)
				}
				kept, at, wire, iface := model.Next(buf[:])
				want := sampler.Packet{Time: at, Data: buf[:kept], WireLen: wire, Interface: iface, LinkType: linkType}
				if diff := cmp.Diff(want, p); diff != "" {
					t.Fatalf("packet %d (-want +got):\n%s", total, diff)
				}
				total++
			}
		}
		if total < 1000 {
			t.Errorf("%d packets in five seconds at a rate of 1,000/s", total)
		}
	})
}

// TestReadReturnsOnAQuietLine makes the sampler able to stop and to move the watermark while nothing comes.
func TestReadReturnsOnAQuietLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := New(quick)
		in.due.Time = time.Now().Add(time.Hour).UnixNano()
		begin := time.Now()
		n, err := in.Read(make([]sampler.Packet, 8))
		if n != 0 || err != nil || time.Since(begin) != patience {
			t.Errorf("Read gives %d packets, error %v after %s, want none after %s", n, err, time.Since(begin), patience)
		}
	})
}

func TestReadDoesNotAllocate(t *testing.T) {
	in := New(quick)
	in.sleep = func(time.Duration) {}
	later := time.Now().Add(time.Hour)
	in.now = func() time.Time { return later } // all is due
	batch := make([]sampler.Packet, 256)
	read := func() {
		if n, _ := in.Read(batch); n != len(batch) {
			t.Fatalf("%d packets, want %d", n, len(batch))
		}
	}
	read()
	if n := testing.AllocsPerRun(20, read); n != 0 {
		t.Errorf("Read: %v allocations a batch, want 0", n)
	}
}

func BenchmarkRead(b *testing.B) {
	in := New(quick)
	in.sleep = func(time.Duration) {}
	later := time.Now().Add(24 * time.Hour)
	in.now = func() time.Time { return later }
	batch := make([]sampler.Packet, 256)
	b.ReportAllocs()
	for i := 0; i < b.N; {
		n, _ := in.Read(batch)
		i += n
	}
}
