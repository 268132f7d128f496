// Package linetest makes what tests of the analyzer need: a bus of its own, and flow messages as an ager publishes them.
package linetest

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"netstream/pipeline/bus"
	"netstream/pipeline/embedded/embeddedtest"
	"netstream/schemas/collect"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/monitor"
	"netstream/schemas/uint128"
	"netstream/schemas/weight"
)

// Bus is a bus on an embedded JetStream.
func Bus(t testing.TB, flowShards int) *bus.Bus {
	t.Helper()
	b, _ := Served(t, flowShards)
	return b
}

// Layout of a bus with some flow shards.
func Layout(flowShards int) bus.Layout {
	l := bus.DefaultLayout()
	l.FlowShards = flowShards
	return l
}

// Served is a bus on an embedded JetStream, and where other processes find it.
func Served(t testing.TB, flowShards int) (b *bus.Bus, url string) {
	t.Helper()
	srv, conn := embeddedtest.Connect(t)
	b, err := bus.New(conn, "live", Layout(flowShards))
	if err != nil {
		t.Fatal(err)
	}
	return b, srv.URL()
}

// Monitors of the messages.
var Monitors = []monitor.Definition{
	monitor.New("ipv4", monitor.IPv4), monitor.New("ipv6", monitor.IPv6), monitor.New("l2", monitor.Layer2),
	{Name: "labels", Kind: monitor.MPLS, Match: monitor.LabelOnly}, monitor.New("vpn", monitor.VPN),
	monitor.New("inner", monitor.TunnelInner), {Name: "ports", Kind: monitor.Flexible, Match: 1<<key.DstPort | 1<<key.DSCP},
	{Name: "hosts", Kind: monitor.Flexible, Match: 1<<key.SrcAddr | 1<<key.VLAN | 1<<key.TCPFlags, Collect: key.Stack | 1<<key.SrcMAC | 1<<key.TTL, Extremes: true},
	{Name: "connections", Kind: monitor.Flexible, Match: key.Tuple, Collect: 1 << key.Interface},
}

// Ager publishes the flows of one shard, with ledger entries of a line that lost nothing.
type Ager struct {
	t      testing.TB
	bus    *bus.Bus
	shard  int
	number uint64                       // of the last flow
	totals map[ledger.Key]*ledger.Entry // by source and monitor
	writer *bus.Writer
}

// NewAger goes on after the last message of the shard, with empty counters.
func NewAger(t testing.TB, b *bus.Bus, shard int) *Ager {
	t.Helper()
	w, _, err := b.Writer(t.Context(), b.Pipeline.FlowsStream(), b.Pipeline.Flows(shard))
	if err != nil {
		t.Fatal(err)
	}
	return &Ager{t: t, bus: b, shard: shard, totals: map[ledger.Key]*ledger.Entry{}, writer: w}
}

// Message is what one flow message holds.
type Message struct {
	Sources []string
	IPv4    []flow.Row[key.IPv4]
	IPv6    []flow.Row[key.IPv6]
	Wide    []flow.Row[key.Wide]
	Sampled bool
	End     bool // of all its sources
}

// Build makes header and body of the shard's next message.
func (a *Ager) Build(m Message) (message.Header, []byte) {
	a.t.Helper()
	v4, v6, wide, books := flow.NewIPv4(), flow.NewIPv6(), flow.NewWide(), &ledger.Rows{}
	for i := range m.IPv4 {
		v4.Append(&m.IPv4[i], m.Sampled)
		count(a, m, &m.IPv4[i])
	}
	for i := range m.IPv6 {
		v6.Append(&m.IPv6[i], m.Sampled)
		count(a, m, &m.IPv6[i])
	}
	for i := range m.Wide {
		wide.Append(&m.Wide[i], m.Sampled)
		count(a, m, &m.Wide[i])
	}
	for _, name := range m.Sources {
		a.entries(name, m.End, books)
	}
	var body message.Body
	add := func(err error) {
		if err != nil {
			a.t.Fatal(err)
		}
	}
	if v4.Len() > 0 {
		add(body.Add(v4.Schema(), v4.Columns()))
	}
	if v6.Len() > 0 {
		add(body.Add(v6.Schema(), v6.Columns()))
	}
	if wide.Len() > 0 {
		add(body.Add(wide.Schema(), wide.Columns()))
	}
	add(body.Add(ledger.Schema, books.Columns()))
	h := message.Header{}
	h.Set(message.Streams, body.Streams())
	h.Set(message.Sources, strings.Join(m.Sources, " "))
	h.Set(message.Monitors, monitor.Format(Monitors))
	flows := uint64(len(m.IPv4) + len(m.IPv6) + len(m.Wide))
	h.SetPair(message.Numbers, a.number+1, flows)
	a.number += flows
	return h, body.Bytes()
}

