package flow_test

import (
	"math/rand/v2"
	"testing"

	"netstream/schemas/collect"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/uint128"
	"netstream/schemas/weight"
)

var (
	flow4 = flow.Row[key.IPv4]{
		Key:   key.IPv4{Src: 0xc0000201, Dst: 0xc6336407, SrcPort: 49152, DstPort: 443, Protocol: 6, TOS: 1, Interface: 2, Direction: 1},
		First: 1_700_000_000_000_000_001, Last: 1_700_000_009_000_000_002, Packets: 3, Bytes: 4, TCPFlags: 0x1b, Reason: flow.FIN,
		Sums: weight.Sums{Packets: 5, Bytes: 6, VarPackets: uint128.Uint128{Hi: 7, Lo: 8}, VarBytes: uint128.Uint128{Hi: 9, Lo: 10}},
	}
	flow6 = flow.Row[key.IPv6]{
		Key:   key.IPv6{Src: [16]byte{0x20, 1, 15: 1}, Dst: [16]byte{0x20, 1, 15: 2}, FlowLabel: 3, Protocol: 17, DstPort: 53, Interface: 2},
		First: -1, Last: 5, Packets: 1, Bytes: 100, Reason: flow.End, Sums: weight.Unsampled(1, 100),
	}
)

// flowWide is a flow of a monitor that collects.
var flowWide = flow.Row[key.Wide]{
	Key:   key.Wide{DstPort: 443, VLAN: 12, Label: [key.Labels]uint32{16001, 3}, Direction: 1},
	First: 1, Last: 5, Packets: 2, Bytes: 200, TCPFlags: 2, Reason: flow.Active, Sums: weight.Unsampled(2, 200),
	Values: &collect.Values{First: key.Wide{SrcMAC: 0x02005e102030, TTL: 64}, FirstTime: 1, MinLength: 60, MaxLength: 140, MinTTL: 63, MaxTTL: 64},
}

// TestHashIsPublished pins the hash: digests of recorded runs are compared with those of later versions.
func TestHashIsPublished(t *testing.T) {
	plainWide := flowWide
	plainWide.Values = nil
	for got, want := range map[string]string{
		flow.Hash(&flow4, key.Seed("ipv4")).String():    "62296d121df49551b7a4b8f4e3b2728d",
		flow.Hash(&flow6, key.Seed("ipv6")).String():    "821a89c05a20c8a0bc71a68cdb2754d4",
		flow.Hash(&flowWide, key.Seed("web")).String():  "48ee0c4acaf3b40def7af6024bb743de",
		flow.Hash(&plainWide, key.Seed("web")).String(): "6fe543ba1f4f9d8b1e2128caec2d0a3a",
	} {
		if got != want {
			t.Errorf("hash %s, want %s", got, want)
		}
	}
}

func TestEachFieldChangesTheHash(t *testing.T) {
	whole := flow.Hash(&flow4, 1)
	for _, c := range []struct {
		name   string
		change func(*flow.Row[key.IPv4])
		same   bool
	}{
		{"key", func(f *flow.Row[key.IPv4]) { f.Key.Direction = 0 }, false},
		{"first", func(f *flow.Row[key.IPv4]) { f.First++ }, false},
		{"last", func(f *flow.Row[key.IPv4]) { f.Last++ }, false},
		{"packets", func(f *flow.Row[key.IPv4]) { f.Packets++ }, false},
		{"bytes", func(f *flow.Row[key.IPv4]) { f.Bytes++ }, false},
		{"tcp flags", func(f *flow.Row[key.IPv4]) { f.TCPFlags ^= 1 }, false},
		{"reason", func(f *flow.Row[key.IPv4]) { f.Reason = flow.Active }, false},
		{"weighted packets", func(f *flow.Row[key.IPv4]) { f.Sums.Packets++ }, false},
		{"weighted bytes", func(f *flow.Row[key.IPv4]) { f.Sums.Bytes++ }, false},
		{"variance of packets, high", func(f *flow.Row[key.IPv4]) { f.Sums.VarPackets.Hi++ }, false},
		{"variance of packets, low", func(f *flow.Row[key.IPv4]) { f.Sums.VarPackets.Lo++ }, false},
		{"variance of bytes, high", func(f *flow.Row[key.IPv4]) { f.Sums.VarBytes.Hi++ }, false},
		{"variance of bytes, low", func(f *flow.Row[key.IPv4]) { f.Sums.VarBytes.Lo++ }, false},
		{"first and last change places", func(f *flow.Row[key.IPv4]) { f.First, f.Last = f.Last, f.First }, false},
		{"source", func(f *flow.Row[key.IPv4]) { f.Source = 9 }, true}, // two runs of one capture can be compared
		{"monitor's index", func(f *flow.Row[key.IPv4]) { f.Monitor = 9 }, true},
	} {
		f := flow4
		c.change(&f)
		if same := flow.Hash(&f, 1) == whole; same != c.same {
			t.Errorf("%s: hash stays the same: %v, want %v", c.name, same, c.same)
		}
	}
	if flow.Hash(&flow4, 2) == whole {
		t.Error("the monitor's seed doesn't count")
	}
}

// TestCollectedValuesChangeTheHash leaves out the time of the first packet, which is that of the flow.
func TestCollectedValuesChangeTheHash(t *testing.T) {
	whole := flow.Hash(&flowWide, 1)
	for _, c := range []struct {
		name   string
		change func(*collect.Values)
		same   bool
	}{
		{"first packet", func(v *collect.Values) { v.First.TTL++ }, false},
		{"least length", func(v *collect.Values) { v.MinLength++ }, false},
		{"greatest length", func(v *collect.Values) { v.MaxLength++ }, false},
		{"least ttl", func(v *collect.Values) { v.MinTTL++ }, false},
		{"greatest ttl", func(v *collect.Values) { v.MaxTTL++ }, false},
		{"time of the first packet", func(v *collect.Values) { v.FirstTime++ }, true},
	} {
		f, v := flowWide, *flowWide.Values
		f.Values = &v
		c.change(&v)
		if same := flow.Hash(&f, 1) == whole; same != c.same {
			t.Errorf("%s: hash stays the same: %v, want %v", c.name, same, c.same)
		}
	}
}

func TestDigestIsOfASet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	flows := make([]flow.Row[key.IPv4], 50)
	for i := range flows {
		flows[i] = ipv4(r, true)
	}
	sum := func() (d flow.Digest) {
		for i := range flows {
			d = d.Add(flow.Hash(&flows[i], 1))
		}
		return d
	}
	want := sum()
	r.Shuffle(len(flows), func(i, j int) { flows[i], flows[j] = flows[j], flows[i] })
	if got := sum(); got != want {
		t.Errorf("in another order %s, want %s", got, want)
	}
	flows[0] = flows[1]
	if sum() == want {
		t.Error("a flow twice in place of another isn't seen")
	}
}
