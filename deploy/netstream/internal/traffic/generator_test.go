package traffic

import (
	"bytes"
	"hash/maphash"
	"math"
	"net/netip"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// quiet makes a generator to which nothing out of the ordinary happens.
func quiet(cfg Config) *Generator {
	g := New(cfg, start)
	g.plan.next = math.MaxInt64
	return g
}

// digest hashes everything that Next returns for a number of frames.
func digest(seed maphash.Seed, g *Generator, frames int) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	buf := make([]byte, 128)
	for range frames {
		n, t, wire, iface := g.Next(buf)
		h.Write(buf[:n])
		maphash.WriteComparable(&h, [3]int64{t, int64(wire), int64(iface)})
	}
	return h.Sum64()
}

func TestSeedAndStartDecideEverything(t *testing.T) {
	const frames = 60_000 // a minute, the first event included
	cfg := Config{Seed: 5, PacketsPerSecond: 1000}
	seed := maphash.MakeSeed()
	want := digest(seed, New(cfg, start), frames)
	if got := digest(seed, New(cfg, start), frames); got != want {
		t.Error("the same seed and start gave other frames")
	}
	if got := digest(seed, New(cfg, start.Add(time.Second)), frames); got == want {
		t.Error("another start gave the same frames")
	}
	cfg.Seed++
	if got := digest(seed, New(cfg, start), frames); got == want {
		t.Error("another seed gave the same frames")
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	for _, rate := range []float64{100, 5000, 500_000} {
		g := New(Config{Seed: 2, PacketsPerSecond: rate}, start)
		last := start.UnixNano()
		buf := make([]byte, 128)
		for i := range 200_000 {
			_, at, _, _ := g.Next(buf)
			if at < last {
				t.Fatalf("at %g packets/s, frame %d: %d ns before the frame it follows", rate, i, last-at)
			}
			last = at
		}
	}
}

func TestFirstFrameComesSoon(t *testing.T) {
	g := New(Config{Seed: 3}, start)
	_, at, _, _ := g.Next(make([]byte, 128))
	if gap := time.Duration(at - start.UnixNano()); gap > 100*time.Millisecond {
		t.Errorf("first frame %v after the start", gap)
	}
}

func TestRateIsTheAverageOfADay(t *testing.T) {
	const rate = 5000
	day := 2 * time.Minute
	g := quiet(Config{Seed: 4, PacketsPerSecond: rate, Day: day})
	end := start.Add(day).UnixNano()
	packets := 0.0
	for g.queue[0].at < end {
		if g.next() != nil {
			packets++
		}
	}
	want := rate * day.Seconds()
	if packets < 0.85*want || packets > 1.15*want {
		t.Errorf("%.0f packets in a day, want about %.0f", packets, want)
	}
}

// The snap length and the buffer cut a frame; they do not change it, and what
// the buffer held before does not show.
func TestCuttingFrames(t *testing.T) {
	cases := []struct {
		name    string
		snapLen int
		buf     int
	}{
		{"default", 0, 2048},
		{"headers only", 64, 2048},
		{"short buffer", 2048, 100},
		{"not even Ethernet", 10, 2048},
		{"no buffer", 2048, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			whole := New(Config{Seed: 6, PacketsPerSecond: 500, SnapLen: 2048}, start)
			cut := New(Config{Seed: 6, PacketsPerSecond: 500, SnapLen: c.snapLen}, start)
			want, got := make([]byte, 2048), make([]byte, c.buf)
			junk := bytes.Repeat([]byte{0xa5}, c.buf)
			limit := min(cut.cfg.SnapLen, c.buf)
			for range 5000 {
				copy(got, junk)
				n, t1, wire, iface := whole.Next(want)
				m, t2, wire2, iface2 := cut.Next(got)
				if t1 != t2 || wire != wire2 || iface != iface2 {
					t.Fatal("cutting changed time, length or interface")
				}
				if n != int(wire) || m != min(n, limit) {
					t.Fatalf("captured %d and %d bytes of %d, limit %d", n, m, wire, limit)
				}
				if !bytes.Equal(got[:m], want[:m]) {
					t.Fatalf("cut frame differs:\n%x\n%x", got[:m], want[:m])
				}
			}
		})
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	g := quiet(Config{Seed: 8})
	buf := make([]byte, 128)
	if n := testing.AllocsPerRun(200_000, func() { g.Next(buf) }); n != 0 {
		t.Errorf("Next: %v allocations per frame, want 0", n)
	}
}

// A slab that is full turns users away and goes on.
func TestMemoryIsBounded(t *testing.T) {
	g := New(Config{Seed: 9, PacketsPerSecond: 1000}, start)
	slots := g.used - len(g.free) + reservedSlots
	g.flows = g.flows[:max(slots, g.used)]
	buf := make([]byte, 128)
	events := 0
	for events < 3 {
		g.Next(buf)
		events = len(g.log.Recent())
	}
	if g.used > len(g.flows) || len(g.queue) > len(g.flows)+len(apps)+1 {
		t.Errorf("%d slots and %d queue entries for a slab of %d", g.used, len(g.queue), len(g.flows))
	}
}

func TestLogIsReadFromOtherGoroutines(t *testing.T) {
	g := New(Config{Seed: 10, PacketsPerSecond: 1000}, start)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				g.Events().Active()
				g.Events().Recent()
			}
		}
	})
	buf := make([]byte, 128)
	for range 100_000 {
		g.Next(buf)
	}
	close(stop)
	wg.Wait()
	if len(g.Events().Recent()) == 0 {
		t.Error("no event in more than a minute")
	}
}

func TestDefaults(t *testing.T) {
	want := Config{Seed: 1, PacketsPerSecond: 10_000, Day: 10 * time.Minute, SnapLen: 128}
	for name, cfg := range map[string]Config{
		"zero":         {Seed: 1},
		"negative":     {Seed: 1, PacketsPerSecond: -1, Day: -1, SnapLen: -1},
		"not a number": {Seed: 1, PacketsPerSecond: math.NaN()},
	} {
		if got := cfg.withDefaults(); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

func TestNetworksHoldTheirHosts(t *testing.T) {
	for i := range networks {
		n := &networks[i]
		seen := map[netip.Addr]bool{}
		for rank := range n.hosts {
			for _, v6 := range []bool{false, true} {
				a := n.host(rank, v6)
				prefix, addr := n.V4, a.netip(v6)
				if v6 {
					prefix = n.V6
				}
				if !prefix.Contains(addr) || seen[addr] {
					t.Fatalf("%s: host %d is %v, outside %v or taken", n.Name, rank, addr, prefix)
				}
				seen[addr] = true
			}
		}
	}
}

func BenchmarkNext(b *testing.B) {
	for _, c := range []struct {
		name string
		rate float64
	}{{"10kpps", 10_000}, {"1Mpps", 1_000_000}} {
		b.Run(c.name, func(b *testing.B) {
			g := New(Config{Seed: 1, PacketsPerSecond: c.rate}, start)
			buf := make([]byte, 128)
			b.ReportAllocs()
			for b.Loop() {
				g.Next(buf)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpackets/s")
		})
	}
}