// Publish publishes the shard's next message.
func (a *Ager) Publish(m Message) {
	a.t.Helper()
	h, body := a.Build(m)
	a.Raw(h, body)
}

// Raw publishes any message on the shard.
func (a *Ager) Raw(h message.Header, body []byte) {
	a.t.Helper()
	if err := a.writer.Publish(context.Background(), h, body); err != nil {
		a.t.Fatal(err)
	}
}

// count adds a flow to what its source and monitor gave.
func count[K key.Key[K]](a *Ager, m Message, f *flow.Row[K]) {
	e := a.total(m.Sources[f.Source], Monitors[f.Monitor].Name)
	e.Rows++
	e.Packets += f.Packets
	e.Bytes += f.Bytes
	e.Digest = e.Digest.Add(flow.Hash(f, key.Seed(Monitors[f.Monitor].Name)))
}

func (a *Ager) total(source, monitor string) *ledger.Entry {
	k := ledger.Key{Source: source, Monitor: monitor}
	if a.totals[k] == nil {
		a.totals[k] = &ledger.Entry{}
	}
	return a.totals[k]
}

// entries are the counters of a line that lost nothing and holds nothing; the flow cache and the sampler have as many
// shards as the ager. All monitors measure in layer-3 bytes.
func (a *Ager) entries(source string, end bool, rows *ledger.Rows) {
	shard := uint16(a.shard)
	var all ledger.Entry
	for _, d := range Monitors {
		out := a.total(source, d.Name)
		all.Packets, all.Bytes = all.Packets+out.Packets, all.Bytes+out.Bytes
	}
	entry := func(hop, monitor, name string, e ledger.Entry) {
		e.Source, e.Hop, e.Shard, e.Monitor, e.Name = source, hop, shard, monitor, name
		rows.Append(&e)
	}
	entry(ledger.Sampler, "", ledger.In, all)
	entry(ledger.Sampler, "", ledger.Out, all)
	entry(ledger.Sampler, "", ledger.OutFrames, all)
	entry(ledger.FlowCache, "", ledger.In, all)
	for _, d := range Monitors {
		out := *a.total(source, d.Name)
		if out.Rows == 0 {
			continue
		}
		counts := ledger.Entry{Packets: out.Packets, Bytes: out.Bytes}
		entry(ledger.FlowCache, d.Name, ledger.In, counts)
		entry(ledger.FlowCache, d.Name, ledger.Unmatched, ledger.Entry{Packets: all.Packets - out.Packets, Bytes: all.Bytes - out.Bytes})
		entry(ledger.FlowCache, d.Name, ledger.Out, counts)
		entry(ledger.Ager, d.Name, ledger.In, counts)
		entry(ledger.Ager, d.Name, ledger.Out, out)
		entry(ledger.Ager, d.Name, ledger.Held, ledger.Entry{})
	}
	if end {
		entry(ledger.Ager, "", ledger.Ended, ledger.Entry{})
	}
}

