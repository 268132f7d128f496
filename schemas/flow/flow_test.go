package flow_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/collect"
	"netstream/schemas/columns"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/uint128"
	"netstream/schemas/weight"
)

func ipv4(r *rand.Rand, sampled bool) flow.Row[key.IPv4] {
	first := 1_700_000_000_000_000_000 + r.Int64N(5e9)
	f := flow.Row[key.IPv4]{
		Key: key.IPv4{
			Src: 0x0a000000 | r.Uint32N(1<<12), Dst: r.Uint32(), SrcPort: uint16(r.Uint32()), DstPort: 443, Protocol: 6, Interface: 1,
			Direction: uint8(r.IntN(2)),
		},
		Source: uint16(r.IntN(3)), Monitor: uint8(r.IntN(2)), First: first, Last: first + r.Int64N(60e9),
		Packets: r.Uint64(), Bytes: r.Uint64(), TCPFlags: uint8(r.Uint32()), Reason: flow.Reasons[r.IntN(len(flow.Reasons))],
	}
	f.Sums = weight.Unsampled(f.Packets, f.Bytes)
	if sampled {
		f.Sums = weight.Sums{
			Packets: r.Uint64(), Bytes: r.Uint64(),
			VarPackets: uint128.Uint128{Hi: r.Uint64(), Lo: r.Uint64()}, VarBytes: uint128.Uint128{Hi: r.Uint64(), Lo: r.Uint64()},
		}
	}
	return f
}

func ipv6(r *rand.Rand, sampled bool) flow.Row[key.IPv6] {
	f := ipv4(r, sampled)
	return flow.Row[key.IPv6]{
		Key:    key.IPv6{Src: [16]byte{0x20, 1, 15: byte(f.Key.Src)}, Dst: [16]byte{0x20, 2}, FlowLabel: 0xfffff, Protocol: 17},
		Source: f.Source, Monitor: f.Monitor, First: f.First, Last: f.Last,
		Packets: f.Packets, Bytes: f.Bytes, TCPFlags: f.TCPFlags, Reason: f.Reason, Sums: f.Sums,
	}
}

// wide makes a flow of a monitor of layer 2, or of a flexible one that collects.
func wide(r *rand.Rand, sampled bool) flow.Row[key.Wide] {
	f := ipv4(r, sampled)
	w := flow.Row[key.Wide]{
		Key:    key.Wide{SrcMAC: r.Uint64N(1 << 48), DstMAC: r.Uint64N(1 << 48), VLAN: uint16(r.IntN(3)), EtherType: 0x0800, Interface: 1},
		Source: f.Source, Monitor: f.Monitor, First: f.First, Last: f.Last,
		Packets: f.Packets, Bytes: f.Bytes, TCPFlags: f.TCPFlags, Reason: f.Reason, Sums: f.Sums,
	}
	if w.Monitor == 1 {
		w.Key = key.Wide{DstPort: f.Key.DstPort, Label: [key.Labels]uint32{9: r.Uint32N(1 << 20)}}
		v := collect.Packet(key.Wide{SrcMAC: r.Uint64N(1 << 48), TTL: uint8(r.Uint32())}, f.First, 40+r.Uint32N(1460), 64)
		w.Values = &v
	}
	return w
}

// plain makes a flow of a monitor that collects nothing.
func plain(r *rand.Rand, sampled bool) flow.Row[key.Wide] {
	w := wide(r, sampled)
	w.Values = nil
	return w
}

func TestRoundTrip(t *testing.T) {
	t.Run("ipv4", func(t *testing.T) { roundTrip(t, flow.NewIPv4, ipv4) })
	t.Run("ipv6", func(t *testing.T) { roundTrip(t, flow.NewIPv6, ipv6) })
	t.Run("wide", func(t *testing.T) { roundTrip(t, flow.NewWide, wide) })
	t.Run("wide without values", func(t *testing.T) { roundTrip(t, flow.NewWide, plain) })
}

