package table

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"netstream/schemas/collect"
	"netstream/schemas/key"
	"netstream/schemas/packet"
)

const tableRows = 65_536

// mix makes packets of which most belong to few flows: the number of a packet's flow follows Zipf's law.
func mix[K key.Key[K]](n int, weight uint32, keyOf func(uint64) K) (packets []packet.Row[K], hashes []uint64) {
	rng := rand.New(rand.NewPCG(1, 2))
	flow := rand.NewZipf(rng, 1.1, 50, 1<<20)
	for i := range n {
		at := int64(1_800_000_000)*second + int64(i)*1000
		p := packet.Row[K]{Key: keyOf(flow.Uint64()), Time: at, Window: at - at%second, Bytes: 40 + rng.Uint32N(1400), Weight: weight, TCPFlags: flagACK}
		if i%40 == 0 {
			p.TCPFlags = flagSYN
		}
		packets = append(packets, p)
		hashes = append(hashes, p.Key.Hash(1))
	}
	return packets, hashes
}

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

func wide(n uint64) key.Wide {
	return key.Wide{
		Src: key.Mapped(uint32(scatter(n) >> 32)), Dst: key.Mapped(uint32(n)), SrcPort: uint16(scatter(n)), DstPort: 443, Protocol: 6, Version: 4,
		Label: [key.Labels]uint32{uint32(n & 0xff), uint32(n & 0xfffff)},
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	for _, weight := range []uint32{1, 1000} {
		t.Run(fmt.Sprint("ipv4, weight ", weight), func(t *testing.T) { checkAllocations(t, weight, nil, ipv4) })
		t.Run(fmt.Sprint("wide, weight ", weight), func(t *testing.T) { checkAllocations(t, weight, nil, wide) })
		t.Run(fmt.Sprint("wide with values, weight ", weight), func(t *testing.T) { checkAllocations(t, weight, &someValues, wide) })
	}
}

// someValues are what a monitor collects of a packet.
var someValues = collect.Packet(key.Wide{VLAN: 7, SrcMAC: 0x020000000001}, 1_800_000_000*second, 1500, 64)

func checkAllocations[K key.Key[K]](t *testing.T, weight uint32, values *collect.Values, keyOf func(uint64) K) {
	packets, hashes := mix(5000, weight, keyOf)
	table := New[K](tableRows, false)
	if n := testing.AllocsPerRun(50, func() {
		for i := range packets {
			table.Add(&packets[i], values, hashes[i], 0)
		}
		if table.Len() < 100 || table.Len() == len(packets) {
			t.Fatalf("%d rows of %d packets: too dull", table.Len(), len(packets))
		}
		table.Reset()
	}); n != 0 {
		t.Errorf("%v allocations in %d packets, want 0", n, len(packets))
	}
}

// BenchmarkAdd fills tables of 65,536 rows with Zipf traffic of a million flows; an operation is a packet.
func BenchmarkAdd(b *testing.B) {
	b.Run("ipv4", func(b *testing.B) { benchmarkAdd(b, 1, nil, ipv4) })
	b.Run("ipv4 sampled", func(b *testing.B) { benchmarkAdd(b, 100, nil, ipv4) })
	b.Run("ipv6", func(b *testing.B) { benchmarkAdd(b, 1, nil, ipv6) })
	b.Run("wide", func(b *testing.B) { benchmarkAdd(b, 1, nil, wide) })
	b.Run("wide with values", func(b *testing.B) { benchmarkAdd(b, 1, &someValues, wide) })
}

func benchmarkAdd[K key.Key[K]](b *testing.B, weight uint32, values *collect.Values, keyOf func(uint64) K) {
	packets, hashes := mix(1<<20, weight, keyOf)
	table := New[K](tableRows, false)
	rows := 0
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		n := i % len(packets)
		table.Add(&packets[n], values, hashes[n], 0)
		if table.Len() >= tableRows {
			rows += table.Len()
			table.Reset()
		}
	}
	b.ReportMetric(float64(b.N)/float64(rows+table.Len()), "packets/row")
}
