package flowcache

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/schemas/packet"
)

const messageRows = 8192

// flexible is a monitor of the benchmarks with key and values.
var flexible = monitor.Definition{
	Name: "flexible", Kind: monitor.Flexible, Match: key.Of(key.SrcAddr) | key.Of(key.DstPort) | key.Of(key.VLAN), Collect: key.Of(key.SrcMAC), Extremes: true,
}

// everyKind are monitors that all take the packets of the benchmarks but for tunnels.
func everyKind() []monitor.Definition {
	ds := []monitor.Definition{
		monitor.New("ipv4", monitor.IPv4), monitor.New("ipv6", monitor.IPv6), monitor.New("layer2", monitor.Layer2),
		monitor.New("mpls", monitor.MPLS), monitor.New("vpn", monitor.VPN), monitor.New("srv6", monitor.SRv6Inner), monitor.New("tunnel", monitor.TunnelInner),
		flexible,
	}
	ds[3].Match = monitor.LabelAndIP
	return ds
}

// newBenchWorker makes a worker with messages of so many packets, Zipf traffic of a million flows: narrow if no monitor is of a
// wide kind.
func newBenchWorker(ds []monitor.Definition, packets int) (*worker, *source, [][2]any) {
	w := &worker{
		Service: &Service{cfg: Config{Rows: 1 << 16}, monitors: ds, bus: &bus.Bus{Layout: bus.Layout{FlowShards: 2}}, metrics: newMetrics(prometheus.NewRegistry())},
		rows4:   packet.NewIPv4(), rows6: packet.NewIPv6(), wide: packet.NewWide(),
	}
	wide := false
	for i, d := range ds {
		w.caches = append(w.caches, newCache(d, i, w.cfg.Rows))
		wide = wide || d.Kind.Wide()
	}
	src := newSource("tap", 0, ds)
	src.serves.by = make([]bool, len(ds))
	for i := range ds {
		src.serves.by[i] = true
	}
	rng := rand.New(rand.NewPCG(1, 2))
	flow := rand.NewZipf(rng, 1.1, 50, 1<<20)
	var messages [][2]any
	for m := range 16 {
		v4, rows := packet.NewIPv4(), packet.NewWide()
		for i := range packets {
			n, at := flow.Uint64(), int64(1_800_000_000e9)+int64(m*packets+i)*1000
			h, size := n*0x9e3779b97f4a7c15, 40+rng.Uint32N(1400)
			k := key.IPv4{Src: uint32(h >> 32), Dst: uint32(n), SrcPort: uint16(h), DstPort: 443, Protocol: 6, Interface: 1}
			if !wide {
				v4.Append(&packet.Row[key.IPv4]{Key: k, Time: at, Window: at - at%1e9, Bytes: size, Weight: 1, TCPFlags: 0x10})
				continue
			}
			r := packet.WideRow{
				Time: at, Window: at - at%1e9, Bytes: size, FrameBytes: size + 22, Weight: 1,
				Layers: monitor.Ethernet | monitor.Labels | monitor.OuterIPv4 | monitor.IP | monitor.InVRF,
				Outer: key.Wide{
					Src: key.Mapped(k.Src), Dst: key.Mapped(k.Dst), SrcPort: k.SrcPort, DstPort: k.DstPort, Protocol: 6, TTL: 60, TCPFlags: 0x10, Version: 4,
					Interface: 1, SrcMAC: 0x020000000000 | n&7, DstMAC: 0x020000000100, VLAN: uint16(n & 15), EtherType: 0x8847, VRF: 1 + uint32(n&3),
					Label: [key.Labels]uint32{uint32(16 + n&63), uint32(16 + n&1023)},
				},
			}
			rows.Append(&r)
		}
		rows.Columns() // pads them, as they come from the bus
		messages = append(messages, [2]any{v4, rows})
	}
	return w, src, messages
}

// merge is what a worker does with a message once it is read, and a hand-over's end.
func mergeNext(w *worker, src *source, m [2]any) {
	w.rows4, w.wide = m[0].(*packet.Rows[key.IPv4]), m[1].(*packet.Wide)
	w.merge(src, 0)
	if w.full() {
		for _, c := range w.caches {
			c.Reset()
		}
	}
}

// TestMergeDoesNotAllocate takes small messages, so that it is over before the server of the other tests, in the background,
// has allocated much; the race detector makes it slow.
func TestMergeDoesNotAllocate(t *testing.T) {
	const packets = 256
	for name, ds := range map[string][]monitor.Definition{"narrow": monitor.Default(), "wide": everyKind()} {
		w, src, messages := newBenchWorker(ds, packets)
		for i := range 3 * len(messages) { // until nothing grows any more
			mergeNext(w, src, messages[i%len(messages)])
		}
		i, least := 0, math.MaxFloat64
		for range 20 { // the server of the other tests allocates now and then, a merge would do so each time
			least = min(least, testing.AllocsPerRun(len(messages)/20+1, func() {
				mergeNext(w, src, messages[i%len(messages)])
				i++
			}))
		}
		if least != 0 {
			t.Errorf("%s: %v allocations a message of %d packets, want 0", name, least, packets)
		}
	}
}

// BenchmarkMerge takes messages of 8,192 packets in; an operation is a packet.
func BenchmarkMerge(b *testing.B) {
	for _, c := range []struct {
		name string
		ds   []monitor.Definition
	}{
		{"ipv4", monitor.Default()},
		{"wide/flexible", []monitor.Definition{flexible}},
		{"wide/ipv4, ipv6, layer2", everyKind()[:3]},
		{"wide/8 monitors of which 5 take", everyKind()},
	} {
		b.Run(c.name, func(b *testing.B) {
			w, src, messages := newBenchWorker(c.ds, messageRows)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += messageRows {
				mergeNext(w, src, messages[n/messageRows%len(messages)])
			}
		})
	}
}
