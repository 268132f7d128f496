package key_test

import (
	"encoding/hex"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"netstream/schemas/columns"
	"netstream/schemas/key"
)

var wide = key.Wide{
	Src: key.Mapped(0xc0000201), Dst: [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 2}, SrcMAC: 0x02005e102030, DstMAC: 0x02005e405060,
	Interface: 0x01020304, FlowLabel: 0xabcde, VRF: 0x0a0b0c0d, Label: [key.Labels]uint32{0x10001, 0x10002, 0x10003, 4, 5, 6, 7, 8, 9, 0xfffff},
	SrcPort: 0x1234, DstPort: 443, VLAN: 0x0abc, InnerVLAN: 0x0123, EtherType: 0x0800,
	Protocol: 6, TOS: 0xb8, TTL: 64, TCPFlags: 0x12, Version: 4, Direction: 1,
}

func TestCanonicalBytesWide(t *testing.T) {
	want := "00000000000000000000ffffc0000201" + "20010db8000000000000000000000002" + "1234" + "01bb" + "06" + "b8" +
		"000abcde" + "01020304" + "01" + "000002005e102030" + "000002005e405060" + "0abc" + "0123" + "0800" +
		"00010001" + "00010002" + "00010003" + "00000004" + "00000005" + "00000006" + "00000007" + "00000008" + "00000009" + "000fffff" +
		"0a0b0c0d" + "40" + "12" + "04"
	if got := hex.EncodeToString(wide.AppendBytes(nil)); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// randWide takes each field from a few values, so that keys often share a beginning.
func randWide(r *rand.Rand) key.Wide {
	few := func() uint32 { return []uint32{0, 1, 255, 256, 1 << 31, 1<<32 - 1}[r.IntN(6)] }
	v6 := randIPv6(r)
	k := key.Wide{
		Src: v6.Src, Dst: v6.Dst, SrcMAC: uint64(few()), DstMAC: uint64(few()) << 16, Interface: few(), FlowLabel: few(), VRF: few(),
		SrcPort: uint16(few()), DstPort: uint16(few()), VLAN: uint16(few()), InnerVLAN: uint16(few()), EtherType: uint16(few()),
		Protocol: uint8(few()), TOS: uint8(few()), TTL: uint8(few()), TCPFlags: uint8(few()),
		Version: []uint8{0, 4, 6}[r.IntN(3)], Direction: uint8(r.IntN(2)),
	}
	for i := range k.Label {
		k.Label[i] = few()
	}
	return k
}

func TestOrderIsThatOfTheBytesWide(t *testing.T) { order(t, randWide) }

// leaves lists the numbers in a wide key, each with the name of its field; what is read of the struct and not written
// down here can't be forgotten.
func leaves(k *key.Wide) (names []string, values []reflect.Value) {
	v := reflect.ValueOf(k).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() != reflect.Array {
			names, values = append(names, v.Type().Field(i).Name), append(values, f)
			continue
		}
		for j := range f.Len() {
			names, values = append(names, v.Type().Field(i).Name), append(values, f.Index(j))
		}
	}
	return names, values
}

// TestEachFieldCountsWide changes one number at a time: bytes and hash must change; the tuple's hash only with the
// 5-tuple, and without an IP header with the frame and its labels in its place.
func TestEachFieldCountsWide(t *testing.T) {
	tuple := []string{"Src", "Dst", "SrcPort", "DstPort", "Protocol"}
	frame := []string{"SrcMAC", "DstMAC", "VLAN", "InnerVLAN", "EtherType", "Label"}
	for version, counts := range map[uint8][]string{0: frame, 4: tuple, 6: tuple} {
		base := wide
		base.Version = version
		names, _ := leaves(&base)
		for i, name := range names {
			k := base
			_, values := leaves(&k)
			values[i].SetUint(values[i].Uint() ^ 0x80)
			if k.Compare(base) == 0 || k.Hash(1) == base.Hash(1) {
				t.Errorf("version %d: %s, number %d, doesn't count", version, name, i)
			}
			if name == "Version" {
				continue // it decides what the tuple is
			}
			if got, want := k.TupleHash(1) != base.TupleHash(1), slices.Contains(counts, name); got != want {
				t.Errorf("version %d: %s, number %d, counts in the tuple's hash: %v, want %v", version, name, i, got, want)
			}
		}
	}
	if wide.Hash(1) == wide.Hash(2) || wide.TupleHash(1) == wide.TupleHash(2) {
		t.Error("the seed doesn't count")
	}
}

