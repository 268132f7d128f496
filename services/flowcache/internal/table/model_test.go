package table

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/collect"
	"netstream/schemas/key"
	"netstream/schemas/packet"
	"netstream/schemas/update"
	"netstream/schemas/weight"
)

const (
	second = int64(1e9)

	flagACK = 0x10
)

// place is where a packet is counted.
type place[K key.Key[K]] struct {
	key    K
	source uint16
	window int64
}

// segments are the updates of each place: one, and one more at each SYN after a FIN or RST.
type segments[K key.Key[K]] map[place[K]][]update.Row[K]

// packet counts a packet as the rules say. No hand-over troubles it.
func (s segments[K]) packet(p *packet.Row[K], v *collect.Values, source uint16) {
	at := place[K]{p.Key, source, p.Window}
	n := len(s[at])
	if n == 0 || p.TCPFlags&flagSYN != 0 && s[at][n-1].TCPFlags&(flagFIN|flagRST) != 0 {
		s[at] = append(s[at], update.Row[K]{Key: p.Key, Source: source, Window: p.Window, First: p.Time, Last: p.Time})
		n++
	}
	u := &s[at][n-1]
	u.First, u.Last = min(u.First, p.Time), max(u.Last, p.Time)
	u.Packets++
	u.Bytes += uint64(p.Bytes)
	u.TCPFlags |= p.TCPFlags
	u.Sums.AddPacket(p.Weight, p.Bytes)
	if v == nil {
		return
	}
	if u.Values == nil {
		u.Values = &collect.Values{First: v.First, FirstTime: v.FirstTime, MinLength: 1<<32 - 1, MinTTL: 255}
	}
	all := u.Values
	if v.FirstTime < all.FirstTime || v.FirstTime == all.FirstTime && v.First.VLAN < all.First.VLAN {
		all.First, all.FirstTime = v.First, v.FirstTime
	}
	all.MinLength, all.MaxLength = min(all.MinLength, v.MinLength), max(all.MaxLength, v.MaxLength)
	all.MinTTL, all.MaxTTL = min(all.MinTTL, v.MinTTL), max(all.MaxTTL, v.MaxTTL)
}

// part merges what a table handed over, as an ager does: a part that starts with SYN begins a new update if a FIN or RST
// came before.
func (s segments[K]) part(u update.Row[K], sampled bool) {
	if !sampled {
		u.Sums = weight.Unsampled(uint64(u.Packets), u.Bytes)
	}
	if u.Values != nil { // the table's
		v := *u.Values
		u.Values = &v
	}
	starts := u.StartsSYN
	u.StartsSYN = false // of no interest once merged
	at := place[K]{u.Key, u.Source, u.Window}
	n := len(s[at])
	if n == 0 || starts && s[at][n-1].TCPFlags&(flagFIN|flagRST) != 0 {
		s[at] = append(s[at], u)
		return
	}
	old := &s[at][n-1]
	old.First, old.Last = min(old.First, u.First), max(old.Last, u.Last)
	old.Packets += u.Packets
	old.Bytes += u.Bytes
	old.TCPFlags |= u.TCPFlags
	old.Sums.Add(&u.Sums)
	if u.Values != nil {
		old.Values.Add(u.Values)
	}
}

// setup is one run of random packets.
type setup struct {
	name     string
	keys     int
	rows     int    // the table is made for
	handOver int    // one in so many packets; 0 is never
	mask     uint64 // of the hashes: a small one makes them collide
	late     bool
	weight   func(i int, rng *rand.Rand) uint32
}

