package packet_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/columns"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/schemas/packet"
	"netstream/schemas/window"
)

// frame makes a row as monitors of layer 2 and IPv4 ask for it: a packet of four out of five has an IP header.
func frame(r *rand.Rand) packet.WideRow {
	p := packet.WideRow{
		Time: 1_700_000_000_000_000_000 + r.Int64N(5e9), Weight: 1, Layers: monitor.Ethernet,
		Outer: key.Wide{SrcMAC: r.Uint64N(1 << 48), DstMAC: r.Uint64N(1 << 48), VLAN: uint16(r.IntN(3)), EtherType: 0x0806, Interface: 1},
	}
	p.Window = window.Of(p.Time)
	p.FrameBytes = 60 + r.Uint32N(1454)
	p.Bytes = p.FrameBytes
	if r.IntN(5) > 0 {
		p.Layers |= monitor.OuterIPv4 | monitor.IP
		p.Bytes = p.FrameBytes - 14
		p.Outer.EtherType, p.Outer.Version, p.Outer.Protocol, p.Outer.TTL, p.Outer.TCPFlags = 0x0800, 4, 6, 64, 0x10
		p.Outer.Src, p.Outer.Dst = key.Mapped(0x0a000000|r.Uint32N(1<<12)), key.Mapped(r.Uint32())
		p.Outer.SrcPort, p.Outer.DstPort = uint16(r.Uint32()), 443
	}
	return p
}

// all makes a row with whatever a packet can have.
func all(r *rand.Rand) packet.WideRow {
	p := frame(r)
	p.Outer.InnerVLAN, p.Outer.VRF, p.Outer.FlowLabel, p.Outer.TOS = uint16(r.Uint32()), r.Uint32(), r.Uint32N(1<<20), uint8(r.Uint32())
	p.Outer.Direction = uint8(r.IntN(2))
	for i := range p.Outer.Label {
		p.Outer.Label[i] = r.Uint32N(1 << 20)
	}
	inner := func() packet.Inner {
		q := frame(r)
		d := monitor.New("inner", monitor.TunnelInner)
		k := d.Match.Only(&q.Outer)
		return packet.Inner{Key: k, Bytes: q.Bytes}
	}
	if r.IntN(2) == 0 {
		p.Layers |= monitor.SRv6
		p.SRv6 = inner()
	}
	if r.IntN(2) == 0 {
		p.Layers |= monitor.Tunnelled
		p.Inner = inner()
	}
	if r.IntN(3) == 0 {
		p.Weight = r.Uint32()
	}
	if r.IntN(3) == 0 {
		p.Window += window.Length
	}
	return p
}

func TestWideRoundTrip(t *testing.T) {
	const n = 100
	for _, c := range []struct {
		name string
		row  func(*rand.Rand, int) packet.WideRow
	}{
		{"frames", func(r *rand.Rand, _ int) packet.WideRow { return frame(r) }},
		{"all there is", func(r *rand.Rand, _ int) packet.WideRow { return all(r) }},
		{"all there is in the middle alone", func(r *rand.Rand, i int) packet.WideRow {
			if i == n/2 {
				return all(r)
			}
			return frame(r)
		}},
		{"nothing was read", func(_ *rand.Rand, i int) packet.WideRow { return packet.WideRow{Time: int64(i), Weight: 1} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			out, in := packet.NewWide(), packet.NewWide()
			var want, got []packet.WideRow
			for range 2 { // the second time in the memory of the first
				out.Reset()
				want = want[:0]
				for i := range n {
					p := c.row(r, i)
					want = append(want, p)
					out.Append(&p)
				}
			}
			b, err := columns.Append(nil, out.Columns())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := columns.Read(b, in.Columns()); err != nil {
				t.Fatal(err)
			}
			for i := range in.Len() {
				p := all(r) // what was there before must go
				in.Read(i, &p)
				got = append(got, p)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWideRowBytes(t *testing.T) {
	rows := packet.NewWide()
	rows.Append(&packet.WideRow{Weight: 1})
	if got, want := rows.RowBytes(), 8+4+1; got != want {
		t.Errorf("nothing but time, bytes and layers: %d bytes a row, want %d", got, want)
	}
	rows.Append(&packet.WideRow{Weight: 1, FrameBytes: 60, Outer: key.Wide{SrcMAC: 1, DstMAC: 2, VLAN: 3, EtherType: 4, Interface: 5}})
	if got, want := rows.RowBytes(), 13+4+8+8+2+2+4; got != want {
		t.Errorf("with a frame: %d bytes a row, want %d", got, want)
	}
	rows.Append(&packet.WideRow{Weight: 1, Layers: monitor.Tunnelled, Inner: packet.Inner{Key: key.Wide{DstPort: 53}, Bytes: 28}})
	if got, want := rows.RowBytes(), 41+2+4; got != want {
		t.Errorf("with an inner header: %d bytes a row, want %d", got, want)
	}
}

func TestHeadersAndBytesOfAMonitor(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	p := all(r)
	p.SRv6, p.Inner = packet.Inner{Key: key.Wide{DstPort: 1}, Bytes: 11}, packet.Inner{Key: key.Wide{DstPort: 2}, Bytes: 12}
	p.Bytes, p.FrameBytes = 13, 14
	for kind, want := range map[monitor.Kind]*key.Wide{
		monitor.IPv4: &p.Outer, monitor.IPv6: &p.Outer, monitor.Layer2: &p.Outer, monitor.MPLS: &p.Outer, monitor.VPN: &p.Outer,
		monitor.Flexible: &p.Outer, monitor.SRv6Inner: &p.SRv6.Key, monitor.TunnelInner: &p.Inner.Key,
	} {
		if got := p.KeyOf(kind); got != want {
			t.Errorf("%s takes its key from %+v, want %+v", kind, *got, *want)
		}
	}
	for m, want := range map[monitor.Measure]uint32{monitor.Layer3: 13, monitor.FrameBytes: 14, monitor.SRv6Bytes: 11, monitor.InnerBytes: 12} {
		if got := p.Measured(m); got != want {
			t.Errorf("measure %d: %d bytes, want %d", m, got, want)
		}
	}
}

func TestWideRowsDoNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	p := all(r)
	p.Weight, p.Window = 5, p.Window+window.Length
	p.Layers |= monitor.SRv6 | monitor.Tunnelled
	p.SRv6.Bytes, p.Inner.Bytes = 1, 1
	rows := packet.NewWide()
	fill := func() {
		rows.Reset()
		for range 1000 {
			rows.Append(&p)
		}
	}
	fill()
	if n := testing.AllocsPerRun(100, fill); n != 0 {
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

func BenchmarkEncodeWide(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	in := make([]packet.WideRow, perMessage)
	for i := range in {
		in[i] = frame(r)
	}
	rows, buf := packet.NewWide(), []byte{}
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

func BenchmarkDecodeWide(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	out := packet.NewWide()
	for range perMessage {
		p := frame(r)
		out.Append(&p)
	}
	buf, err := columns.Append(nil, out.Columns())
	if err != nil {
		b.Fatal(err)
	}
	rows := packet.NewWide()
	var p packet.WideRow
	b.ReportAllocs()
	for b.Loop() {
		if _, err := columns.Read(buf, rows.Columns()); err != nil {
			b.Fatal(err)
		}
		for i := range rows.Len() {
			rows.Read(i, &p)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perMessage), "ns/row")
}
