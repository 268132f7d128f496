package exporter_test

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/wire/ipfix"
	"netstream/schemas/wire/nsv8"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter"
)

// modes of NetStream, and which version 8 has.
var modes = map[string]bool{
	"as": true, "as-tos": true, "protocol-port": true, "protocol-port-tos": true, "source-prefix": true, "source-prefix-tos": true,
	"destination-prefix": true, "destination-prefix-tos": true, "prefix": true, "prefix-tos": true,
	"bgp-nexthop-tos": false, "index-tos": false, "source-index-tos": false, "vlan-id": false,
}

// aggregations are all modes, with prefixes of /24 and /48 though there are no routes.
func aggregations(timers time.Duration) (all []exporter.Aggregation) {
	for _, mode := range slices.Sorted(maps.Keys(modes)) {
		var a exporter.Aggregation
		a.SetDefaults()
		a.Mode, a.SourceMask, a.DestinationMask, a.SourceMaskIPv6, a.DestMaskIPv6 = mode, 24, 28, 48, 64
		if timers > 0 {
			a.Active, a.Inactive = timers, timers
		}
		all = append(all, a)
	}
	return all
}

// sums are what a collector adds up of a key.
type sums struct{ Flows, Packets, Bytes uint64 }

func (s *sums) add(flows, packets, bytes uint64) {
	s.Flows, s.Packets, s.Bytes = s.Flows+flows, s.Packets+packets, s.Bytes+bytes
}

// grouped groups flows by the keys of a mode, which are those of spec section 3.5, slowly.
func grouped(mode string, flows []testFlow) map[string]sums {
	out := map[string]sums{}
	for _, f := range flows {
		var k key.Wide
		var packets, bytes uint64
		switch {
		case f.v4 != nil:
			k, packets, bytes = f.v4.Key.Wide(), f.v4.Packets, f.v4.Bytes
		case f.v6 != nil:
			k, packets, bytes = f.v6.Key.Wide(), f.v6.Packets, f.v6.Bytes
		default:
			k, packets, bytes = f.wide.Key, f.wide.Packets, f.wide.Bytes
		}
		if (mode == "vlan-id") != (f.wide != nil) || mode == "source-index-tos" && f.v6 != nil {
			continue
		}
		in, outIf := k.Interface, uint32(0)
		if k.Direction == 1 {
			in, outIf = 0, k.Interface
		}
		src, dst := netip.AddrFrom16(k.Src).Unmap(), netip.AddrFrom16(k.Dst).Unmap()
		srcBits, dstBits := 24, 28
		if src.Is6() {
			srcBits, dstBits = 48, 64
		}
		srcPrefix, _ := src.Prefix(srcBits)
		dstPrefix, _ := dst.Prefix(dstBits)
		version := k.Version
		none := "0.0.0.0"
		if version == 6 {
			none = "::"
		}
		var name string
		switch mode {
		case "as":
			name = fmt.Sprint(version, " as 0 0 if ", in, outIf)
		case "as-tos":
			name = fmt.Sprint(version, " as 0 0 if ", in, outIf, " tos ", k.TOS)
		case "protocol-port":
			name = fmt.Sprint(version, " ", k.Protocol, k.SrcPort, k.DstPort)
		case "protocol-port-tos":
			name = fmt.Sprint(version, " ", k.Protocol, k.SrcPort, k.DstPort, k.TOS, " if ", in, outIf)
		case "source-prefix":
			name = fmt.Sprint(srcPrefix, " as 0 if ", in)
		case "source-prefix-tos":
			name = fmt.Sprint(srcPrefix, " as 0 if ", in, " tos ", k.TOS)
		case "destination-prefix":
			name = fmt.Sprint(dstPrefix, " as 0 if ", outIf)
		case "destination-prefix-tos":
			name = fmt.Sprint(dstPrefix, " as 0 if ", outIf, " tos ", k.TOS)
		case "prefix":
			name = fmt.Sprint(srcPrefix, " ", dstPrefix, " as 0 0 if ", in, outIf)
		case "prefix-tos":
			name = fmt.Sprint(srcPrefix, " ", dstPrefix, " as 0 0 if ", in, outIf, " tos ", k.TOS)
		case "bgp-nexthop-tos":
			name = fmt.Sprint(none, " as 0 0 if ", in, outIf, " tos ", k.TOS)
		case "index-tos":
			name = fmt.Sprint(version, " if ", in, outIf, " tos ", k.TOS)
		case "source-index-tos":
			name = fmt.Sprint("if ", in, " tos ", k.TOS, " to ", none)
		case "vlan-id":
			name = fmt.Sprint("vlan ", k.VLAN, " if ", in)
		}
		s := out[name]
		s.add(1, packets, bytes)
		out[name] = s
	}
	return out
}