// TestHandOversChangeNothing sends random packets through a table that is handed over at random, and compares the merged
// parts with what the packets alone make.
func TestHandOversChangeNothing(t *testing.T) {
	const all = ^uint64(0)
	off := func(int, *rand.Rand) uint32 { return 1 }
	for _, s := range []setup{
		{name: "never", keys: 30, rows: 16, mask: all, weight: off},
		{name: "at every packet", keys: 5, rows: 16, handOver: 1, mask: all, weight: off},
		{name: "often", keys: 5, rows: 16, handOver: 4, mask: all, weight: off},
		{name: "now and then", keys: 50, rows: 16, handOver: 300, mask: all, weight: off},
		{name: "late packets", keys: 10, rows: 1, handOver: 40, mask: all, late: true, weight: off},
		{name: "collisions", keys: 50, rows: 16, handOver: 100, mask: 3 << 32, late: true, weight: off},
		{name: "one hash", keys: 20, rows: 16, handOver: 100, late: true, weight: off},
		{name: "one hash, many windows", keys: 20, rows: 16, weight: off},
		{name: "grows", keys: 20_000, rows: 1, handOver: 10_000, mask: all, weight: off},
		{name: "grows to the end", keys: 20_000, rows: 0, mask: all, weight: off},
		{name: "sampled", keys: 20, rows: 16, handOver: 70, mask: all, weight: func(_ int, rng *rand.Rand) uint32 { return rng.Uint32N(3000) + 1 }},
		{name: "largest weight", keys: 3, rows: 16, handOver: 70, mask: all, weight: func(int, *rand.Rand) uint32 { return 1<<32 - 1 }},
		{name: "sampled on and off", keys: 2000, rows: 16, handOver: 700, mask: all, weight: func(i int, _ *rand.Rand) uint32 { return 1 + uint32(i/300%2*99) }},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(2) {
				feed(t, s, rand.New(rand.NewPCG(seed, 4)), false, smallIPv4)
				feed(t, s, rand.New(rand.NewPCG(seed, 6)), false, smallIPv6)
				feed(t, s, rand.New(rand.NewPCG(seed, 8)), seed == 0, smallWide)
			}
		})
	}
}

// smallIPv4 and smallIPv6 make keys of which neighbours differ in one field alone.
func smallIPv4(n int) key.IPv4 {
	k := key.IPv4{Src: 1, Dst: 2, SrcPort: 3, DstPort: 4, Protocol: 6, TOS: 5, Interface: 7}
	for i, field := range []func(v int){
		func(v int) { k.Src = uint32(v) }, func(v int) { k.Dst = uint32(v) }, func(v int) { k.SrcPort = uint16(v) },
		func(v int) { k.DstPort = uint16(v) }, func(v int) { k.TOS = uint8(v) }, func(v int) { k.Interface = uint32(v) },
		func(v int) { k.Direction = uint8(v & 1) },
	} {
		if n%7 == i {
			field(100 + n/7)
		}
	}
	return k
}

func smallIPv6(n int) key.IPv6 {
	k := key.IPv6{SrcPort: 3, DstPort: 4, Protocol: 6, TOS: 5, Interface: 7}
	for i, field := range []func(v int){
		func(v int) { k.Src[15], k.Src[3] = byte(v), byte(v>>8) }, func(v int) { k.Dst[15], k.Dst[7] = byte(v), byte(v>>8) },
		func(v int) { k.SrcPort = uint16(v) }, func(v int) { k.DstPort = uint16(v) }, func(v int) { k.FlowLabel = uint32(v) },
	} {
		if n%5 == i {
			field(100 + n/5)
		}
	}
	return k
}

func smallWide(n int) key.Wide {
	k := key.Wide{SrcMAC: 1, VLAN: 2, VRF: 3}
	for i, field := range []func(v int){
		func(v int) { k.SrcMAC = uint64(v) << 32 }, func(v int) { k.VLAN = uint16(v) }, func(v int) { k.VRF = uint32(v) },
		func(v int) { k.Label[v%key.Labels] = uint32(v) }, func(v int) { k.Version, k.TTL = uint8(v), uint8(v>>8) },
	} {
		if n%5 == i {
			field(100 + n/5)
		}
	}
	return k
}

// equal compares updates whole, values and not their places.
func equal[K comparable](a, b update.Row[K]) bool {
	if (a.Values == nil) != (b.Values == nil) || a.Values != nil && *a.Values != *b.Values {
		return false
	}
	a.Values, b.Values = nil, nil
	return a == b
}

