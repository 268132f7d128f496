package sflow

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"netstream/services/sampler/internal/capture"
	"netstream/services/sampler/internal/packet"
)

// words puts 32-bit words and byte strings together; a string is filled up to whole words.
func words(parts ...any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = binary.BigEndian.AppendUint32(b, uint32(p))
		case string:
			b = append(b, p...)
			for len(b)%4 != 0 {
				b = append(b, 0)
			}
		case []byte:
			b = append(b, p...)
		}
	}
	return b
}

// tagged is a format, a length and a body: a sample or a record.
func tagged(format int, parts ...any) []byte {
	body := words(parts...)
	return words(format, len(body), body)
}

// rawHeader is a record with the header of a packet.
func rawHeader(protocol, frame, stripped int, header string) []byte {
	return tagged(1, protocol, frame, stripped, len(header), header)
}

// datagramOf is one of agent 192.0.2.1, sub-agent 7.
func datagramOf(uptime int, samples ...[]byte) []byte {
	return words(5, 1, "\xc0\x00\x02\x01", 7, 1, uptime, len(samples), slices.Concat(samples...))
}

// numbered is a sample of interface 3 with a number.
func numbered(n int) []byte {
	return tagged(1, n, 3, 100, 0, 0, 3, 4, 1, rawHeader(1, 68, 4, "frame"))
}

// flow is a listener without a socket, and the agents it made.
type flow struct {
	*Listener
	made []*Agent
}

func newFlow(limit int) *flow {
	return &flow{Listener: &Listener{
		limit: limit, metrics: NewMetrics(prometheus.NewRegistry()), log: slog.New(slog.DiscardHandler), agents: map[agentKey]*Agent{},
	}}
}

func (f *flow) send(t testing.TB, b []byte) {
	f.receive(t.Context(), 42, netip.MustParseAddr("198.51.100.9"), b, func(a *Agent) { f.made = append(f.made, a) })
}

// packets reads what an agent has, without waiting for more.
func packets(t testing.TB, a *Agent) (all []capture.Packet) {
	t.Helper()
	dst := make([]capture.Packet, 3) // fewer than in a datagram
	for len(a.queue) > 0 || a.walker.left > 0 {
		n, err := a.Read(dst)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range dst[:n] {
			p.Data = slices.Clone(p.Data)
			all = append(all, p)
		}
	}
	return all
}

