package exporter_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/embedded/embeddedtest"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/services/exporter"
)

// testFlow is a flow of one of the classes.
type testFlow struct {
	v4   *flow.Row[key.IPv4]
	v6   *flow.Row[key.IPv6]
	wide *flow.Row[key.Wide]
}

// Monitors of the test's flows, by class.
const (
	definitions = "ipv4=ipv4 ipv6=ipv6 l2=layer2"
	monitorIPv4 = 0
	monitorIPv6 = 1
	monitorL2   = 2
)

// flowSource makes random flows whose times go on from one to the next.
type flowSource struct {
	rnd *rand.Rand
	now int64
}

const start = 1_700_000_000_123_456_789 // ns since 1970

func newFlows(seed uint64) *flowSource {
	return &flowSource{rand.New(rand.NewPCG(seed, 0)), start}
}

func (s *flowSource) times() (first, last int64) {
	s.now += s.rnd.Int64N(20e6)
	return s.now - s.rnd.Int64N(60e9), s.now
}

func (s *flowSource) mixed(n int) (out []testFlow) {
	for range n {
		switch s.rnd.IntN(9) {
		case 0, 1, 2:
			out = append(out, s.ipv6(1)...)
		case 3:
			out = append(out, s.layer2(1)...)
		default:
			out = append(out, s.ipv4(1)...)
		}
	}
	return out
}

func (s *flowSource) ipv4(n int) (out []testFlow) {
	for range n {
		f := &flow.Row[key.IPv4]{
			Key: key.IPv4{
				Src: 10<<24 | s.rnd.Uint32N(1<<16), Dst: 198<<24 | 51<<16 | 100<<8 | s.rnd.Uint32N(256), Interface: 1 + s.rnd.Uint32N(3),
				SrcPort: uint16(1024 + s.rnd.IntN(60000)), DstPort: []uint16{53, 80, 443}[s.rnd.IntN(3)],
				Protocol: []uint8{6, 17}[s.rnd.IntN(2)], TOS: []uint8{0, 0xb8}[s.rnd.IntN(2)], Direction: uint8(s.rnd.IntN(2)),
			},
			Monitor: monitorIPv4, Packets: 1 + s.rnd.Uint64N(1000), TCPFlags: 0x1b, Reason: flow.Inactive,
		}
		f.Bytes = f.Packets * (40 + s.rnd.Uint64N(1400))
		f.First, f.Last = s.times()
		out = append(out, testFlow{v4: f})
	}
	return out
}

func (s *flowSource) ipv6(n int) (out []testFlow) {
	for range n {
		f := &flow.Row[key.IPv6]{
			Key: key.IPv6{
				Src: [16]byte{0x20, 1, 0xd, 0xb8, 15: byte(s.rnd.IntN(256))}, Dst: [16]byte{0x20, 1, 0xd, 0xb8, 1, 15: byte(s.rnd.IntN(256))},
				Interface: 7, FlowLabel: s.rnd.Uint32N(1 << 20), SrcPort: uint16(1024 + s.rnd.IntN(60000)), DstPort: 443, Protocol: 6, TOS: 8,
				Direction: uint8(s.rnd.IntN(2)),
			},
			Monitor: monitorIPv6, Packets: 1 + s.rnd.Uint64N(1000), TCPFlags: 0x12, Reason: flow.FIN,
		}
		f.Bytes = f.Packets * (60 + s.rnd.Uint64N(1400))
		f.First, f.Last = s.times()
		out = append(out, testFlow{v6: f})
	}
	return out
}

// layer2 makes flows of a wide kind, which go to destinations that name the monitor.
func (s *flowSource) layer2(n int) (out []testFlow) {
	for range n {
		f := &flow.Row[key.Wide]{
			Key:     key.Wide{SrcMAC: s.rnd.Uint64N(1 << 48), DstMAC: s.rnd.Uint64N(1 << 48), VLAN: 7, EtherType: 0x0800, Interface: 1},
			Monitor: monitorL2, Packets: 1 + s.rnd.Uint64N(1000), Reason: flow.Inactive,
		}
		f.Bytes = f.Packets * (60 + s.rnd.Uint64N(1400))
		f.First, f.Last = s.times()
		out = append(out, testFlow{wide: f})
	}
	return out
}

// line is a bus with flows on it, as agers would publish them.
type line struct {
	*bus.Bus
	url     string
	writers map[int]*bus.Writer
	numbers map[int]uint64
	last    uint64 // sequence of the last message
}