// RandomWide makes n flows of all monitors with wide keys.
func RandomWide(rng *rand.Rand, n int, sampled bool, sources ...string) Message {
	m := Message{Sources: sources, Sampled: sampled}
	for range n {
		number := 2 + rng.IntN(len(Monitors)-2)
		d := &Monitors[number]
		k := key.Wide{
			SrcMAC: rng.Uint64() >> 16, DstMAC: rng.Uint64() >> 16, Interface: rng.Uint32N(50), FlowLabel: rng.Uint32N(1 << 20), VRF: 1 + rng.Uint32N(9),
			SrcPort: uint16(rng.Uint32()), DstPort: uint16(rng.Uint32()), VLAN: uint16(rng.Uint32N(4096)), InnerVLAN: uint16(rng.Uint32N(4096)),
			EtherType: uint16(rng.Uint32()), Protocol: uint8(rng.Uint32()), TOS: uint8(rng.Uint32()), TTL: uint8(rng.Uint32()),
			TCPFlags: uint8(rng.Uint32()), Version: 4 + 2*uint8(rng.Uint32N(2)), Direction: uint8(rng.Uint32N(2)),
		}
		if k.Version == 4 {
			k.Src, k.Dst = key.Mapped(rng.Uint32()), key.Mapped(rng.Uint32())
		} else {
			for i := range 16 {
				k.Src[i], k.Dst[i] = uint8(rng.Uint32()), uint8(rng.Uint32())
			}
		}
		for i := range k.Label {
			k.Label[i] = rng.Uint32N(1 << 20)
		}
		f := row(rng, d.Match.Only(&k), uint16(rng.IntN(len(sources))), uint8(number), sampled)
		if !d.HasTuple() {
			f.TCPFlags = 0
		}
		if d.Collects() {
			f.Values = &collect.Values{First: d.Collect.Only(&k)}
			if d.Extremes {
				f.Values.MinLength, f.Values.MaxLength, f.Values.MinTTL, f.Values.MaxTTL = 40+rng.Uint32N(100), 140+rng.Uint32N(1400), 3, 200
			}
		}
		m.Wide = append(m.Wide, f)
	}
	return m
}

// Random makes n flows of both kinds, of the given sources.
func Random(rng *rand.Rand, n int, sampled bool, sources ...string) Message {
	m := Message{Sources: sources, Sampled: sampled}
	for range n {
		source := uint16(rng.IntN(len(sources)))
		if rng.IntN(3) == 0 {
			k := key.IPv6{
				Interface: rng.Uint32N(50), FlowLabel: rng.Uint32N(1 << 20), SrcPort: uint16(rng.Uint32()), DstPort: uint16(rng.Uint32()),
				Protocol: uint8(rng.Uint32()), TOS: uint8(rng.Uint32()), Direction: uint8(rng.Uint32N(2)),
			}
			for i := range 16 {
				k.Src[i], k.Dst[i] = uint8(rng.Uint32()), uint8(rng.Uint32())
			}
			m.IPv6 = append(m.IPv6, row(rng, k, source, 1, sampled))
			continue
		}
		m.IPv4 = append(m.IPv4, row(rng, key.IPv4{
			Src: rng.Uint32(), Dst: rng.Uint32(), Interface: rng.Uint32N(50), SrcPort: uint16(rng.Uint32()), DstPort: uint16(rng.Uint32()),
			Protocol: uint8(rng.Uint32()), TOS: uint8(rng.Uint32()), Direction: uint8(rng.Uint32N(2)),
		}, source, 0, sampled))
	}
	return m
}

func row[K any](rng *rand.Rand, k K, source uint16, monitor uint8, sampled bool) flow.Row[K] {
	first := 1_700_000_000_000_000_000 + rng.Int64N(3_600e9)
	packets := 1 + rng.Uint64N(1000)
	f := flow.Row[K]{
		Key: k, Source: source, Monitor: monitor, First: first, Last: first + rng.Int64N(60e9),
		Packets: packets, Bytes: packets * (40 + rng.Uint64N(1400)), TCPFlags: uint8(rng.Uint32()),
		Reason: flow.Reasons[rng.IntN(len(flow.Reasons))],
	}
	f.Sums = weight.Unsampled(f.Packets, f.Bytes)
	if sampled {
		f.Sums = weight.Sums{
			Packets: f.Packets * 100, Bytes: f.Bytes * 100,
			VarPackets: uint128.Uint128{Hi: rng.Uint64(), Lo: rng.Uint64()}, VarBytes: uint128.Uint128{Hi: rng.Uint64(), Lo: rng.Uint64()},
		}
	}
	return f
}