// named is the key of a record in a mode, in the words of grouped.
func named(mode string, r *nsv9.Record) string {
	version := 4
	prefix := func(a [16]byte, mask uint8) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom16(a).Unmap(), int(mask))
	}
	hop := netip.AddrFrom16(r.BGPNextHop).Unmap().String()
	if r.IPVersion == 6 {
		version = 6
	}
	switch mode {
	case "as":
		return fmt.Sprint(version, " as ", r.SrcAS, r.DstAS, " if ", r.InIf, r.OutIf)
	case "as-tos":
		return fmt.Sprint(version, " as ", r.SrcAS, r.DstAS, " if ", r.InIf, r.OutIf, " tos ", r.TOS)
	case "protocol-port":
		return fmt.Sprint(version, " ", r.Protocol, r.SrcPort, r.DstPort)
	case "protocol-port-tos":
		return fmt.Sprint(version, " ", r.Protocol, r.SrcPort, r.DstPort, r.TOS, " if ", r.InIf, r.OutIf)
	case "source-prefix":
		return fmt.Sprint(prefix(r.SrcAddr, r.SrcMask), " as ", r.SrcAS, " if ", r.InIf)
	case "source-prefix-tos":
		return fmt.Sprint(prefix(r.SrcAddr, r.SrcMask), " as ", r.SrcAS, " if ", r.InIf, " tos ", r.TOS)
	case "destination-prefix":
		return fmt.Sprint(prefix(r.DstAddr, r.DstMask), " as ", r.DstAS, " if ", r.OutIf)
	case "destination-prefix-tos":
		return fmt.Sprint(prefix(r.DstAddr, r.DstMask), " as ", r.DstAS, " if ", r.OutIf, " tos ", r.TOS)
	case "prefix":
		return fmt.Sprint(prefix(r.SrcAddr, r.SrcMask), " ", prefix(r.DstAddr, r.DstMask), " as ", r.SrcAS, r.DstAS, " if ", r.InIf, r.OutIf)
	case "prefix-tos":
		return fmt.Sprint(prefix(r.SrcAddr, r.SrcMask), " ", prefix(r.DstAddr, r.DstMask), " as ", r.SrcAS, r.DstAS, " if ", r.InIf, r.OutIf, " tos ", r.TOS)
	case "bgp-nexthop-tos":
		return fmt.Sprint(hop, " as ", r.SrcAS, r.DstAS, " if ", r.InIf, r.OutIf, " tos ", r.TOS)
	case "index-tos":
		return fmt.Sprint(version, " if ", r.InIf, r.OutIf, " tos ", r.TOS)
	case "source-index-tos":
		return fmt.Sprint("if ", r.InIf, " tos ", r.TOS, " to ", hop)
	}
	return fmt.Sprint("vlan ", r.VLAN, " if ", r.InIf)
}

