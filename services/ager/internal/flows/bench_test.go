package flows

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"netstream/schemas/collect"
	"netstream/schemas/key"
	"netstream/schemas/update"
	"netstream/schemas/weight"
	"netstream/schemas/window"
)

// traffic makes the updates of one window after another: a few elephants that have packets in every window, and many mice
// with packets in one to five windows, two and a half on the average.
type traffic[K key.Key[K]] struct {
	rng             *rand.Rand
	keyOf           func(n uint64) K
	collects        bool
	mice, elephants int // mice born in a window; elephants alive
	born            uint64
	window          int64
	updates         []update.Row[K]
	hashes          []uint64
}

const seed = 1 // of flow hashes

func (g *traffic[K]) next() {
	g.window += window.Length
	g.updates, g.hashes = g.updates[:0], g.hashes[:0]
	for i := range g.elephants {
		g.add(uint64(i), 1+g.rng.Uint32N(200))
		if g.rng.IntN(20) == 0 { // in parts
			g.add(uint64(i), 1)
		}
	}
	for range g.mice {
		g.born++
		n := uint64(g.elephants) + g.born
		g.add(n, 1+g.rng.Uint32N(5))
	}
	for range g.mice * 3 / 2 { // packets of mice born in the last four windows
		if old := uint64(g.rng.IntN(4*g.mice)) + uint64(g.mice); old < g.born {
			g.add(uint64(g.elephants)+g.born-old, 1+g.rng.Uint32N(5))
		}
	}
}

func (g *traffic[K]) add(n uint64, packets uint32) {
	at := g.window + g.rng.Int64N(window.Length)
	u := update.Row[K]{Key: g.keyOf(n), Window: g.window, First: at, Last: at, Packets: packets, Bytes: 500 * uint64(packets), TCPFlags: tcpACK}
	u.Sums = weight.Unsampled(uint64(packets), u.Bytes)
	if g.collects {
		v := collect.Packet(key.Wide{VLAN: uint16(n), SrcMAC: n}, at, 500, 64)
		u.Values = &v
	}
	if packets > 1 && g.rng.IntN(60) == 0 {
		u.TCPFlags |= tcpFIN
	}
	g.updates = append(g.updates, u)
	g.hashes = append(g.hashes, u.Key.Hash(seed))
}

// apply gives a window to the table and returns how many flows ended.
func (g *traffic[K]) apply(table *Table[K]) int {
	for i := range g.updates {
		if i%touched == 0 {
			table.Touch(g.hashes[i:min(i+touched, len(g.hashes))])
		}
		table.Merge(&g.updates[i], g.hashes[i], false)
	}
	table.Close(g.window)
	return len(table.Ended())
}

// scatter spreads numbers over the key space, as addresses are.
func scatter(n uint64) uint64 { return n * 0x9e3779b97f4a7c15 }

func ipv4(n uint64) key.IPv4 {
	return key.IPv4{Src: uint32(scatter(n) >> 32), Dst: uint32(n), SrcPort: uint16(scatter(n)), DstPort: 443, Protocol: 6}
}

func ipv6(n uint64) key.IPv6 {
	k := key.IPv6{FlowLabel: uint32(scatter(n) >> 44), SrcPort: uint16(n), DstPort: 443, Protocol: 6}
	for i := range 8 {
		k.Src[8+i], k.Dst[15-i] = byte(scatter(n)>>(8*i)), byte(n>>(8*i))
	}
	return k
}

// wide makes keys of labels and an IP tuple.
func wide(n uint64) key.Wide {
	return key.Wide{
		Src: key.Mapped(uint32(scatter(n) >> 32)), Dst: key.Mapped(uint32(n)), SrcPort: uint16(scatter(n)), DstPort: 443, Protocol: 6, Version: 4,
		Label: [key.Labels]uint32{uint32(n & 0xff), uint32(n & 0xfffff)},
	}
}

