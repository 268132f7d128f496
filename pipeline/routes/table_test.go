package routes

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
)

// slowTable is the longest match of a list, worked out the obvious way.
type slowTable map[netip.Prefix]Route

func (s slowTable) Lookup(a netip.Addr) (best Route, found bool) {
	for p, r := range s {
		if p.Contains(a.Unmap()) && (!found || r.Bits > best.Bits) {
			best, found = r, true
		}
	}
	return best, found
}

// randomPrefix is one of few networks, so that they lie in each other.
func randomPrefix(r *rand.Rand) netip.Prefix {
	if r.IntN(2) == 0 {
		a := [4]byte{10, byte(r.IntN(4)), byte(r.IntN(4)), byte(r.IntN(256))}
		return netip.PrefixFrom(netip.AddrFrom4(a), r.IntN(33)).Masked()
	}
	a := [16]byte{0x20, 1, 0x0d, 0xb8, byte(r.IntN(4)), byte(r.IntN(4))}
	a[15] = byte(r.IntN(256))
	return netip.PrefixFrom(netip.AddrFrom16(a), r.IntN(129)).Masked()
}

func TestLookupMatchesModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		builder, model := NewBuilder(), slowTable{}
		for range 300 {
			p := randomPrefix(random)
			path := Path{Origin: random.Uint32N(9), Peer: random.Uint32N(3), BGPNextHop: netip.AddrFrom4([4]byte{192, 0, 2, byte(random.IntN(3) + 1)})}
			builder.Announce(Source{}, 0, p, path)
			model[p] = Route{Bits: uint8(p.Bits()), Origin: path.Origin, Peer: path.Peer, BGPNextHop: path.BGPNextHop}
			if random.IntN(4) == 0 {
				builder.Withdraw(Source{}, 0, p)
				delete(model, p)
			}
		}
		table := builder.Compile(nil)
		decoded, err := Decode(table.Encode())
		if err != nil {
			t.Fatal(err)
		}
		for range 2000 {
			a := randomPrefix(random).Addr()
			want, wantOK := model.Lookup(a)
			for name, table := range map[string]*Table{"compiled": table, "decoded": decoded} {
				if got, ok := table.Lookup(a); got != want || ok != wantOK {
					t.Fatalf("%s: %s has %+v, %v; want %+v, %v", name, a, got, ok, want, wantOK)
				}
			}
			if mapped := netip.AddrFrom16(a.As16()); a.Is4() {
				if got, ok := table.Lookup(mapped); got != want || ok != wantOK {
					t.Fatalf("%s has %+v, %v; want %+v, %v", mapped, got, ok, want, wantOK)
				}
			}
		}
	}
}

func TestTheZeroTableKnowsNoRoute(t *testing.T) {
	var table Table
	if r, ok := table.Lookup(netip.MustParseAddr("192.0.2.1")); ok {
		t.Errorf("got %+v", r)
	}
	if _, ok := table.Lookup(netip.Addr{}); ok {
		t.Error("no address has a route")
	}
	if got, want := table.Version(), NewBuilder().Compile(nil).Version(); got != want || len(got) != 16 {
		t.Errorf("version %s, want that of an empty table, %s", got, want)
	}
}

// Sizes of the Internet's table, rounded up.
const (
	fullIPv4 = 900_000
	fullIPv6 = 200_000
)

