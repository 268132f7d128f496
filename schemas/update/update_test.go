package update_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/collect"
	"netstream/schemas/columns"
	"netstream/schemas/key"
	"netstream/schemas/uint128"
	"netstream/schemas/update"
	"netstream/schemas/weight"
	"netstream/schemas/window"
)

// ipv4 makes a row; a late one is of a later window than its first packet.
func ipv4(r *rand.Rand, sampled, late bool) update.Row[key.IPv4] {
	first := 1_700_000_000_000_000_000 + r.Int64N(5e9)
	u := update.Row[key.IPv4]{
		Key: key.IPv4{
			Src: 0x0a000000 | r.Uint32N(1<<12), Dst: r.Uint32(), SrcPort: uint16(r.Uint32()), DstPort: 443, Protocol: 6, Interface: 1,
		},
		Source: uint16(r.IntN(3)), Monitor: uint8(r.IntN(2)), Window: window.Of(first), First: first, Last: first + r.Int64N(1e9),
		Packets: 1 + r.Uint32N(100), Bytes: r.Uint64N(1e6), TCPFlags: uint8(r.Uint32()), StartsSYN: r.IntN(2) == 1,
	}
	u.Sums = weight.Unsampled(uint64(u.Packets), u.Bytes)
	if sampled {
		u.Sums = weight.Sums{
			Packets: r.Uint64(), Bytes: r.Uint64(),
			VarPackets: uint128.Uint128{Hi: r.Uint64(), Lo: r.Uint64()}, VarBytes: uint128.Uint128{Hi: r.Uint64(), Lo: r.Uint64()},
		}
	}
	if late {
		u.Window += 3 * window.Length
	}
	return u
}

func ipv6(r *rand.Rand, sampled, late bool) update.Row[key.IPv6] {
	u := ipv4(r, sampled, late)
	return update.Row[key.IPv6]{
		Key:    key.IPv6{Src: [16]byte{0x20, 1, 15: byte(u.Key.Src)}, Dst: [16]byte{0x20, 2}, FlowLabel: 0xfffff, Protocol: 17},
		Source: u.Source, Monitor: u.Monitor, Window: u.Window, First: u.First, Last: u.Last,
		Packets: u.Packets, Bytes: u.Bytes, TCPFlags: u.TCPFlags, StartsSYN: u.StartsSYN, Sums: u.Sums,
	}
}

// wide makes a row of a monitor of layer 2, or of a flexible one that collects.
func wide(r *rand.Rand, sampled, late bool) update.Row[key.Wide] {
	u := ipv4(r, sampled, late)
	w := update.Row[key.Wide]{
		Key:    key.Wide{SrcMAC: r.Uint64N(1 << 48), DstMAC: r.Uint64N(1 << 48), VLAN: uint16(r.IntN(3)), EtherType: 0x0800, Interface: 1},
		Source: u.Source, Monitor: u.Monitor, Window: u.Window, First: u.First, Last: u.Last,
		Packets: u.Packets, Bytes: u.Bytes, TCPFlags: u.TCPFlags, StartsSYN: u.StartsSYN, Sums: u.Sums,
	}
	if w.Monitor == 1 {
		w.Key = key.Wide{DstPort: u.Key.DstPort, Label: [key.Labels]uint32{9: r.Uint32N(1 << 20)}}
		v := collect.Packet(key.Wide{SrcMAC: r.Uint64N(1 << 48), TTL: uint8(r.Uint32())}, u.First, 40+r.Uint32N(1460), 64)
		w.Values = &v
	}
	return w
}

// plain makes a row of a monitor that collects nothing.
func plain(r *rand.Rand, sampled, late bool) update.Row[key.Wide] {
	w := wide(r, sampled, late)
	w.Values = nil
	return w
}

func TestRoundTrip(t *testing.T) {
	t.Run("ipv4", func(t *testing.T) { roundTrip(t, update.NewIPv4, ipv4) })
	t.Run("ipv6", func(t *testing.T) { roundTrip(t, update.NewIPv6, ipv6) })
	t.Run("wide", func(t *testing.T) { roundTrip(t, update.NewWide, wide) })
	t.Run("wide without values", func(t *testing.T) { roundTrip(t, update.NewWide, plain) })
}

