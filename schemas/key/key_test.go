package key_test

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"netstream/schemas/columns"
	"netstream/schemas/key"
)

var (
	v4 = key.IPv4{Src: 0xc0000201, Dst: 0xc6336407, SrcPort: 0x1234, DstPort: 443, Protocol: 6, TOS: 0xb8, Interface: 0x01020304, Direction: 1}
	v6 = key.IPv6{
		Src: [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1}, Dst: [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 2},
		SrcPort: 0x1234, DstPort: 443, Protocol: 6, TOS: 0xb8, FlowLabel: 0x000abcde, Interface: 0x01020304, Direction: 1,
	}
)

func TestCanonicalBytes(t *testing.T) {
	if got, want := hex.EncodeToString(v4.AppendBytes(nil)), "c0000201"+"c6336407"+"1234"+"01bb"+"06"+"b8"+"01020304"+"01"; got != want {
		t.Errorf("ipv4: %s\nwant  %s", got, want)
	}
	want := "20010db8000000000000000000000001" + "20010db8000000000000000000000002" + "1234" + "01bb" + "06" + "b8" + "000abcde" + "01020304" + "01"
	if got := hex.EncodeToString(v6.AppendBytes(nil)); got != want {
		t.Errorf("ipv6: %s\nwant  %s", got, want)
	}
}

// randIPv4 and randIPv6 take each field from a few values, so that keys often share a beginning.
func randIPv4(r *rand.Rand) key.IPv4 {
	few := func() uint32 { return []uint32{0, 1, 255, 256, 1 << 31, 1<<32 - 1}[r.IntN(6)] }
	return key.IPv4{
		Src: few(), Dst: few(), SrcPort: uint16(few()), DstPort: uint16(few()),
		Protocol: uint8(few()), TOS: uint8(few()), Interface: few(), Direction: uint8(r.IntN(2)),
	}
}

func randIPv6(r *rand.Rand) key.IPv6 {
	k := randIPv4(r)
	return key.IPv6{
		Src: [16]byte{byte(k.Src), 15: byte(k.Src >> 24)}, Dst: [16]byte{byte(k.Dst), 15: byte(k.Dst >> 24)},
		SrcPort: k.SrcPort, DstPort: k.DstPort, Protocol: k.Protocol, TOS: k.TOS,
		FlowLabel: uint32(r.IntN(3)), Interface: k.Interface, Direction: k.Direction,
	}
}

func TestOrderIsThatOfTheBytes(t *testing.T) {
	t.Run("ipv4", func(t *testing.T) { order(t, randIPv4) })
	t.Run("ipv6", func(t *testing.T) { order(t, randIPv6) })
}

func order[K key.Key[K]](t *testing.T, random func(*rand.Rand) K) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := [3]int{}
	for range 10_000 {
		a, b := random(r), random(r)
		want := bytes.Compare(a.AppendBytes(nil), b.AppendBytes(nil))
		if got := a.Compare(b); cmp.Compare(got, 0) != want {
			t.Fatalf("%v and %v: %d, want %d", a, b, got, want)
		}
		if (want == 0) != (a == b) {
			t.Fatalf("%v and %v have the same bytes", a, b)
		}
		seen[want+1]++
	}
	if a := random(r); a.Compare(a) != 0 {
		t.Error("a key isn't equal to itself")
	}
	if seen[0] == 0 || seen[2] == 0 {
		t.Errorf("orders seen %v: the test tests little", seen)
	}
}