// merged reads the records of datagrams, checks sequences, and adds them up by mode and key. modeOf tells the mode of a template.
func merged(t *testing.T, datagrams [][]byte, format exporter.Format) (out map[string]map[string]sums, records int) {
	t.Helper()
	out = map[string]map[string]sums{}
	count := func(mode string, r *nsv9.Record) {
		if out[mode] == nil {
			out[mode] = map[string]sums{}
		}
		s := out[mode][named(mode, r)]
		s.add(r.Flows, r.Packets, r.Bytes)
		out[mode][named(mode, r)] = s
		records++
	}
	sequences := map[uint8]uint32{}
	plans, of := map[uint16]*nsv9.Plan{}, map[uint16]string{}
	sequence := uint32(0)
	define := func(id uint16, layout *nsv9.Layout) {
		plans[id] = nsv9.NewPlan(layout)
		of[id] = modeOfTemplate(t, layout)
	}
	for i, b := range datagrams {
		switch format {
		case exporter.V8:
			h, rs, surplus, err := nsv8.Append(nil, b, nsv8.DstMaskFirst)
			if err != nil || surplus != 0 || h.FlowSequence != sequences[h.EngineID] || h.EngineID != uint8(h.Scheme) {
				t.Fatalf("datagram %d: header %+v, %d bytes too many, error %v; want sequence %d", i, h, surplus, err, sequences[h.EngineID])
			}
			sequences[h.EngineID] += uint32(len(rs))
			for _, r := range rs {
				w := nsv9.Record{
					Flows: uint64(r.Flows), Packets: uint64(r.Packets), Bytes: uint64(r.Octets), SrcAddr: nsv9.MappedV4(r.Src), DstAddr: nsv9.MappedV4(r.Dst),
					SrcMask: r.SrcMask, DstMask: r.DstMask, SrcAS: uint32(r.SrcAS), DstAS: uint32(r.DstAS), InIf: uint32(r.Input), OutIf: uint32(r.Output),
					SrcPort: r.SrcPort, DstPort: r.DstPort, Protocol: r.Protocol, TOS: r.TOS,
				}
				count(h.Scheme.String(), &w)
			}
		case exporter.V9:
			h, sets, err := nsv9.Open(b)
			if err != nil || h.Sequence != uint32(i) {
				t.Fatalf("datagram %d: sequence %d, error %v", i, h.Sequence, err)
			}
			for sets.Next() {
				set := sets.Set()
				var template nsv9.Template
				if set.Kind() == nsv9.Templates {
					for in := set.Templates(); in.Next(&template); {
						layout, err := nsv9.Compile(&template)
						if err != nil {
							t.Fatal(err)
						}
						define(template.ID, layout)
					}
					continue
				}
				rs, err := plans[set.ID].Append(nil, set.Body)
				if err != nil {
					t.Fatal(err)
				}
				for j := range rs {
					count(of[set.ID], &rs[j])
				}
			}
		default:
			h, sets, err := ipfix.Open(b)
			if err != nil || h.Sequence != sequence {
				t.Fatalf("datagram %d: sequence %d, error %v; want %d", i, h.Sequence, err, sequence)
			}
			for sets.Next() {
				set := sets.Set()
				var template ipfix.Template
				if set.Kind() == ipfix.Templates {
					for in := set.Templates(); in.Next(&template); {
						layout, err := template.Compile()
						if err != nil {
							t.Fatal(err)
						}
						define(template.ID, layout)
					}
					continue
				}
				rs, err := plans[set.ID].Append(nil, set.Body)
				if err != nil {
					t.Fatal(err)
				}
				sequence += uint32(len(rs))
				for j := range rs {
					if rs[j].FlowEndReason == 0 {
						t.Fatalf("datagram %d: %+v", i, rs[j])
					}
					count(of[set.ID], &rs[j])
				}
			}
		}
	}
	return out, records
}

// modeOfTemplate knows a mode by its fields.
func modeOfTemplate(t *testing.T, l *nsv9.Layout) string {
	t.Helper()
	has := func(fields ...nsv9.FieldType) bool {
		return slices.ContainsFunc(fields, func(f nsv9.FieldType) bool { return l.Index(f) >= 0 })
	}
	tos := ""
	if has(nsv9.SrcTOS) {
		tos = "-tos"
	}
	src, dst := has(nsv9.IPv4SrcPrefix, nsv9.SrcIPv6Prefix), has(nsv9.IPv4DstPrefix, nsv9.DstIPv6Prefix)
	switch {
	case src && dst:
		return "prefix" + tos
	case src:
		return "source-prefix" + tos
	case dst:
		return "destination-prefix" + tos
	case has(nsv9.Protocol):
		return "protocol-port" + tos
	case has(nsv9.SrcVLAN):
		return "vlan-id"
	case has(nsv9.BGPIPv4NextHop, nsv9.BGPIPv6NextHop) && has(nsv9.SrcAS):
		return "bgp-nexthop-tos"
	case has(nsv9.BGPIPv4NextHop):
		return "source-index-tos"
	case has(nsv9.SrcAS):
		return "as" + tos
	}
	return "index-tos"
}