func TestMapped(t *testing.T) {
	if got, want := key.Mapped(0xc0000201), ([16]byte{10: 0xff, 11: 0xff, 12: 192, 14: 2, 15: 1}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestWideColumnsRoundTrip sends keys of random sets of fields; those before a random row are zero. A column must be sent
// exactly if some key has its field, and what columns of another prefix hold must not matter.
func TestWideColumnsRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	out, in := key.NewWideColumns("outer_"), key.NewWideColumns("outer_")
	other := key.NewWideColumns("inner_")
	for round := range 200 {
		fields, from := key.Fields(r.Uint32()&r.Uint32()), r.IntN(20)
		out.Reset()
		other.Reset()
		var want []key.Wide
		for i := range 20 {
			var k key.Wide
			if i >= from {
				full := randWide(r)
				k = fields.Only(&full)
			}
			want = append(want, k)
			out.Append(k)
			other.Append(randWide(r))
		}
		if out.Len() != len(want) {
			t.Fatalf("%d keys, want %d", out.Len(), len(want))
		}
		// A row set has a column that is always there.
		one, two := make([]uint8, len(want)), []uint8(nil)
		with := func(c []columns.Column, more *key.WideColumns, s *[]uint8) []columns.Column {
			return append(append(c, more.Columns()...), columns.Of("row", s))
		}
		b, err := columns.Append(nil, with(out.Columns(), other, &one))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := columns.Read(b, with(in.Columns(), key.NewWideColumns("inner_"), &two)); err != nil {
			t.Fatal(err)
		}
		var got []key.Wide
		for i := range two {
			k := randWide(r) // what was there before must go
			in.Read(i, &k)
			got = append(got, k)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("round %d, fields %v (-want +got):\n%s", round, fields.Names(), diff)
		}
		var sum key.Wide // any bit of any key
		_, bits := leaves(&sum)
		for i := range want {
			_, values := leaves(&want[i])
			for j := range bits {
				bits[j].SetUint(bits[j].Uint() | values[j].Uint())
			}
		}
		if got, want := columns.RowBytes(in.Columns()), sizeOf(&sum); got != want {
			t.Fatalf("round %d, fields %v: %d bytes a row sent, want %d", round, fields.Names(), got, want)
		}
	}
}

// sizeOf is the size of the columns of the fields that aren't zero: a label is a column, an address is one.
func sizeOf(k *key.Wide) (n int) {
	v := reflect.ValueOf(*k)
	for i := range v.NumField() {
		f := v.Field(i)
		if v.Type().Field(i).Name == "Label" {
			for _, l := range k.Label {
				if l != 0 {
					n += 4
				}
			}
		} else if !f.IsZero() {
			n += int(f.Type().Size())
		}
	}
	return n
}

func TestWideColumnsDoNotAllocate(t *testing.T) {
	c := key.NewWideColumns("")
	fill := func() {
		c.Reset()
		for range 1000 {
			c.Append(wide)
		}
	}
	fill()
	if n := testing.AllocsPerRun(100, fill); n != 0 {
		t.Errorf("Append: %v allocations a thousand keys, want 0", n)
	}
	var k key.Wide
	if n := testing.AllocsPerRun(100, func() {
		for i := range 1000 {
			c.Read(i, &k)
		}
	}); n != 0 || k != wide {
		t.Errorf("Read: %v allocations a thousand keys, want 0; read %+v", n, k)
	}
	if n := testing.AllocsPerRun(100, func() { sink = wide.Hash(1) + wide.TupleHash(1) }); n != 0 {
		t.Errorf("Hash: %v allocations, want 0", n)
	}
}

var sink uint64
