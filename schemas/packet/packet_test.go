package packet_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/columns"
	"netstream/schemas/key"
	"netstream/schemas/packet"
	"netstream/schemas/window"
)

// ipv4 makes a row; late ones are filed under a later window than their own.
func ipv4(r *rand.Rand, weight uint32, late bool) packet.Row[key.IPv4] {
	p := packet.Row[key.IPv4]{
		Key: key.IPv4{
			Src: 0x0a000000 | r.Uint32N(1<<12), Dst: r.Uint32(), SrcPort: uint16(r.Uint32()), DstPort: 443, Protocol: 6, Interface: 1,
		},
		Time: 1_700_000_000_000_000_000 + r.Int64N(5e9), Bytes: 40 + r.Uint32N(1460), Weight: weight, TCPFlags: uint8(r.Uint32()),
	}
	p.Window = window.Of(p.Time)
	if late {
		p.Window += window.Length
	}
	return p
}

func ipv6(r *rand.Rand, weight uint32, late bool) packet.Row[key.IPv6] {
	p := ipv4(r, weight, late)
	return packet.Row[key.IPv6]{
		Key:  key.IPv6{Src: [16]byte{0x20, 1, 15: byte(p.Key.Src)}, Dst: [16]byte{0x20, 2}, SrcPort: p.Key.SrcPort, FlowLabel: 0xfffff, Protocol: 17},
		Time: p.Time, Window: p.Window, Bytes: p.Bytes, Weight: p.Weight, TCPFlags: p.TCPFlags,
	}
}

func TestRoundTrip(t *testing.T) {
	t.Run("ipv4", func(t *testing.T) { roundTrip(t, packet.NewIPv4, ipv4) })
	t.Run("ipv6", func(t *testing.T) { roundTrip(t, packet.NewIPv6, ipv6) })
}

// roundTrip sends rows of which some have a weight or another window, from the start, midway or never.
func roundTrip[K key.Key[K]](t *testing.T, empty func() *packet.Rows[K], row func(*rand.Rand, uint32, bool) packet.Row[K]) {
	const n = 100
	for _, c := range []struct {
		name               string
		weighted, late     int // the first such row
		weight, hasWindows bool
	}{
		{"plain", n, n, false, false},
		{"weights", 0, n, true, false},
		{"weights midway", 40, n, true, false},
		{"the last one is late", n, n - 1, false, true},
		{"both", 30, 60, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			out, in := empty(), empty()
			var want []packet.Row[K]
			for i := range n {
				weight := uint32(1)
				if i == c.weighted || i > c.weighted && i%3 == 0 {
					weight = 1000
				}
				p := row(r, weight, i == c.late)
				want = append(want, p)
				out.Append(&p)
			}
			if out.Len() != n || (len(out.Weight) > 0) != c.weight || (len(out.Window) > 0) != c.hasWindows {
				t.Errorf("%d rows, %d weights, %d windows", out.Len(), len(out.Weight), len(out.Window))
			}
			b, err := columns.Append(nil, out.Columns())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := columns.Read(b, in.Columns()); err != nil {
				t.Fatal(err)
			}
			var got []packet.Row[K]
			for i := range in.Len() {
				p := row(r, 77, true) // what was there before must go
				in.Read(i, &p)
				got = append(got, p)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			out.Reset()
			p := row(r, 1, false)
			if out.Append(&p); out.Len() != 1 || len(out.Weight) != 0 || len(out.Window) != 0 {
				t.Error("after Reset the next rows have columns they don't need")
			}
		})
	}
}

func TestRowBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	rows := packet.NewIPv4()
	p := ipv4(r, 1, false)
	rows.Append(&p)
	if got, want := rows.RowBytes(), 18+8+4+1; got != want {
		t.Errorf("%d bytes a row, want %d", got, want)
	}
	p = ipv4(r, 8, true)
	p.Key.Direction = 1
	rows.Append(&p)
	if got, want := rows.RowBytes(), 18+8+4+1+1+4+8; got != want {
		t.Errorf("with direction, weight and window: %d bytes a row, want %d", got, want)
	}
}

func TestRowsDoNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	p := ipv4(r, 5, true)
	p.Key.Direction = 1
	rows := packet.NewIPv4()
	for range 1000 {
		rows.Append(&p)
	}
	if n := testing.AllocsPerRun(100, func() {
		rows.Reset()
		for range 1000 {
			rows.Append(&p)
		}
	}); n != 0 {
		t.Errorf("Append: %v allocations a thousand rows, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		for i := range rows.Len() {
			rows.Read(i, &p)
		}
	}); n != 0 {
		t.Errorf("Read: %v allocations a thousand rows, want 0", n)
	}
}

// perMessage is the row count of the benchmarks.
const perMessage = 8192

func BenchmarkEncodeIPv4(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	in := make([]packet.Row[key.IPv4], perMessage)
	for i := range in {
		in[i] = ipv4(r, 1, false)
	}
	rows, buf := packet.NewIPv4(), []byte{}
	for b.Loop() {
		rows.Reset()
		for i := range in {
			rows.Append(&in[i])
		}
		var err error
		if buf, err = columns.Append(buf[:0], rows.Columns()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perMessage), "ns/row")
	b.ReportMetric(float64(len(buf))/perMessage, "B/row")
}

func BenchmarkDecodeIPv4(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	out := packet.NewIPv4()
	for range perMessage {
		p := ipv4(r, 1, false)
		out.Append(&p)
	}
	buf, err := columns.Append(nil, out.Columns())
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		bytes []byte
	}{{"aligned", buf}, {"odd", append(make([]byte, 1, len(buf)+1), buf...)[1:]}} {
		b.Run(c.name, func(b *testing.B) {
			rows := packet.NewIPv4()
			var p packet.Row[key.IPv4]
			sum := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := columns.Read(c.bytes, rows.Columns()); err != nil {
					b.Fatal(err)
				}
				for i := range rows.Len() {
					rows.Read(i, &p)
					sum += uint64(p.Bytes)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perMessage), "ns/row")
			_ = sum
		})
	}
}