// fullBuilder has as many prefixes as the Internet, with the lengths that are frequent there, in allocations of 2^16 addresses
// (IPv6: /32) as there, of 75,000 AS numbers behind 20 neighbours, each reached over one or two of these.
func fullBuilder() *Builder {
	random := rand.New(rand.NewPCG(3, 4))
	b := NewBestBuilder()
	seen := map[netip.Prefix]bool{}
	add := func(p netip.Prefix, random *rand.Rand) bool {
		if seen[p] {
			return false
		}
		seen[p] = true
		origin := 1 + random.IntN(75_000)
		hop := (origin + random.IntN(2)) % 20
		path := Path{Origin: uint32(origin), Peer: 100 + uint32(hop)}
		if p.Addr().Is4() {
			path.BGPNextHop = netip.AddrFrom4([4]byte{192, 0, 2, byte(hop + 1)})
		} else {
			path.BGPNextHop = netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, 15: byte(hop + 1)})
		}
		b.Announce(Source{}, 0, p, path)
		return true
	}
	lengths4 := []int{24, 24, 24, 24, 24, 24, 23, 22, 22, 21, 20, 19, 16}
	blocks := make([]uint32, 40_000)
	for i := range blocks {
		blocks[i] = (1<<24 + random.Uint32N(223<<24)) &^ 0xffff
	}
	for n := 0; n < fullIPv4; {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], blocks[random.IntN(len(blocks))]|random.Uint32N(1<<16))
		if add(netip.PrefixFrom(netip.AddrFrom4(a), lengths4[random.IntN(len(lengths4))]).Masked(), random) {
			n++
		}
	}
	lengths6 := []int{48, 48, 48, 48, 48, 44, 40, 36, 32, 32, 29}
	for i := range blocks {
		blocks[i] = 0x20000000 | random.Uint32N(1<<26)
	}
	for n := 0; n < fullIPv6; {
		var a [16]byte
		binary.BigEndian.PutUint32(a[:], blocks[random.IntN(len(blocks))])
		binary.BigEndian.PutUint16(a[4:], uint16(random.Uint32()))
		if add(netip.PrefixFrom(netip.AddrFrom16(a), lengths6[random.IntN(len(lengths6))]).Masked(), random) {
			n++
		}
	}
	return b
}

// heap is what is in use after a collection, in MiB.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// BenchmarkLoad decodes a table with as many prefixes as the Internet, and tells what it takes in memory.
func BenchmarkLoad(b *testing.B) {
	encoded := fullBuilder().Compile(nil).Encode()
	before := heap()
	var table *Table
	for b.Loop() {
		var err error
		if table, err = Decode(encoded); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(heap()-before, "MiB")
	b.ReportMetric(float64(len(encoded))/(1<<20), "encoded-MiB")
	b.ReportMetric(float64(table.Len()), "prefixes")
	b.ReportMetric(float64(len(table.routes)), "routes")
}

// BenchmarkCompile makes such a table of a builder.
func BenchmarkCompile(b *testing.B) {
	before := heap()
	builder := fullBuilder()
	b.ReportMetric(heap()-before, "builder-MiB")
	for b.Loop() {
		builder.Compile(nil)
	}
}

// BenchmarkEncode encodes such a table, and works its version out.
func BenchmarkEncode(b *testing.B) {
	table := fullBuilder().Compile(nil)
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			table.Encode()
		}
	})
	b.Run("version", func(b *testing.B) {
		for b.Loop() {
			table.makeVersion()
		}
	})
}

// BenchmarkLookup looks addresses up in such a table: those of few talkers, which is what flows are like, and each time another.
func BenchmarkLookup(b *testing.B) {
	table := fullBuilder().Compile(nil)
	random := rand.New(rand.NewPCG(5, 6))
	var ipv4, ipv6 []netip.Addr
	for p := range table.All() {
		a := p.Addr()
		if a.Is4() {
			ipv4 = append(ipv4, a)
		} else {
			ipv6 = append(ipv6, a)
		}
	}
	for name, addrs := range map[string][]netip.Addr{"IPv4": ipv4, "IPv6": ipv6} {
		random.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
		for _, n := range []int{1 << 8, 1 << 17} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if _, ok := table.Lookup(addrs[i&(n-1)]); !ok {
						b.Fatal("no route")
					}
					i++
				}
			})
		}
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	b := NewBuilder()
	b.Announce(Source{}, 0, netip.MustParsePrefix("192.0.2.0/24"), Path{Origin: 1})
	table := b.Compile(nil)
	for _, a := range []string{"192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"} {
		a := netip.MustParseAddr(a)
		if n := testing.AllocsPerRun(100, func() { table.Lookup(a) }); n != 0 {
			t.Errorf("%s: %v allocations, want 0", a, n)
		}
	}
}