func newTraffic[K key.Key[K]](keyOf func(uint64) K, mice, elephants int) *traffic[K] {
	return &traffic[K]{rng: rand.New(rand.NewPCG(1, 2)), keyOf: keyOf, mice: mice, elephants: elephants, window: 1_800_000_000 * window.Length}
}

var productAging = Aging{Inactive: 15 * second, Active: 60 * second, FINRST: true, ByteLimit: 1<<32 - 1, FlowLimit: 1 << 30}

func TestMergeAndCloseDoNotAllocate(t *testing.T) {
	for _, sampled := range []bool{false, true} {
		t.Run(fmt.Sprintf("ipv4, sampled %t", sampled), func(t *testing.T) { checkAllocations(t, sampled, false, ipv4) })
		t.Run(fmt.Sprintf("wide, sampled %t", sampled), func(t *testing.T) { checkAllocations(t, sampled, false, wide) })
		t.Run(fmt.Sprintf("wide with values, sampled %t", sampled), func(t *testing.T) { checkAllocations(t, sampled, true, wide) })
	}
}

func checkAllocations[K key.Key[K]](t *testing.T, sampled, collects bool, keyOf func(uint64) K) {
	table, g := New[K](productAging, collects), newTraffic(keyOf, 300, 100)
	g.collects = collects
	if sampled {
		table.startSums()
	}
	for range 200 { // until nothing grows any more
		g.next()
		g.apply(table)
	}
	ended, windows := 0, 0
	prepared := make([]traffic[K], 101) // a run to warm up comes on top
	for i := range prepared {
		g.updates, g.hashes = nil, nil
		g.next()
		prepared[i] = *g
	}
	if n := testing.AllocsPerRun(100, func() {
		ended += prepared[windows].apply(table)
		windows++
	}); n != 0 {
		t.Errorf("%v allocations a window of %d updates, want 0", n, len(g.updates))
	}
	if ended == 0 || table.Len() < 1000 {
		t.Errorf("the traffic is too dull: %d flows ended, %d alive", ended, table.Len())
	}
}

// BenchmarkUpdate is a table of about a million live flows under the product's defaults. An operation is an update, with its share
// of ending and sorting flows.
func BenchmarkUpdate(b *testing.B) {
	b.Run("ipv4", func(b *testing.B) { benchmarkUpdate(b, newTraffic(ipv4, 55_000, 30_000)) })
	b.Run("ipv6", func(b *testing.B) { benchmarkUpdate(b, newTraffic(ipv6, 55_000, 30_000)) })
	b.Run("wide", func(b *testing.B) { benchmarkUpdate(b, newTraffic(wide, 55_000, 30_000)) })
	b.Run("wide with values", func(b *testing.B) {
		g := newTraffic(wide, 55_000, 30_000)
		g.collects = true
		benchmarkUpdate(b, g)
	})
}

func benchmarkUpdate[K key.Key[K]](b *testing.B, g *traffic[K]) {
	var before, after runtime.MemStats
	for range 2 {
		g.next()
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	table := New[K](productAging, g.collects)
	for range 20 {
		g.next()
		g.apply(table)
	}
	g.updates, g.hashes = g.updates[:0:0], g.hashes[:0:0]
	runtime.GC()
	runtime.ReadMemStats(&after)
	perFlow := float64(after.HeapAlloc-before.HeapAlloc) / float64(table.Len())
	updates, ended := 0, 0
	b.ReportAllocs()
	b.ResetTimer()
	for updates < b.N {
		b.StopTimer()
		g.next()
		b.StartTimer()
		ended += g.apply(table)
		updates += len(g.updates)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(updates), "ns/update")
	b.ReportMetric(float64(table.Len()), "flows")
	b.ReportMetric(perFlow, "B/flow")
	b.ReportMetric(float64(ended)/float64(updates), "ended/update")
	b.ReportMetric(0, "ns/op")
}