// TestEachFieldCounts changes one field at a time: bytes and hash must change, the tuple's hash only with the 5-tuple.
func TestEachFieldCounts(t *testing.T) {
	type change struct {
		name  string
		tuple bool
		v4    func(*key.IPv4)
		v6    func(*key.IPv6)
	}
	for _, c := range []change{
		{"src", true, func(k *key.IPv4) { k.Src++ }, func(k *key.IPv6) { k.Src[0]++ }},
		{"dst", true, func(k *key.IPv4) { k.Dst++ }, func(k *key.IPv6) { k.Dst[15]++ }},
		{"src port", true, func(k *key.IPv4) { k.SrcPort++ }, func(k *key.IPv6) { k.SrcPort++ }},
		{"dst port", true, func(k *key.IPv4) { k.DstPort++ }, func(k *key.IPv6) { k.DstPort++ }},
		{"protocol", true, func(k *key.IPv4) { k.Protocol++ }, func(k *key.IPv6) { k.Protocol++ }},
		{"tos", false, func(k *key.IPv4) { k.TOS++ }, func(k *key.IPv6) { k.TOS++ }},
		{"flow label", false, nil, func(k *key.IPv6) { k.FlowLabel++ }},
		{"interface", false, func(k *key.IPv4) { k.Interface++ }, func(k *key.IPv6) { k.Interface++ }},
		{"direction", false, func(k *key.IPv4) { k.Direction++ }, func(k *key.IPv6) { k.Direction++ }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if k := v4; c.v4 != nil {
				c.v4(&k)
				if k.Hash(1) == v4.Hash(1) {
					t.Error("ipv4: the hash doesn't change")
				}
				if (k.TupleHash(1) != v4.TupleHash(1)) != c.tuple {
					t.Error("ipv4: tuple hash")
				}
			}
			k := v6
			c.v6(&k)
			if k.Hash(1) == v6.Hash(1) {
				t.Error("ipv6: the hash doesn't change")
			}
			if (k.TupleHash(1) != v6.TupleHash(1)) != c.tuple {
				t.Error("ipv6: tuple hash")
			}
		})
	}
	if v4.Hash(1) == v4.Hash(2) || v6.Hash(1) == v6.Hash(2) {
		t.Error("the seed doesn't count")
	}
}

func TestColumnsRoundTrip(t *testing.T) {
	t.Run("ipv4", func(t *testing.T) {
		roundTrip(t, randIPv4, func(k *key.IPv4) *uint8 { return &k.Direction }, func() key.Columns[key.IPv4] { return &key.IPv4Columns{} })
	})
	t.Run("ipv6", func(t *testing.T) {
		roundTrip(t, randIPv6, func(k *key.IPv6) *uint8 { return &k.Direction }, func() key.Columns[key.IPv6] { return &key.IPv6Columns{} })
	})
}

// roundTrip sends keys over the columns with the direction absent, given from the start, and beginning midway.
func roundTrip[K key.Key[K]](t *testing.T, random func(*rand.Rand) K, direction func(*K) *uint8, empty func() key.Columns[K]) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, egressFrom := range []int{0, 50, 100} {
		var want []K
		out, in := empty(), empty()
		for i := range 100 {
			k := random(r)
			*direction(&k) = 0
			if i >= egressFrom {
				*direction(&k) = 1
			}
			want = append(want, k)
			out.Append(k)
		}
		b, err := columns.Append(nil, out.Columns())
		if err != nil {
			t.Fatal(err)
		}
		if has := bytes.Contains(b, []byte("direction")); has != (egressFrom < 100) {
			t.Errorf("egress from key %d: direction sent: %v", egressFrom, has)
		}
		if _, err := columns.Read(b, in.Columns()); err != nil {
			t.Fatal(err)
		}
		var got []K
		for i := range in.Len() {
			k := random(r) // what was there before must go
			in.Read(i, &k)
			got = append(got, k)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("egress from key %d (-want +got):\n%s", egressFrom, diff)
		}
		if out.Reset(); out.Len() != 0 {
			t.Error("Reset left keys")
		}
		k := want[0]
		*direction(&k) = 0
		out.Append(k)
		if b, err := columns.Append(nil, out.Columns()); err != nil || bytes.Contains(b, []byte("direction")) {
			t.Errorf("after Reset: direction still sent, error %v", err)
		}
	}
}