// TestEveryMode sends the aggregates of all modes: they add up to what grouping the flows gives.
func TestEveryMode(t *testing.T) {
	in := messages(4, 400)
	for _, format := range []exporter.Format{exporter.V8, exporter.V9, exporter.IPFIX} {
		t.Run(string(format), func(t *testing.T) {
			l, c := open(t), listen(t)
			var d exporter.Destination
			var flows []testFlow
			for i, m := range in {
				l.publish(t, i%2, m)
				flows = append(flows, m...)
			}
			l.end(t)
			d.Format = format
			for mode, inV8 := range modes {
				if format != exporter.V8 || inV8 {
					d.Aggregations = append(d.Aggregations, mode)
				}
			}
			if format == exporter.V8 {
				flows = slices.DeleteFunc(flows, func(f testFlow) bool { return f.v6 != nil })
			}
			d = c.destination(d)
			s := l.export(t, exporter.Config{Name: "e", Aggregations: aggregations(0), Checkpoint: time.Hour, Destinations: []exporter.Destination{d}})
			got, records := merged(t, c.receive(t, s), format)
			for _, mode := range d.Aggregations {
				if diff := gocmp.Diff(grouped(mode, flows), got[mode]); diff != "" {
					t.Errorf("%s (-grouped +received):\n%s", mode, diff)
				}
			}
			totals := s.Totals()[0]
			if totals.Sent.Records != uint64(records) || totals.UnsentDatagrams != 0 || (totals.NotCarried.Flows > 0) != (format == exporter.V8) {
				t.Errorf("%d records came, totals %+v", records, totals)
			}
		})
	}
}

// TestTextbook is the example of the vendor's documents: four TCP flows with the same source port, destination port and destination address
// are one record in protocol-port mode.
func TestTextbook(t *testing.T) {
	var flows []testFlow
	for i := range uint32(4) {
		flows = append(flows, testFlow{v4: &flow.Row[key.IPv4]{
			Key:     key.IPv4{Src: 10<<24 | i + 1, Dst: 192<<24 | 2<<8 | 9, SrcPort: 40_000, DstPort: 443, Protocol: 6, Interface: 3},
			Packets: 100, Bytes: 75_000, First: start + int64(i)*1e9, Last: start + int64(10+i)*1e9, TCPFlags: 0x1b, Reason: flow.FIN,
		}})
	}
	for _, format := range []exporter.Format{exporter.V8, exporter.V9, exporter.IPFIX} {
		l, c := open(t), listen(t)
		l.publish(t, 0, flows)
		l.end(t)
		d := c.destination(exporter.Destination{Format: format, Aggregations: []string{"protocol-port"}})
		s := l.export(t, exporter.Config{Name: "e", Aggregations: aggregations(0), Checkpoint: time.Hour, Destinations: []exporter.Destination{d}})
		datagrams := c.receive(t, s)
		got, records := merged(t, datagrams, format)
		want := map[string]map[string]sums{"protocol-port": {"4 6 40000 443": {Flows: 4, Packets: 400, Bytes: 300_000}}}
		if diff := gocmp.Diff(want, got); diff != "" || records != 1 || len(datagrams) != 1 {
			t.Errorf("%s: %d records in %d datagrams (-want +got):\n%s", format, records, len(datagrams), diff)
		}
		if format != exporter.V8 {
			continue
		}
		h, rs, _, _ := nsv8.Append(nil, datagrams[0], nsv8.DstMaskFirst)
		if first, last := h.Millis(rs[0].First), h.Millis(rs[0].Last); first != int64(start)/1e6 || last != (int64(start)+13e9)/1e6 {
			t.Errorf("from %d to %d ms, want from %d to %d", first, last, int64(start)/1e6, (int64(start)+13e9)/1e6)
		}
	}
}

// TestAggregatesOutliveStops stops an exporter between messages, which is given other settings now and then and whose modes come and
// go: nothing is lost or counted twice.
func TestAggregatesOutliveStops(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 3))
			l, c := open(t), listen(t)
			d := c.destination(exporter.Destination{Format: exporter.IPFIX, Aggregations: []string{"protocol-port", "index-tos"}})
			cfg := exporter.Config{Name: "e", Checkpoint: time.Nanosecond, Destinations: []exporter.Destination{d}}
			cfg.Aggregations = slices.DeleteFunc(aggregations(0), func(a exporter.Aggregation) bool { return a.Mode != "protocol-port" && a.Mode != "index-tos" })
			var flows, withoutIndex []testFlow
			off := false
			for i, m := range messages(30, 50) {
				l.publish(t, i%2, m)
				flows = append(flows, m...)
				if off {
					withoutIndex = append(withoutIndex, m...)
				}
				if rnd.IntN(3) > 0 {
					continue
				}
				s := l.export(t, cfg)
				if err := s.stop(); err != nil {
					t.Fatal(err)
				}
				switch rnd.IntN(4) {
				case 0:
					cfg.Aggregations[0].Inactive = time.Duration(1+rnd.IntN(100)) * time.Second
				case 1:
					cfg.Aggregations[0].Limit = 1 + rnd.IntN(200)
				}
				if i > 20 && !off {
					cfg.Aggregations, off = slices.DeleteFunc(slices.Clone(cfg.Aggregations), func(a exporter.Aggregation) bool { return a.Mode == "index-tos" }), true
				}
			}
			l.end(t)
			s := l.export(t, cfg)
			got, _ := merged(t, c.receive(t, s), exporter.IPFIX)
			if diff := gocmp.Diff(grouped("protocol-port", flows), got["protocol-port"]); diff != "" {
				t.Errorf("protocol-port (-grouped +received):\n%s", diff)
			}
			if diff := gocmp.Diff(grouped("index-tos", flows[:len(flows)-len(withoutIndex)]), got["index-tos"]); diff != "" {
				t.Errorf("index-tos (-grouped +received):\n%s", diff)
			}
		})
	}
}