func TestSamples(t *testing.T) {
	wanted := func(change func(*capture.Packet)) []capture.Packet {
		p := capture.Packet{Time: 42, Data: []byte("frame"), WireLen: 64, Interface: 3, LinkType: packet.LinkEthernet, Weight: 100}
		change(&p)
		return []capture.Packet{p}
	}
	raw := rawHeader(1, 68, 4, "frame")
	for _, tc := range []struct {
		name      string
		sample    []byte
		want      []capture.Packet
		malformed float64
	}{
		{"ingress", tagged(1, 1, 3, 100, 0, 0, 3, 4, 1, raw), wanted(func(*capture.Packet) {}), 0},
		{"egress", tagged(1, 1, 4, 100, 0, 0, 3, 4, 1, raw), wanted(func(p *capture.Packet) { p.Interface, p.Direction = 4, capture.Egress }), 0},
		{"hairpin", tagged(1, 1, 3, 100, 0, 0, 3, 3, 1, raw), wanted(func(*capture.Packet) {}), 0},
		{"discarded", tagged(1, 1, 3, 100, 0, 0, 3, 1<<30|4, 1, raw), wanted(func(*capture.Packet) {}), 0},
		{"to many", tagged(1, 1, 3, 100, 0, 0, 3, 2<<30|3, 1, raw), wanted(func(*capture.Packet) {}), 0},
		{"of a VLAN", tagged(1, 1, 1<<24|9, 100, 0, 0, 3, 9, 1, raw), wanted(func(*capture.Packet) {}), 0},
		{"of the agent itself", tagged(1, 1, 1<<24|9, 100, 0, 0, internalInterface, 9, 1, raw), wanted(func(p *capture.Packet) { p.Interface = 0 }), 0},
		{"expanded", tagged(3, 1, 0, 1<<25+1, 100, 0, 0, 0, 3, 0, 1<<25+1, 1, raw), wanted(func(p *capture.Packet) { p.Interface, p.Direction = 1<<25+1, capture.Egress }), 0},
		{"expanded, to many", tagged(3, 1, 0, 3, 100, 0, 0, 0, 5, 2, 3, 1, raw), wanted(func(*capture.Packet) {}), 0},
		{"other records", tagged(1, 1, 3, 100, 0, 0, 3, 4, 3, tagged(1001, 1, 2, 3, 4), raw, tagged(9<<12|1, "vendor")), wanted(func(*capture.Packet) {}), 0},
		{"two headers", tagged(1, 1, 3, 100, 0, 0, 3, 4, 2, raw, rawHeader(1, 99, 0, "other")), wanted(func(*capture.Packet) {}), 0},
		{"IPv4", tagged(1, 1, 3, 100, 0, 0, 3, 4, 1, rawHeader(11, 64, 0, "frame")), wanted(func(p *capture.Packet) { p.LinkType = packet.LinkIPv4 }), 0},
		{"IPv6", tagged(1, 1, 3, 100, 0, 0, 3, 4, 1, rawHeader(12, 64, 0, "frame")), wanted(func(p *capture.Packet) { p.LinkType = packet.LinkIPv6 }), 0},
		{"MPLS", tagged(1, 1, 3, 100, 0, 0, 3, 4, 1, rawHeader(13, 64, 0, "frame")), wanted(func(p *capture.Packet) { p.LinkType = packet.LinkMPLS }), 0},
		{"token ring", tagged(1, 1, 3, 100, 0, 0, 3, 4, 1, rawHeader(3, 64, 0, "frame")), wanted(func(p *capture.Packet) { p.LinkType = unknownLink }), 0},
		{"length too small", tagged(1, 1, 3, 100, 0, 0, 3, 4, 1, rawHeader(1, 2, 4, "frame")), wanted(func(p *capture.Packet) { p.WireLen = 5 }), 0},
		{"no header", tagged(1, 1, 3, 100, 0, 0, 3, 4, 0), wanted(func(p *capture.Packet) { p.Data, p.WireLen, p.LinkType = nil, 0, unknownLink }), 0},
		{"counters", tagged(2, 1, 3, 0), nil, 0},
		{"of a vendor", tagged(9<<12|1, 1, 3, 100), nil, 0},
		{"too short", tagged(1, 1, 3, 100), nil, 1},
		{"longer than the datagram", tagged(1, 1, 3, 100, 0, 0, 3, 4, 1, raw)[:40], nil, 1},
		{"header longer than its record", tagged(1, 1, 3, 100, 0, 0, 3, 4, 1, tagged(1, 1, 68, 4, 50, "frame")), nil, 1},
		{"record longer than the sample", tagged(1, 1, 3, 100, 0, 0, 3, 4, 1, words(1, 500, 1, 68)), nil, 1},
		{"fewer records than it says", tagged(1, 1, 3, 100, 0, 0, 3, 4, 2, raw), nil, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFlow(1)
			f.send(t, datagramOf(1, tc.sample))
			if diff := cmp.Diff(tc.want, packets(t, f.made[0])); diff != "" {
				t.Errorf("packets (-want +got):\n%s", diff)
			}
			if got := testutil.ToFloat64(f.metrics.Malformed); got != tc.malformed {
				t.Errorf("%v malformed samples, want %v", got, tc.malformed)
			}
		})
	}
}

// TestMalformedSampleSparesTheOthers has one between two sound ones.
func TestMalformedSampleSparesTheOthers(t *testing.T) {
	f := newFlow(1)
	f.send(t, datagramOf(1, numbered(1), tagged(1, 2, 3, 100), numbered(3)))
	a := f.made[0]
	if got := len(packets(t, a)); got != 2 {
		t.Errorf("%d packets, want 2", got)
	}
	if a.settle(); a.Lost() != (capture.Losses{Network: 1}) {
		t.Errorf("lost %+v, want the malformed one", a.Lost())
	}
}

func TestRefusedDatagrams(t *testing.T) {
	sound := datagramOf(1, numbered(1))
	for _, tc := range []struct {
		name, reason string
		b            []byte
	}{
		{"empty", refusedVersion, nil},
		{"NetFlow", refusedVersion, words(5<<16|1, 0, 0, 0, 0, 0)},
		{"version 4", refusedVersion, words(4, 1, "\xc0\x00\x02\x01", 1, 1, 0)},
		{"another kind of address", refusedMalformed, words(5, 3, "\xc0\x00\x02\x01", 7, 1, 1, 0)},
		{"cut in the address", refusedMalformed, sound[:10]},
		{"cut in the header", refusedMalformed, sound[:26]},
		{"agent too many", refusedAgents, words(5, 1, "\xc0\x00\x02\x02", 7, 1, 1, 0)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFlow(1)
			f.send(t, sound)
			f.send(t, tc.b)
			if got := testutil.ToFloat64(f.metrics.Refused.WithLabelValues(tc.reason)); got != 1 || len(f.made) != 1 {
				t.Errorf("%v refused for %s and %d agents, want 1 and 1", got, tc.reason, len(f.made))
			}
		})
	}
}

