// Package linetest makes what tests of the analyzer need: a bus of its own, and flow messages as an ager publishes them.
package linetest

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"netstream/pipeline/bus"
	"netstream/pipeline/embedded"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
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
	srv, err := embedded.Start(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	conn, err := srv.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if b, err = bus.New(conn, "live", Layout(flowShards)); err != nil {
		t.Fatal(err)
	}
	return b, srv.URL()
}

// Monitors of the messages.
var Monitors = []string{"ipv4", "ipv6"}

// Ager publishes the flows of one shard, with ledger entries of a line that lost nothing.
type Ager struct {
	t      testing.TB
	bus    *bus.Bus
	shard  int
	number uint64 // of the last flow
	totals map[string]*ledger.Entry
	writer *bus.Writer
}

// NewAger goes on after the last message of the shard, with empty counters.
func NewAger(t testing.TB, b *bus.Bus, shard int) *Ager {
	t.Helper()
	w, _, err := b.Writer(t.Context(), b.Pipeline.FlowsStream(), b.Pipeline.Flows(shard))
	if err != nil {
		t.Fatal(err)
	}
	return &Ager{t: t, bus: b, shard: shard, totals: map[string]*ledger.Entry{}, writer: w}
}

// Message is what one flow message holds.
type Message struct {
	Sources []string
	IPv4    []flow.Row[key.IPv4]
	IPv6    []flow.Row[key.IPv6]
	Sampled bool
	End     bool // of all its sources
}

// Build makes header and body of the shard's next message.
func (a *Ager) Build(m Message) (message.Header, []byte) {
	a.t.Helper()
	v4, v6, books := flow.NewIPv4(), flow.NewIPv6(), &ledger.Rows{}
	for i := range m.IPv4 {
		v4.Append(&m.IPv4[i], m.Sampled)
		count(a, m, &m.IPv4[i])
	}
	for i := range m.IPv6 {
		v6.Append(&m.IPv6[i], m.Sampled)
		count(a, m, &m.IPv6[i])
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
	add(body.Add(ledger.Schema, books.Columns()))
	h := message.Header{}
	h.Set(message.Streams, body.Streams())
	h.Set(message.Sources, strings.Join(m.Sources, " "))
	h.Set(message.Monitors, strings.Join(Monitors, " "))
	h.SetPair(message.Numbers, a.number+1, uint64(len(m.IPv4)+len(m.IPv6)))
	a.number += uint64(len(m.IPv4) + len(m.IPv6))
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

// count adds a flow to what its source gave.
func count[K key.Key[K]](a *Ager, m Message, f *flow.Row[K]) {
	e := a.total(m.Sources[f.Source])
	e.Rows++
	e.Packets += f.Packets
	e.Bytes += f.Bytes
	e.Digest = e.Digest.Add(flow.Hash(f, key.Seed(Monitors[f.Monitor])))
}

func (a *Ager) total(source string) *ledger.Entry {
	if a.totals[source] == nil {
		a.totals[source] = &ledger.Entry{}
	}
	return a.totals[source]
}

// entries are the counters of a line that lost nothing and holds nothing; the flow cache and the sampler have as many
// shards as the ager.
func (a *Ager) entries(source string, end bool, rows *ledger.Rows) {
	out := *a.total(source)
	entry := func(hop, name string, shard uint16, withRows bool) {
		e := ledger.Entry{Source: source, Hop: hop, Shard: shard, Name: name, Packets: out.Packets, Bytes: out.Bytes}
		if withRows {
			e.Rows, e.Digest = out.Rows, out.Digest
		}
		rows.Append(&e)
	}
	shard := uint16(a.shard)
	entry(ledger.Sampler, ledger.In, shard, false)
	entry(ledger.Sampler, ledger.Out, shard, false)
	entry(ledger.Sampler, ledger.OutFrames, shard, false)
	entry(ledger.FlowCache, ledger.In, shard, false)
	entry(ledger.FlowCache, ledger.Out, shard, false)
	entry(ledger.Ager, ledger.In, shard, false)
	entry(ledger.Ager, ledger.Out, shard, true)
	rows.Append(&ledger.Entry{Source: source, Hop: ledger.Ager, Shard: shard, Name: ledger.Held})
	if end {
		rows.Append(&ledger.Entry{Source: source, Hop: ledger.Ager, Shard: shard, Name: ledger.Ended})
	}
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