func open(t testing.TB) *line {
	t.Helper()
	srv, conn := embeddedtest.Connect(t)
	b, err := bus.New(conn, "live", bus.DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	return &line{Bus: b, url: srv.URL(), writers: map[int]*bus.Writer{}, numbers: map[int]uint64{}}
}

// publish publishes a message of flows on a flow shard.
func (l *line) publish(t testing.TB, shard int, flows []testFlow) {
	t.Helper()
	l.publishOf(t, shard, definitions, flows)
}

// end says that the source has ended, on every flow shard.
func (l *line) end(t testing.TB) {
	t.Helper()
	for shard := range l.Layout.FlowShards {
		l.publishOf(t, shard, definitions, nil, "tap")
	}
}

// publishOf publishes a message of flows of these monitors, and of sources that have ended.
func (l *line) publishOf(t testing.TB, shard int, monitors string, flows []testFlow, ended ...string) {
	t.Helper()
	w := l.writers[shard]
	if w == nil {
		var err error
		if w, _, err = l.Writer(context.Background(), l.Pipeline.FlowsStream(), l.Pipeline.Flows(shard)); err != nil {
			t.Fatal(err)
		}
		l.writers[shard] = w
	}
	v4, v6, wide := flow.NewIPv4(), flow.NewIPv6(), flow.NewWide()
	for _, f := range flows {
		switch {
		case f.v4 != nil:
			v4.Append(f.v4, false)
		case f.v6 != nil:
			v6.Append(f.v6, false)
		default:
			wide.Append(f.wide, false)
		}
	}
	var body message.Body
	var books ledger.Rows
	books.Append(&ledger.Entry{Source: "tap", Hop: ledger.Ager, Shard: uint16(shard), Name: ledger.Out, Rows: uint64(len(flows))})
	for _, source := range ended {
		books.Append(&ledger.Entry{Source: source, Hop: ledger.Ager, Shard: uint16(shard), Name: ledger.Ended})
	}
	var err error
	if v4.Len() > 0 {
		err = body.Add(v4.Schema(), v4.Columns())
	}
	if v6.Len() > 0 && err == nil {
		err = body.Add(v6.Schema(), v6.Columns())
	}
	if wide.Len() > 0 && err == nil {
		err = body.Add(wide.Schema(), wide.Columns())
	}
	if err == nil {
		err = body.Add(ledger.Schema, books.Columns())
	}
	if err != nil {
		t.Fatal(err)
	}
	h := message.Header{}
	h.Set(message.Streams, body.Streams())
	h.Set(message.Sources, "tap")
	h.Set(message.Monitors, monitors)
	h.Set(message.Position, message.FormatPosition(l.Pipeline.UpdatesStream(), l.last+1))
	h.SetPair(message.Numbers, l.numbers[shard]+1, uint64(len(flows)))
	l.numbers[shard] += uint64(len(flows))
	if err := w.Publish(context.Background(), h, body.Bytes()); err != nil {
		t.Fatal(err)
	}
	l.last++
}

// sum counts flows.
func (l *line) sum(flows []testFlow) (sum exporter.Tally) {
	for _, f := range flows {
		sum.Flows++
		switch {
		case f.v4 != nil:
			sum.Packets, sum.Bytes = sum.Packets+f.v4.Packets, sum.Bytes+f.v4.Bytes
		case f.v6 != nil:
			sum.Packets, sum.Bytes = sum.Packets+f.v6.Packets, sum.Bytes+f.v6.Bytes
		default:
			sum.Packets, sum.Bytes = sum.Packets+f.wide.Packets, sum.Bytes+f.wide.Bytes
		}
	}
	return sum
}

// records are what a collector of the format must find for these flows, whose counters fit 32 bits.
func records(flows []testFlow, format exporter.Format) (out []record) {
	side := func(index uint32, direction uint8) (in, out uint32) {
		if direction == 1 {
			return 0, index
		}
		return index, 0
	}
	for _, f := range flows {
		switch {
		case f.v4 != nil:
			k := &f.v4.Key
			in, egress := side(k.Interface, k.Direction)
			out = append(out, record{
				Src: address4(k.Src), Dst: address4(k.Dst), Ports: fmt.Sprint(k.SrcPort, " ", k.DstPort), Kind: kind(k.Protocol, k.TOS, f.v4.TCPFlags, 0),
				In: in, Out: egress, Packets: f.v4.Packets, Bytes: f.v4.Bytes, First: f.v4.First / 1e6, Last: f.v4.Last / 1e6,
			})
		case f.v6 != nil && format != exporter.V5:
			k := &f.v6.Key
			in, egress := side(k.Interface, k.Direction)
			out = append(out, record{
				Src: netip.AddrFrom16(k.Src).String(), Dst: netip.AddrFrom16(k.Dst).String(), Ports: fmt.Sprint(k.SrcPort, " ", k.DstPort),
				Kind: kind(k.Protocol, k.TOS, f.v6.TCPFlags, k.FlowLabel), In: in, Out: egress,
				Packets: f.v6.Packets, Bytes: f.v6.Bytes, First: f.v6.First / 1e6, Last: f.v6.Last / 1e6,
			})
		}
	}
	return out
}

// frames are what a collector of version 9 or IPFIX must find for those of the flows that are of layer 2.
func frames(flows []testFlow) (out []record) {
	for _, f := range flows {
		if f.wide == nil {
			continue
		}
		k := &f.wide.Key
		out = append(out, record{
			Src: "::", Dst: "::", Ports: "0 0", Kind: kind(0, 0, 0, 0), Frame: frame(k.SrcMAC, k.DstMAC, k.VLAN, k.EtherType), In: k.Interface,
			Packets: f.wide.Packets, Bytes: f.wide.Bytes, First: f.wide.First / 1e6, Last: f.wide.Last / 1e6,
		})
	}
	return out
}

// frame renders the fields of layer 2.
func frame(src, dst uint64, vlan, ethertype uint16) string {
	return fmt.Sprintf("%012x %012x vlan %d ethertype %#04x", src, dst, vlan, ethertype)
}

func address4(a uint32) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return netip.AddrFrom4(b).String()
}

// exporterName makes a name for an exporter of a test.
func exporterName(t *testing.T) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > 'z' || r > '9' && r < 'A' || r > 'Z' && r < 'a' {
			return '_'
		}
		return r
	}, t.Name()[max(0, len(t.Name())-64):])
}

// readBy is the line's bus in a pipeline whose flows an exporter reads.
func (l *line) readBy(exporter string) *bus.Bus {
	b := *l.Bus
	b.Layout.Readers = []string{exporter}
	return &b
}

// TestExporterMustBeKnownAsAReader refuses to run where flows may be deleted before the exporter has read them.
func TestExporterMustBeKnownAsAReader(t *testing.T) {
	l := open(t)
	err := exporter.New(exporter.Config{Name: "unheard-of"}, l.Bus, prometheus.NewRegistry(), slog.New(slog.DiscardHandler)).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "layout.readers") {
		t.Errorf("error %v, want one that names layout.readers", err)
	}
}