func TestAgentsAreSources(t *testing.T) {
	f := newFlow(9)
	v6 := netip.MustParseAddr("2001:db8::1").As16()
	for _, b := range [][]byte{
		datagramOf(1), datagramOf(2), words(5, 1, "\xc0\x00\x02\x01", 0, 1, 1, 0), words(5, 2, string(v6[:]), 0, 1, 1, 0),
		words(5, 0, 0, 1, 1, 0), words(5, 1, "\x00\x00\x00\x00", 0, 1, 1, 0), // without an address: that of the datagram
	} {
		f.send(t, b)
	}
	var names []string
	for _, a := range f.made {
		names = append(names, a.Name())
	}
	want := []string{"sflow-192_0_2_1-7", "sflow-192_0_2_1", "sflow-2001_db8__1", "sflow-198_51_100_9"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
}

func TestLosses(t *testing.T) {
	dropping := func(n, drops int) []byte {
		return tagged(1, n, 3, 100, 0, drops, 3, 4, 1, rawHeader(1, 68, 4, "frame"))
	}
	for _, tc := range []struct {
		name      string
		datagrams [][]byte
		packets   int
		want      capture.Losses
	}{
		{"none", [][]byte{datagramOf(1, numbered(8), numbered(9)), datagramOf(2, numbered(10))}, 3, capture.Losses{}},
		{"a datagram", [][]byte{datagramOf(1, numbered(8)), datagramOf(2, numbered(11))}, 2, capture.Losses{Network: 2}},
		{"late", [][]byte{datagramOf(1, numbered(8)), datagramOf(3, numbered(10)), datagramOf(2, numbered(9))}, 3, capture.Losses{}},
		{"twice", [][]byte{datagramOf(1, numbered(8)), datagramOf(1, numbered(8))}, 1, capture.Losses{}},
		{"the agent dropped", [][]byte{datagramOf(1, dropping(8, 5)), datagramOf(2, dropping(9, 12))}, 2, capture.Losses{Agent: 7}},
		{"restart", [][]byte{datagramOf(100_000, dropping(50, 5)), datagramOf(1, dropping(1, 0), dropping(2, 0))}, 3, capture.Losses{}},
		{"uptime at its end", [][]byte{datagramOf(1<<32-5, numbered(50)), datagramOf(3, numbered(52))}, 2, capture.Losses{Network: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFlow(1)
			for _, b := range tc.datagrams {
				f.send(t, b)
			}
			a := f.made[0]
			if got := len(packets(t, a)); got != tc.packets {
				t.Errorf("%d packets, want %d", got, tc.packets)
			}
			if a.settle(); a.Lost() != tc.want {
				t.Errorf("lost %+v, want %+v", a.Lost(), tc.want)
			}
		})
	}
}

// TestSilenceSettles has a gap, and then nothing.
func TestSilenceSettles(t *testing.T) {
	f := newFlow(1)
	f.send(t, datagramOf(1, numbered(1), numbered(4)))
	a := f.made[0]
	packets(t, a)
	if a.Lost() != (capture.Losses{}) {
		t.Errorf("lost %+v while they may still come", a.Lost())
	}
	for range settleAfter/idle + 1 {
		if n, err := a.Read(make([]capture.Packet, 1)); n != 0 || err != nil {
			t.Fatal(n, err)
		}
	}
	if a.Lost() != (capture.Losses{Network: 2}) {
		t.Errorf("lost %+v, want 2", a.Lost())
	}
}

// recorded reads the datagrams of a real agent, and the packets it sampled.
func recorded(t testing.TB) (datagrams [][]byte, sampled []capture.Packet) {
	t.Helper()
	for _, p := range captured(t, filepath.Join("testdata", "pmacctd-tls.pcap")) {
		datagrams = append(datagrams, p.Data[14+20+8:])
	}
	return datagrams, captured(t, filepath.Join("..", "..", "testdata", "captures", "ipfixprobe", "tls.pcap"))
}

func captured(t testing.TB, path string) (all []capture.Packet) {
	t.Helper()
	r, err := capture.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	dst := make([]capture.Packet, 100)
	for {
		n, err := r.Read(dst)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range dst[:n] {
			p.Data = slices.Clone(p.Data)
			all = append(all, p)
		}
	}
}

// TestRealAgent compares what an agent sent with the packets it saw, and with what gopacket reads.
func TestRealAgent(t *testing.T) {
	datagrams, sampled := recorded(t)
	f := newFlow(1)
	var got, theirs []capture.Packet
	for _, b := range datagrams {
		f.send(t, b)
		got = append(got, packets(t, f.made[0])...)
		var d layers.SFlowDatagram
		if err := d.DecodeFromBytes(b, gopacket.NilDecodeFeedback); err != nil {
			t.Fatal(err)
		}
		for _, s := range d.FlowSamples {
			for _, r := range s.GetRecords() {
				if r, ok := r.(layers.SFlowRawPacketFlowRecord); ok {
					theirs = append(theirs, capture.Packet{
						Time: 42, Data: r.Header.Data()[:r.HeaderLength], WireLen: r.FrameLength - r.PayloadRemoved,
						Interface: uint32(s.SourceIDIndex), LinkType: packet.LinkEthernet, Weight: s.SamplingRate,
					})
				}
			}
		}
	}
	var want []capture.Packet
	for _, p := range sampled {
		p.Time, p.Interface, p.Weight = 42, 1, 1
		p.Data = p.Data[:min(len(p.Data), 128)]
		want = append(want, p)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packets (-sampled +read):\n%s", diff)
	}
	if diff := cmp.Diff(theirs, got); diff != "" {
		t.Errorf("packets (-gopacket +read):\n%s", diff)
	}
	if a := f.made[0]; a.Name() != "sflow-192_0_2_1" || a.Lost() != (capture.Losses{}) {
		t.Errorf("agent %s lost %+v", a.Name(), a.Lost())
	}
}

// TestListen receives over a socket until it is told to stop.
func TestListen(t *testing.T) {
	l, err := Listen("127.0.0.1:0", 1, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(l.Address(), 1, l.metrics, l.log); err == nil {
		t.Error("the address was given out twice")
	}
	c, err := net.Dial("udp", l.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	agents, done := make(chan *Agent, 1), make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { done <- l.Run(ctx, func(a *Agent) { agents <- a }) }()
	if _, err := c.Write(datagramOf(1, numbered(1), numbered(2))); err != nil {
		t.Fatal(err)
	}
	a := <-agents
	dst := make([]capture.Packet, 10)
	n, err := a.Read(dst)
	for n == 0 && err == nil {
		n, err = a.Read(dst)
	}
	if n != 2 || err != nil || time.Since(time.Unix(0, dst[0].Time)) > time.Minute {
		t.Errorf("%d packets, %v, of %v", n, err, dst[:n])
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for err = nil; err == nil; _, err = a.Read(dst) {
	}
	if err != io.EOF {
		t.Errorf("the agent ends with %v", err)
	}
}

func FuzzDatagram(f *testing.F) {
	datagrams, _ := recorded(f)
	f.Add(datagrams[0])
	f.Add(datagramOf(1, numbered(1), tagged(2, 1, 3, 0), tagged(3, 1, 0, 3, 100, 0, 0, 0, 5, 2, 3, 1, rawHeader(11, 9, 0, "E"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, samples, err := readHeader(b)
		if err != nil {
			return
		}
		var w walker
		var s sample
		w.start(samples, h.samples)
		for n := 0; ; n++ {
			more, err := w.next(&s)
			if !more && err == nil {
				break
			}
			if n > len(b)/8 {
				t.Fatalf("%d samples in %d bytes", n, len(b))
			}
			if err == nil && (len(s.data) > len(samples) || s.wireLen < uint32(len(s.data))) {
				t.Fatalf("%d bytes of a packet of %d in %d", len(s.data), s.wireLen, len(samples))
			}
		}
	})
}

// TestReadAllocatesNothing sends the same datagrams again and again.
func TestReadAllocatesNothing(t *testing.T) {
	send := sender(t)
	if n := testing.AllocsPerRun(100, func() { send() }); n > 0.5 {
		t.Errorf("%v allocations", n)
	}
}

// sender sends a recorded datagram and reads it; it returns the packets.
func sender(t testing.TB) func() int {
	datagrams, _ := recorded(t)
	f := newFlow(1)
	f.send(t, datagrams[0])
	a := f.made[0]
	dst := make([]capture.Packet, 100)
	ctx, from := t.Context(), netip.MustParseAddr("198.51.100.9")
	return func() int {
		f.receive(ctx, 42, from, datagrams[1], nil)
		for _, q := range a.sequences {
			q.begun = false
		}
		for {
			if n := a.walk(dst); n > 0 {
				return n
			}
			a.release()
			a.begin(<-a.queue)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	send := sender(b)
	packets := 0
	for b.Loop() {
		packets += send()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/packet")
}

func TestNamesFit(t *testing.T) {
	k := agentKey{netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:6666"), 1<<32 - 1}
	if n := k.source(); len(n) > 64 || !strings.HasSuffix(n, "-4294967295") {
		t.Errorf("name %s of %d characters", n, len(n))
	}
}
