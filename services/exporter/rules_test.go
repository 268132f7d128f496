package exporter_test

import (
	"math"
	"net"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/wire/nsv5"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter"
)

var formats = []exporter.Format{exporter.V5, exporter.V9, exporter.IPFIX}

// send publishes messages and returns the datagrams of one destination and its totals.
func send(t *testing.T, cfg exporter.Config, d exporter.Destination, messages ...[]testFlow) ([][]byte, exporter.Destination, exporter.Totals) {
	t.Helper()
	l, c := open(t), listen(t)
	for _, m := range messages {
		l.publish(t, 0, m)
	}
	d = c.destination(d)
	cfg.Name, cfg.Destinations = "e", []exporter.Destination{d}
	s := l.export(t, cfg)
	return c.receive(t, s), d, s.Totals()[0]
}

func ipv4Flow(change func(f *flow.Row[key.IPv4])) []testFlow {
	f := newFlows(9).ipv4(1)
	change(f[0].v4)
	return f
}

func TestLargeCountersLeaveInSeveralRecords(t *testing.T) {
	for _, tt := range []struct {
		name           string
		packets, bytes uint64
		records        int
	}{
		{"the largest that fits", 1 << 31, math.MaxUint32, 1},
		{"a byte more", 1 << 31, math.MaxUint32 + 1, 2},
		{"ten gigabytes", 7_000_001, 10_000_000_003, 3},
		{"more records than a datagram takes", 3 << 32, 500 << 32, 501},
	} {
		for _, format := range formats {
			t.Run(tt.name+" in "+string(format), func(t *testing.T) {
				flows := ipv4Flow(func(f *flow.Row[key.IPv4]) { f.Packets, f.Bytes = tt.packets, tt.bytes })
				datagrams, d, totals := send(t, exporter.Config{}, exporter.Destination{Format: format}, flows)
				got := decode(t, datagrams, d)
				if format == exporter.IPFIX { // its counters have 64 bits
					tt.records = 1
				}
				var packets, bytes uint64
				for _, r := range got {
					packets, bytes = packets+r.Packets, bytes+r.Bytes
				}
				if len(got) != tt.records || packets != tt.packets || bytes != tt.bytes {
					t.Errorf("%d records of %d packets, %d bytes; want %d of %d, %d", len(got), packets, bytes, tt.records, tt.packets, tt.bytes)
				}
				want := exporter.Tally{Flows: 1, Records: uint64(tt.records), Packets: tt.packets, Bytes: tt.bytes}
				if totals.Sent != want {
					t.Errorf("totals %+v, want %+v", totals.Sent, want)
				}
			})
		}
	}
}

func TestAbsurdCountersAreNotCarried(t *testing.T) {
	for _, format := range []exporter.Format{exporter.V5, exporter.V9} {
		t.Run(string(format), func(t *testing.T) {
			flows := append(newFlows(8).ipv4(1), ipv4Flow(func(f *flow.Row[key.IPv4]) { f.Packets, f.Bytes = 5, math.MaxUint64 })...)
			datagrams, d, totals := send(t, exporter.Config{}, exporter.Destination{Format: format}, flows)
			if got := decode(t, datagrams, d); len(got) != 1 {
				t.Errorf("%d records, want 1", len(got))
			}
			if want := (exporter.Tally{Flows: 1, Packets: 5, Bytes: math.MaxUint64}); totals.NotCarried != want {
				t.Errorf("not carried %+v, want %+v", totals.NotCarried, want)
			}
		})
	}
}

// TestCountersOf64Bits are those of IPv6 flows in version 9, and all of IPFIX.
func TestCountersOf64Bits(t *testing.T) {
	v6, v4 := newFlows(7).ipv6(1), newFlows(7).ipv4(1)
	v6[0].v6.Packets, v6[0].v6.Bytes = 1<<40, math.MaxUint64
	v4[0].v4.Packets, v4[0].v4.Bytes = 1<<40, math.MaxUint64
	for format, flows := range map[exporter.Format][]testFlow{exporter.V9: v6, exporter.IPFIX: append(v4, v6...)} {
		datagrams, d, _ := send(t, exporter.Config{}, exporter.Destination{Format: format}, flows)
		if diff := gocmp.Diff(records(flows, format), decode(t, datagrams, d)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

// TestTimesAreExact sends flows from before the exporter's boot to years later.
func TestTimesAreExact(t *testing.T) {
	const day = 24 * 60 * 60 * int64(1e9)
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			rnd := newFlows(6)
			var messages [][]testFlow
			for _, at := range []int64{0, 1, 10, 48, 49, 50, 100, 1000} { // days after the first; the uptime wraps every 49.7
				m := rnd.ipv4(30)
				for i, f := range m {
					f.v4.Last = start + at*day + int64(i)*999_999_999
					f.v4.First = f.v4.Last - int64(i)*20*60*60*int64(1e9) // up to 24 days
				}
				messages = append(messages, m)
			}
			datagrams, d, totals := send(t, exporter.Config{}, exporter.Destination{Format: format}, messages...)
			if diff := gocmp.Diff(records(slices.Concat(messages...), format), decode(t, datagrams, d)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if totals.Clamped != 0 {
				t.Errorf("%d clamped", totals.Clamped)
			}
		})
	}
}

func TestTimesOutOfReachAreMovedAndCounted(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			flows := newFlows(5).ipv4(2)
			flows[0].v4.Last = start
			flows[0].v4.First = start
			flows[1].v4.First = start - 30*24*60*60*int64(1e9)
			flows[1].v4.Last = start
			datagrams, d, totals := send(t, exporter.Config{}, exporter.Destination{Format: format}, flows)
			got := decode(t, datagrams, d)
			first, clamped := int64(start/1_000_000_000+1)*1000-math.MaxInt32, uint64(1)
			if format == exporter.IPFIX { // its times are absolute
				first, clamped = flows[1].v4.First/1_000_000, 0
			}
			if got[1].First != first || got[1].Last != start/1_000_000 {
				t.Errorf("a flow of 30 days is from %d to %d ms, want %d to %d", got[1].First, got[1].Last, first, start/1_000_000)
			}
			if totals.Clamped != clamped {
				t.Errorf("%d clamped, want %d", totals.Clamped, clamped)
			}
		})
	}
}