// feed sends 40,000 packets of three sources through a table and the model.
func feed[K key.Key[K]](t *testing.T, s setup, rng *rand.Rand, collects bool, keyOf func(int) K) {
	t.Helper()
	const packets, perWindow, sources = 40_000, 500, 3
	want, got := segments[K]{}, segments[K]{}
	table := New[K](s.rows, false)
	handOver := func() {
		open := map[place[K]]update.Row[K]{}
		if err := table.Each(func(u *update.Row[K], hash uint64) error {
			if w := u.Key.Hash(uint64(u.Source)) & s.mask; hash != w {
				t.Fatalf("%s: hash %x, want %x", s.name, hash, w)
			}
			at := place[K]{u.Key, u.Source, u.Window}
			if old, ok := open[at]; ok && (!u.StartsSYN || old.StartsSYN && old.TCPFlags&(flagFIN|flagRST) == 0) {
				t.Fatalf("%s: %v comes in two parts for no reason", s.name, at)
			}
			open[at] = *u
			got.part(*u, table.Sampled())
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		table.Reset()
		if table.Len() != 0 || table.Sampled() {
			t.Fatalf("%s: %d rows after Reset, sampled %v", s.name, table.Len(), table.Sampled())
		}
	}
	for i := range packets {
		ws := int64(1_800_000_000+i/perWindow-60) * second
		p := packet.Row[K]{
			Key: keyOf(rng.IntN(s.keys)), Time: ws + rng.Int64N(second), Window: ws,
			Bytes: 20 + rng.Uint32N(65_500), Weight: s.weight(i, rng), TCPFlags: flagACK,
		}
		switch rng.IntN(8) {
		case 0:
			p.TCPFlags = flagSYN
		case 1:
			p.TCPFlags |= flagFIN
		case 2:
			p.TCPFlags = flagRST
		case 3:
			p.TCPFlags = flagSYN | flagFIN
		}
		if s.late && rng.IntN(3) == 0 { // some are filed under the window before, too: input of a source needs no order
			p.Time -= rng.Int64N(20 * second)
			p.Window -= rng.Int64N(2) * second
		}
		source := uint16(rng.IntN(sources))
		var values *collect.Values
		if collects {
			v := collect.Packet(key.Wide{VLAN: uint16(rng.IntN(4))}, p.Time, p.Bytes, uint8(rng.IntN(256)))
			values = &v
			if rng.IntN(3) == 0 { // many have one time stamp
				p.Time = p.Window
				v.FirstTime = p.Time
			}
		}
		want.packet(&p, values, source)
		table.Add(&p, values, p.Key.Hash(uint64(source))&s.mask, source)
		if s.handOver > 0 && rng.IntN(s.handOver) == 0 {
			handOver()
		}
	}
	handOver()
	for at, w := range want {
		if !slices.EqualFunc(got[at], w, equal) {
			t.Fatalf("%s: merged parts of %v (-want +got):\n%s", s.name, at, cmp.Diff(w, got[at]))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: updates of %d flows and windows, want %d", s.name, len(got), len(want))
	}
}

// TestImmediate wants a row for each packet, in order.
func TestImmediate(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table := New[key.IPv4](4, true)
	for range 3 {
		var packets []packet.Row[key.IPv4]
		for i := range 500 {
			ws := 1_800_000_000 * second
			p := packet.Row[key.IPv4]{Key: smallIPv4(rng.IntN(3)), Time: ws + int64(i), Window: ws, Bytes: 20 + rng.Uint32N(1000), Weight: 1 + uint32(i/250), TCPFlags: flagSYN}
			packets = append(packets, p)
			table.Add(&p, nil, p.Key.Hash(7), 7)
		}
		n := 0
		if err := table.Each(func(u *update.Row[key.IPv4], hash uint64) error {
			p := &packets[n]
			want := update.Row[key.IPv4]{Key: p.Key, Source: 7, Window: p.Window, First: p.Time, Last: p.Time, Packets: 1, Bytes: uint64(p.Bytes), TCPFlags: p.TCPFlags, StartsSYN: true}
			want.Sums.AddPacket(p.Weight, p.Bytes)
			if !equal(*u, want) || hash != p.Key.Hash(7) {
				t.Fatalf("packet %d: %+v, want %+v", n, *u, want)
			}
			n++
			return nil
		}); err != nil || n != len(packets) {
			t.Fatalf("%d rows, want %d, error %v", n, len(packets), err)
		}
		table.Reset()
	}
}