func roundTrip[K key.Key[K]](t *testing.T, empty func() *update.Rows[K], row func(*rand.Rand, bool, bool) update.Row[K]) {
	const n = 100
	for _, c := range []struct {
		name    string
		sampled bool
		late    int // the first row of another window
	}{
		{"plain", false, n},
		{"sampled", true, n},
		{"late from the start", false, 0},
		{"sampled, late midway", true, 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			out, in := empty(), empty()
			var want []update.Row[K]
			for i := range n {
				u := row(r, c.sampled, i == c.late || i > c.late && i%3 == 0)
				want = append(want, u)
				out.Append(&u, c.sampled)
			}
			if out.Sums.Present() != c.sampled || (len(out.Window) > 0) != (c.late < n) {
				t.Errorf("sums sent %v, %d windows", out.Sums.Present(), len(out.Window))
			}
			b, err := columns.Append(nil, out.Columns())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := columns.Read(b, in.Columns()); err != nil {
				t.Fatal(err)
			}
			if err := in.Check(3, 2); err != nil {
				t.Error(err)
			}
			var got []update.Row[K]
			for i := range in.Len() {
				u := row(r, true, true) // what was there before must go
				in.Read(i, &u)
				if u.Values != nil { // until the next Read
					v := *u.Values
					u.Values = &v
				}
				got = append(got, u)
				if in.WindowAt(i) != u.Window {
					t.Errorf("row %d: window %d, want %d", i, in.WindowAt(i), u.Window)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			out.Reset()
			u := row(r, false, false)
			if out.Append(&u, false); out.Len() != 1 || len(out.Window) != 0 || out.Sums.Present() {
				t.Error("after Reset the next rows have columns they don't need")
			}
		})
	}
}

func TestCheck(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name   string
		change func(*update.Rows[key.IPv4])
		want   string
	}{
		{"nothing", func(*update.Rows[key.IPv4]) {}, ""},
		{"source outside the list", func(r *update.Rows[key.IPv4]) { r.Source[7] = 3 }, "row 7: source 3 of 3"},
		{"monitor outside the list", func(r *update.Rows[key.IPv4]) { r.Monitor[9] = 255 }, "monitor 255 of 2"},
		{"a sum missing", func(r *update.Rows[key.IPv4]) { r.Sums.VarBytesLo = nil }, "sums"},
	} {
		rows := update.NewIPv4()
		for range 10 {
			u := ipv4(r, true, false)
			rows.Append(&u, true)
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
		change func(*update.Rows[key.Wide])
		want   string
	}{
		{"nothing", func(*update.Rows[key.Wide]) {}, ""},
		{"monitor outside the list", func(r *update.Rows[key.Wide]) { r.Monitor[9] = 2 }, "monitor 2 of 2"},
		{"a collected value missing", func(r *update.Rows[key.Wide]) { r.Values.MaxTTL = nil }, "collected values"},
	} {
		rows := update.NewWide()
		for range 20 {
			u := wide(r, false, false)
			rows.Append(&u, false)
		}
		c.change(rows)
		err := rows.Check(3, 2)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestRowBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	rows := update.NewIPv4()
	u := ipv4(r, false, false)
	rows.Append(&u, false)
	if got, want := rows.RowBytes(), 18+2+1+16+4+8+1+1; got != want {
		t.Errorf("%d bytes a row, want %d", got, want)
	}
}

func TestRowsDoNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	u4, w := ipv4(r, true, true), wide(r, true, true)
	for w.Values == nil {
		w = wide(r, true, true)
	}
	u4.Key.Direction, w.Key.Direction = 1, 1
	t.Run("ipv4", func(t *testing.T) { rowsDoNotAllocate(t, update.NewIPv4(), u4) })
	t.Run("wide", func(t *testing.T) { rowsDoNotAllocate(t, update.NewWide(), w) })
}

func rowsDoNotAllocate[K key.Key[K]](t *testing.T, rows *update.Rows[K], u update.Row[K]) {
	fill := func() {
		for range 1000 {
			rows.Append(&u, true)
		}
	}
	fill()
	if n := testing.AllocsPerRun(100, func() { rows.Reset(); fill() }); n != 0 {
		t.Errorf("Append: %v allocations a thousand rows, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		for i := range rows.Len() {
			rows.Read(i, &u)
		}
	}); n != 0 {
		t.Errorf("Read: %v allocations a thousand rows, want 0", n)
	}
}

// perMessage is the row count of the benchmarks.
const perMessage = 8192

func BenchmarkEncodeIPv4(b *testing.B) { encode(b, update.NewIPv4(), ipv4) }
func BenchmarkEncodeWide(b *testing.B) { encode(b, update.NewWide(), plain) }

func encode[K key.Key[K]](b *testing.B, rows *update.Rows[K], row func(*rand.Rand, bool, bool) update.Row[K]) {
	r := rand.New(rand.NewPCG(1, 2))
	in := make([]update.Row[K], perMessage)
	for i := range in {
		in[i] = row(r, false, false)
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

func BenchmarkDecodeIPv4(b *testing.B) { decode(b, update.NewIPv4, ipv4) }
func BenchmarkDecodeWide(b *testing.B) { decode(b, update.NewWide, plain) }

func decode[K key.Key[K]](b *testing.B, empty func() *update.Rows[K], row func(*rand.Rand, bool, bool) update.Row[K]) {
	r := rand.New(rand.NewPCG(1, 2))
	out := empty()
	for range perMessage {
		u := row(r, false, false)
		out.Append(&u, false)
	}
	buf, err := columns.Append(nil, out.Columns())
	if err != nil {
		b.Fatal(err)
	}
	rows := empty()
	var u update.Row[K]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := columns.Read(buf, rows.Columns()); err != nil {
			b.Fatal(err)
		}
		for i := range rows.Len() {
			rows.Read(i, &u)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perMessage), "ns/row")
}