func TestWideInterfaces(t *testing.T) {
	flows := ipv4Flow(func(f *flow.Row[key.IPv4]) { f.Key.Interface, f.Key.Direction = 70_000, 1 })
	for format, want := range map[exporter.Format]uint32{exporter.V5: 65535, exporter.V9: 70_000} {
		datagrams, d, totals := send(t, exporter.Config{}, exporter.Destination{Format: format}, flows)
		got := decode(t, datagrams, d)
		if got[0].Out != want || got[0].In != 0 {
			t.Errorf("%s: interfaces %d to %d, want 0 to %d", format, got[0].In, got[0].Out, want)
		}
		if counted := totals.Interfaces == 1; counted != (format == exporter.V5) {
			t.Errorf("%s: counted %d", format, totals.Interfaces)
		}
	}
}

func TestSamplingIsAnnounced(t *testing.T) {
	flows := newFlows(4).mixed(200)
	t.Run("v5", func(t *testing.T) {
		for rate, want := range map[uint32]nsv5.Sampling{0: 0, 1: 2<<14 | 1, 1000: 2<<14 | 1000, 16383: 2<<14 | 16383, 16384: 0} {
			datagrams, _, _ := send(t, exporter.Config{Sampling: rate}, exporter.Destination{Format: exporter.V5}, flows)
			for _, b := range datagrams {
				if h, _, _, err := nsv5.Append(nil, b); err != nil || h.Sampling != want {
					t.Errorf("rate %d: word %#04x, want %#04x", rate, h.Sampling, want)
				}
			}
		}
	})
	t.Run("v9", func(t *testing.T) {
		datagrams, d, _ := send(t, exporter.Config{Sampling: 100_000}, exporter.Destination{Format: exporter.V9, TemplateDatagrams: 2}, flows)
		decode(t, datagrams, d) // the count of each header holds
		for i, b := range datagrams {
			if rate, named := samplers(t, b); (rate == 100_000) != (i%2 == 0) || !named {
				t.Errorf("datagram %d: options tell the rate %d, IPv4 flows name the sampler: %t", i, rate, named)
			}
		}
		datagrams, _, _ = send(t, exporter.Config{}, exporter.Destination{Format: exporter.V9}, flows)
		if rate, named := samplers(t, datagrams[0]); rate != 0 || named {
			t.Errorf("without a rate: options tell %d, IPv4 flows name a sampler: %t", rate, named)
		}
	})
}

// samplers reads the rate out of the options of a datagram, and whether all IPv4 flows name the sampler.
func samplers(t *testing.T, b []byte) (rate uint64, named bool) {
	t.Helper()
	named = true
	_, sets, err := nsv9.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	for sets.Next() {
		switch set := sets.Set(); set.ID {
		case nsv9.SamplerTemplateID: // scope 4, sampler id 1, mode 1, interval 4
			if set.Body[4] != 1 || set.Body[5] != nsv9.SamplerRandom {
				t.Errorf("sampler %d of mode %d", set.Body[4], set.Body[5])
			}
			rate, _ = nsv9.Uint(set.Body[6:10])
		case nsv9.IPv4TemplateID:
			for ; len(set.Body) >= nsv9.IPv4RecordLen; set.Body = set.Body[nsv9.IPv4RecordLen:] {
				named = named && set.Body[nsv9.IPv4RecordLen-1] == 1
			}
		}
	}
	return rate, named
}

// TestTroubleStaysWithItsDestination sends to a good collector beside a name that doesn't resolve and a closed port.
func TestTroubleStaysWithItsDestination(t *testing.T) {
	l, good := open(t), listen(t)
	closed, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	d := good.destination(exporter.Destination{Format: exporter.V9})
	nowhere, refused := d, d
	nowhere.Address, refused.Address = "collector.invalid:2055", closed.LocalAddr().String()
	rnd := newFlows(3)
	var flows []testFlow
	for range 10 {
		m := rnd.mixed(100)
		l.publish(t, 0, m)
		flows = append(flows, m...)
	}
	s := l.export(t, exporter.Config{Name: "e", Destinations: []exporter.Destination{nowhere, refused, d}})
	if diff := gocmp.Diff(len(records(flows, d.Format)), len(decode(t, good.receive(t, s), d))); diff != "" {
		t.Errorf("records of the good one (-want +got):\n%s", diff)
	}
	totals := s.Totals()
	all := totals[2].Sent
	if totals[0].Unsent != all || totals[0].Sent != (exporter.Tally{}) || totals[0].Datagrams != 0 || totals[0].UnsentDatagrams != totals[2].Datagrams {
		t.Errorf("the name that doesn't resolve: %+v, want all of %+v unsent", totals[0], all)
	}
	if sum := totals[1].Sent; sum != all {
		t.Errorf("the closed port: sent %+v, want %+v", sum, all)
	}
}