func roundTrip[K key.Key[K]](t *testing.T, empty func() *flow.Rows[K], row func(*rand.Rand, bool) flow.Row[K]) {
	for _, sampled := range []bool{false, true} {
		r := rand.New(rand.NewPCG(1, 2))
		out, in := empty(), empty()
		var want []flow.Row[K]
		for range 100 {
			f := row(r, sampled)
			want = append(want, f)
			out.Append(&f, sampled)
		}
		b, err := columns.Append(nil, out.Columns())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := columns.Read(b, in.Columns()); err != nil {
			t.Fatal(err)
		}
		if err := in.Check(3, 2); err != nil || in.Sums.Present() != sampled {
			t.Errorf("sampled %v: sums sent %v, error %v", sampled, in.Sums.Present(), err)
		}
		var got []flow.Row[K]
		for i := range in.Len() {
			f := row(r, true) // what was there before must go
			in.Read(i, &f)
			if f.Values != nil { // until the next Read
				v := *f.Values
				f.Values = &v
			}
			got = append(got, f)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sampled %v (-want +got):\n%s", sampled, diff)
		}
		out.Reset()
		f := row(r, false)
		if out.Append(&f, false); out.Len() != 1 || out.Sums.Present() {
			t.Errorf("after Reset: %d rows, sums %v", out.Len(), out.Sums.Present())
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*flow.Rows[key.IPv4])
		want   string
	}{
		{"nothing", func(*flow.Rows[key.IPv4]) {}, ""},
		{"source outside the list", func(r *flow.Rows[key.IPv4]) { r.Source[7] = 3 }, "row 7: source 3 of 3"},
		{"monitor outside the list", func(r *flow.Rows[key.IPv4]) { r.Monitor[9] = 255 }, "monitor 255 of 2"},
		{"a sum missing", func(r *flow.Rows[key.IPv4]) { r.Sums.Packets = nil }, "sums"},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		rows := flow.NewIPv4()
		for range 10 {
			f := ipv4(r, true)
			rows.Append(&f, true)
		}
		c.change(rows)
		err := rows.Check(3, 2)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestCheckOfWideRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name   string
		change func(*flow.Rows[key.Wide])
		want   string
	}{
		{"nothing", func(*flow.Rows[key.Wide]) {}, ""},
		{"monitor outside the list", func(r *flow.Rows[key.Wide]) { r.Monitor[9] = 2 }, "monitor 2 of 2"},
		{"a collected value missing", func(r *flow.Rows[key.Wide]) { r.Values.MinLength = nil }, "collected values"},
	} {
		rows := flow.NewWide()
		for range 20 {
			f := wide(r, false)
			rows.Append(&f, false)
		}
		c.change(rows)
		err := rows.Check(3, 2)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestRowsDoNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	f4, w := ipv4(r, true), wide(r, true)
	for w.Values == nil {
		w = wide(r, true)
	}
	f4.Key.Direction, w.Key.Direction = 1, 1
	t.Run("ipv4", func(t *testing.T) { rowsDoNotAllocate(t, flow.NewIPv4(), f4) })
	t.Run("wide", func(t *testing.T) { rowsDoNotAllocate(t, flow.NewWide(), w) })
}

func rowsDoNotAllocate[K key.Key[K]](t *testing.T, rows *flow.Rows[K], f flow.Row[K]) {
	fill := func() {
		for range 1000 {
			rows.Append(&f, true)
		}
	}
	fill()
	if n := testing.AllocsPerRun(100, func() { rows.Reset(); fill() }); n != 0 {
		t.Errorf("Append: %v allocations a thousand rows, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		for i := range rows.Len() {
			rows.Read(i, &f)
		}
	}); n != 0 {
		t.Errorf("Read: %v allocations a thousand rows, want 0", n)
	}
	h := flow.Hasher[K]{Seed: 1}
	if sum, want := h.Hash(&f), flow.Hash(&f, 1); sum != want {
		t.Errorf("a hasher gives %s, want %s", sum, want)
	}
	if n := testing.AllocsPerRun(100, func() { sink = h.Hash(&f) }); n != 0 {
		t.Errorf("Hash: %v allocations a flow, want 0", n)
	}
}

var sink flow.Digest

// perMessage is the row count of the benchmarks.
const perMessage = 8192

// ingress makes an IPv4 flow without the column that says otherwise.
func ingress(r *rand.Rand, sampled bool) flow.Row[key.IPv4] {
	f := ipv4(r, sampled)
	f.Key.Direction = 0
	return f
}

func BenchmarkEncodeIPv4(b *testing.B) { encode(b, flow.NewIPv4(), ingress) }
func BenchmarkEncodeWide(b *testing.B) { encode(b, flow.NewWide(), plain) }

func encode[K key.Key[K]](b *testing.B, rows *flow.Rows[K], row func(*rand.Rand, bool) flow.Row[K]) {
	r := rand.New(rand.NewPCG(1, 2))
	in := make([]flow.Row[K], perMessage)
	for i := range in {
		in[i] = row(r, false)
	}
	buf := []byte{}
	for b.Loop() {
		rows.Reset()
		for i := range in {
			rows.Append(&in[i], false)
		}
		var err error
		if buf, err = columns.Append(buf[:0], rows.Columns()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perMessage), "ns/row")
	b.ReportMetric(float64(len(buf))/perMessage, "B/row")
}

func BenchmarkDecodeIPv4(b *testing.B) { decode(b, flow.NewIPv4, ingress) }
func BenchmarkDecodeWide(b *testing.B) { decode(b, flow.NewWide, plain) }

func decode[K key.Key[K]](b *testing.B, empty func() *flow.Rows[K], row func(*rand.Rand, bool) flow.Row[K]) {
	r := rand.New(rand.NewPCG(1, 2))
	out := empty()
	for range perMessage {
		f := row(r, false)
		out.Append(&f, false)
	}
	buf, err := columns.Append(nil, out.Columns())
	if err != nil {
		b.Fatal(err)
	}
	rows := empty()
	var f flow.Row[K]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := columns.Read(buf, rows.Columns()); err != nil {
			b.Fatal(err)
		}
		for i := range rows.Len() {
			rows.Read(i, &f)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perMessage), "ns/row")
}

func BenchmarkHash(b *testing.B) {
	f := ipv4(rand.New(rand.NewPCG(1, 2)), true)
	h := flow.Hasher[key.IPv4]{Seed: 1}
	b.ReportAllocs()
	for b.Loop() {
		sink = h.Hash(&f)
	}
}