// TestCheckpointAheadOfTheCommit takes the last commit back, as a crash before it would: the checkpoint of its message is passed over, and the message gives the
// same datagrams again.
func TestCheckpointAheadOfTheCommit(t *testing.T) {
	l, c := open(t), listen(t)
	cfg := exporter.Config{Name: "e", Checkpoint: time.Nanosecond, Aggregations: aggregations(time.Second), Destinations: []exporter.Destination{
		c.destination(exporter.Destination{Format: exporter.IPFIX, Aggregations: []string{"protocol-port"}}),
	}}
	run := func() (received int) {
		t.Helper()
		s := l.export(t, cfg)
		n := len(c.receive(t, s))
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		return n
	}
	in := messages(6, 100)
	for i, m := range in[:5] {
		l.publish(t, i%2, m)
	}
	first := run()
	before, err := l.Last(t.Context(), l.Pipeline.ExportsStream(), l.Pipeline.Exports("e"))
	if err != nil {
		t.Fatal(err)
	}
	l.publish(t, 1, in[5])
	second := run()
	thief, _, err := l.Writer(t.Context(), l.Pipeline.ExportsStream(), l.Pipeline.Exports("e"))
	if err == nil {
		err = thief.Publish(t.Context(), before.Header, before.Body)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := l.export(t, cfg)
	m := gather(t, s.metrics)
	got := c.await(t, second+second-first)
	if second == first || m[`exporter_checkpoints_refused_total{exporter="e"}`] != 1 || m[`exporter_recovery_seconds{exporter="e"}`] == 0 {
		t.Errorf("%d datagrams of the message, %v", second-first, m)
	}
	compareDatagrams(t, got[first:second], got[second:])
}

// TestLimitAndCounters ends aggregates before they pass what version 8 can count, and when there are too many.
func TestLimitAndCounters(t *testing.T) {
	large := func(port uint16, bytes uint64) testFlow {
		return testFlow{v4: &flow.Row[key.IPv4]{Key: key.IPv4{SrcPort: port, Protocol: 17}, Packets: 1 << 20, Bytes: bytes, First: start, Last: start + 1e9, Reason: flow.Active}}
	}
	flows := []testFlow{large(1, 3<<30), large(1, 1<<30-1), large(1, 1), large(2, 5), large(3, 6), large(1, 10<<30)}
	l, c := open(t), listen(t)
	l.publish(t, 0, flows)
	l.end(t)
	d := c.destination(exporter.Destination{Format: exporter.V8, Aggregations: []string{"protocol-port"}})
	cfg := exporter.Config{Name: "e", Aggregations: aggregations(0), Checkpoint: time.Hour, Destinations: []exporter.Destination{d}}
	for i := range cfg.Aggregations {
		cfg.Aggregations[i].Limit = 2
	}
	s := l.export(t, cfg)
	var got []string
	for _, b := range c.receive(t, s) {
		_, rs, _, err := nsv8.Append(nil, b, nsv8.DstMaskFirst)
		if err != nil {
			t.Fatal(hex.Dump(b))
		}
		for _, r := range rs {
			got = append(got, fmt.Sprint(r.SrcPort, ": ", r.Flows, " ", r.Octets))
		}
	}
	slices.SortFunc(got, cmp.Compare)
	third := uint64(10<<30) / 3
	want := []string{
		fmt.Sprint("1: 0 ", third), fmt.Sprint("1: 0 ", third), // the rest of the flow that no record can hold
		"1: 1 1", fmt.Sprint("1: 1 ", third+1), fmt.Sprint("1: 2 ", uint64(4<<30-1)), "2: 1 5", "3: 1 6",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
