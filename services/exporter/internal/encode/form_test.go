package encode

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"netstream/schemas/collect"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/schemas/wire/ipfix"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter/internal/clock"
)

// wideMonitors are monitors of all wide kinds.
var wideMonitors = []string{
	"l2=layer2", "labels=mpls:interface,mpls_label_1,mpls_label_2,mpls_label_3",
	"ip=mpls:src_addr,dst_addr,src_port,dst_port,protocol,tos,flow_label,ip_version,interface",
	"both=mpls:src_addr,dst_addr,src_port,dst_port,protocol,tos,flow_label,ip_version,interface,mpls_label_1,mpls_label_2,mpls_label_3",
	"v=vpn", "s=srv6-inner", "t=tunnel-inner",
	"web=flexible:dst_port,vlan;src_mac,dst_addr,interface,extremes", "hosts=flexible:src_addr", "to=flexible:dst_addr,dscp,vrf",
	"tuple=flexible:src_addr,dst_addr,src_port,dst_port,protocol,ip_version", "odd=flexible:tcp_flags,ttl,ip_version,inner_vlan,mpls_label_10;src_addr,flow_label",
	"all=flexible:dst_mac,ethertype,mpls_label_4,mpls_label_9;src_addr,dst_addr,src_port,dst_port,protocol,tos,ttl,vrf,extremes",
}

func defined(t *testing.T, texts ...string) (ms []Monitor) {
	t.Helper()
	for _, text := range texts {
		d, err := monitor.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		ms = append(ms, Monitor{Definition: d, Wanted: true})
	}
	return ms
}

// wideFlows makes flows of the monitors, with all that these match and collect.
func wideFlows(rnd *rand.Rand, ms []Monitor, n int) (out []flow.Row[key.Wide]) {
	wide := func() key.Wide {
		k := key.Wide{
			SrcMAC: rnd.Uint64N(1 << 48), DstMAC: rnd.Uint64N(1 << 48), Interface: rnd.Uint32(), FlowLabel: rnd.Uint32N(1 << 20), VRF: rnd.Uint32(),
			SrcPort: uint16(rnd.Uint32()), DstPort: uint16(rnd.Uint32()), VLAN: uint16(rnd.IntN(4096)), InnerVLAN: uint16(rnd.IntN(4096)),
			EtherType: uint16(rnd.Uint32()), Protocol: uint8(rnd.Uint32()), TOS: uint8(rnd.Uint32()), TTL: uint8(rnd.Uint32()), TCPFlags: uint8(rnd.Uint32()),
			Version: 4, Direction: uint8(rnd.IntN(2)), Src: key.Mapped(rnd.Uint32()), Dst: key.Mapped(rnd.Uint32()),
		}
		for i := range k.Label {
			k.Label[i] = rnd.Uint32N(1 << 20)
		}
		if rnd.IntN(2) == 0 {
			k.Version = 6
			k.Src, k.Dst = [16]byte{0x20, 1, 15: uint8(rnd.Uint32())}, [16]byte{0x20, 1, 14: uint8(rnd.Uint32())}
		} else {
			k.FlowLabel = 0 // only IPv6 has one
		}
		return k
	}
	for range n {
		m := uint8(rnd.IntN(len(ms)))
		d := &ms[m].Definition
		k := wide()
		f := flow.Row[key.Wide]{
			Key: d.Match.Only(&k), Monitor: m, First: start + rnd.Int64N(30e9), Last: start + 30e9 + rnd.Int64N(30e9),
			Packets: 1 + rnd.Uint64N(1000), Bytes: rnd.Uint64N(1 << 32), TCPFlags: uint8(rnd.Uint32()), Reason: flow.Reasons[rnd.IntN(len(flow.Reasons))],
		}
		if d.Collects() {
			f.Values = &collect.Values{First: d.Collect.Only(&k), MinLength: rnd.Uint32N(1 << 17), MaxLength: 1 << 17, MinTTL: 3, MaxTTL: 250}
		}
		out = append(out, f)
	}
	return out
}

// TestWideFields encodes flows of all kinds into datagrams of some sizes, and compares each field of each record with what its type
// says it is.
func TestWideFields(t *testing.T) {
	for _, limit := range []int{MinLimit, 777, 1472} {
		for _, every := range []uint32{1, 20} {
			for _, in := range []dialect{{}, {ipfix: true, selector: true, reason: true}} {
				wideFields(t, limit, every, in)
			}
		}
	}
}

func wideFields(t *testing.T, limit int, every uint32, in dialect) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(uint64(limit), uint64(every)))
	ms := defined(t, wideMonitors...)
	rows := wideFlows(rnd, ms, 400)
	flows, now := flows(3, 3)
	flows.IPv4.Reset()
	flows.IPv6.Reset()
	for i := range rows {
		flows.Wide.Append(&rows[i], false)
	}
	o := Options{Limit: limit, Sampling: 7, RefreshDatagrams: every, RefreshSeconds: 60}
	var e Encoder = NewV9(o, Cursor{})
	open := openV9
	if in.ipfix {
		e, open = NewIPFIX(o, Cursor{}), openIPFIX
	}
	e.Define(ms)
	var b Batch
	if err := e.Encode(&b, now, flows); err != nil {
		t.Fatal(err)
	}
	got := read(t, &b, limit, open)
	if len(got) != len(rows) || b.Total().Flows != uint64(len(rows)) || b.NotCarried != [reasons]Tally{} {
		t.Fatalf("%d bytes: %d records of %d flows, not carried %v", limit, len(got), len(rows), b.NotCarried)
	}
	for i := range rows {
		compare(t, &ms[rows[i].Monitor], &rows[i], now, got[i])
	}
}

// value is a field of a record as it was read.
type value struct {
	field nsv9.Field
	bytes []byte
}

// set is a part of a datagram: templates, or records.
type set struct {
	templates []*nsv9.Layout
	id        uint16
	body      []byte
}

// openV9 reads a datagram, and by how much the sequence goes on behind it.
func openV9(t *testing.T, d []byte, _ map[uint16]*nsv9.Layout) (sequence, units uint32, out []set) {
	h, sets, err := nsv9.Open(d)
	if err != nil {
		t.Fatal(err)
	}
	for sets.Next() {
		s := set{id: sets.Set().ID, body: sets.Set().Body}
		templates := sets.Set().Templates()
		for tmpl := (nsv9.Template{}); templates.Next(&tmpl); {
			l, err := nsv9.Compile(&tmpl)
			if err != nil {
				t.Fatal(err)
			}
			s.templates = append(s.templates, l)
		}
		out = append(out, s)
	}
	return h.Sequence, 1, out
}

func openIPFIX(t *testing.T, d []byte, known map[uint16]*nsv9.Layout) (sequence, units uint32, out []set) {
	h, sets, err := ipfix.Open(d)
	if err != nil {
		t.Fatal(err)
	}
	layouts := maps.Clone(known)
	for sets.Next() {
		s := set{id: sets.Set().ID, body: sets.Set().Body}
		templates := sets.Set().Templates()
		for tmpl := (ipfix.Template{}); templates.Next(&tmpl); {
			l, err := tmpl.Compile()
			if err != nil {
				t.Fatal(err)
			}
			s.templates, layouts[tmpl.ID] = append(s.templates, l), l
		}
		if sets.Set().Kind() == ipfix.Data {
			for rs := layouts[s.id].Records(s.body); rs.Next(); {
				units++
			}
		}
		out = append(out, s)
	}
	return h.Sequence, units, out
}

// read reads the datagrams as a collector does.
func read(t *testing.T, b *Batch, limit int, open func(*testing.T, []byte, map[uint16]*nsv9.Layout) (uint32, uint32, []set)) (records [][]value) {
	t.Helper()
	layouts, expected := map[uint16]*nsv9.Layout{}, uint32(0)
	for i, d := range b.Datagrams() {
		sequence, units, sets := open(t, d, layouts)
		if sequence != expected || len(d) > limit {
			t.Fatalf("datagram %d: sequence %d of %d, %d bytes", i, sequence, expected, len(d))
		}
		expected += units
		for _, s := range sets {
			for _, l := range s.templates {
				layouts[l.Template().ID] = l
			}
			if s.id < nsv9.MinDataID {
				continue
			}
			l := layouts[s.id]
			if l == nil {
				t.Fatalf("datagram %d: template %d comes later", i, s.id)
			}
			for rs := l.Records(s.body); rs.Next() && !l.Options(); {
				var r []value
				for j, f := range l.Template().Fields {
					r = append(r, value{f, bytes.Clone(l.Field(rs.Record(), j))})
				}
				records = append(records, r)
			}
		}
	}
	return records
}

// compare holds a record against its flow. A type may come twice: matched, then collected.
func compare(t *testing.T, m *Monitor, f *flow.Row[key.Wide], now *clock.Clock, record []value) {
	t.Helper()
	left := map[nsv9.FieldType]bool{}
	for i, v := range record {
		k := &f.Key
		behind := slices.ContainsFunc(record[:i], func(o value) bool { return o.field.Type == nsv9.Direction })
		if behind && f.Values != nil {
			k = &f.Values.First
		}
		in, out := k.Interface, uint32(0)
		if f.Key.Direction == 1 {
			in, out = out, in
		}
		uptime := func(at int64) uint64 { ms, _ := now.Uptime(at); return uint64(ms) }
		var want any
		switch typ := v.field.Type; typ {
		case nsv9.IPv4SrcAddr:
			want = k.Src[12:]
		case nsv9.IPv4DstAddr:
			want = k.Dst[12:]
		case nsv9.IPv6SrcAddr:
			want = k.Src[:]
		case nsv9.IPv6DstAddr:
			want = k.Dst[:]
		case nsv9.InSrcMAC:
			want = k.SrcMAC
		case nsv9.InDstMAC:
			want = k.DstMAC
		case nsv9.SrcVLAN:
			want = uint64(k.VLAN)
		case nsv9.Dot1qCustomerVLANID:
			want = uint64(k.InnerVLAN)
		case nsv9.EthernetType:
			want = uint64(k.EtherType)
		case nsv9.InputSNMP:
			want = uint64(in)
		case nsv9.OutputSNMP:
			want = uint64(out)
		case nsv9.InBytes:
			want = f.Bytes
		case nsv9.InPkts:
			want = f.Packets
		case nsv9.FirstSwitched:
			want = uptime(f.First)
		case nsv9.LastSwitched:
			want = uptime(f.Last)
		case nsv9.FlowStartMilliseconds:
			want = uint64(f.First / 1e6)
		case nsv9.FlowEndMilliseconds:
			want = uint64(f.Last / 1e6)
		case nsv9.FlowEndReason:
			want = uint64(f.Reason.FlowEndReason())
		case nsv9.FlowID:
			want = flow.ID(f.Key.Hash(key.FlowSeed("tap", m.Name)), f.First)
		case nsv9.Protocol:
			want = uint64(k.Protocol)
		case nsv9.L4SrcPort:
			want = uint64(k.SrcPort)
		case nsv9.L4DstPort:
			want = uint64(k.DstPort)
		case nsv9.SrcTOS:
			want = uint64(k.TOS)
		case nsv9.IPDiffServCodePoint:
			want = uint64(k.TOS) / 4
		case nsv9.IPv6FlowLabel:
			want = uint64(k.FlowLabel)
		case nsv9.IPTTL:
			want = uint64(k.TTL)
		case nsv9.TCPFlags:
			if want = uint64(f.TCPFlags); m.Match.Has(key.TCPFlags) {
				want = uint64(k.TCPFlags)
			}
		case nsv9.IPProtocolVersion:
			want = uint64(k.Version)
		case nsv9.IngressVRFID:
			want = uint64(k.VRF)
		case nsv9.Direction:
			want = uint64(f.Key.Direction)
		case nsv9.MinPktLength:
			want = uint64(min(f.Values.MinLength, 65535))
		case nsv9.MaxPktLength:
			want = uint64(65535)
		case nsv9.MinTTL:
			want = uint64(f.Values.MinTTL)
		case nsv9.MaxTTL:
			want = uint64(f.Values.MaxTTL)
		case nsv9.FlowSamplerID, nsv9.SelectorID:
			want = uint64(samplerID)
		default:
			switch {
			case typ >= nsv9.MPLSLabel1 && typ <= nsv9.MPLSLabel10:
				want = uint64(k.Label[typ-nsv9.MPLSLabel1]) << 4
			case v.field.Length > 8:
				want = make([]byte, v.field.Length) // a next hop, which isn't known
			default:
				want = uint64(0) // nor is the rest
			}
		}
		if n, ok := want.(uint64); ok {
			if got, ok := nsv9.Uint(v.bytes); !ok || got != n {
				t.Fatalf("%s: %s is %d, want %d", m.String(), v.field.Type, got, n)
			}
		} else if !bytes.Equal(v.bytes, want.([]byte)) {
			t.Fatalf("%s: %s is %x, want %x", m.String(), v.field.Type, v.bytes, want)
		}
		left[v.field.Type] = true
	}
	for _, name := range (m.Match | m.Collect).Names() {
		if !slices.ContainsFunc(carriedBy[name], func(t nsv9.FieldType) bool { return left[t] }) {
			t.Fatalf("%s: %s isn't in the record", m.String(), name)
		}
	}
}

// carriedBy lists the types of which one must carry a field.
var carriedBy = map[string][]nsv9.FieldType{
	"src_addr": {nsv9.IPv4SrcAddr, nsv9.IPv6SrcAddr}, "dst_addr": {nsv9.IPv4DstAddr, nsv9.IPv6DstAddr}, "src_port": {nsv9.L4SrcPort}, "dst_port": {nsv9.L4DstPort},
	"protocol": {nsv9.Protocol}, "tos": {nsv9.SrcTOS}, "dscp": {nsv9.IPDiffServCodePoint}, "flow_label": {nsv9.IPv6FlowLabel, nsv9.IPv4SrcAddr}, // IPv4 has none
	"ttl": {nsv9.IPTTL}, "tcp_flags": {nsv9.TCPFlags}, "ip_version": {nsv9.IPProtocolVersion, nsv9.IPv4SrcAddr, nsv9.IPv6SrcAddr}, "interface": {nsv9.InputSNMP},
	"src_mac": {nsv9.InSrcMAC}, "dst_mac": {nsv9.InDstMAC}, "vlan": {nsv9.SrcVLAN}, "inner_vlan": {nsv9.Dot1qCustomerVLANID}, "ethertype": {nsv9.EthernetType},
	"vrf": {nsv9.IngressVRFID}, "mpls_label_1": {nsv9.MPLSLabel1}, "mpls_label_2": {nsv9.MPLSLabel2}, "mpls_label_3": {nsv9.MPLSLabel3},
	"mpls_label_4": {nsv9.MPLSLabel4}, "mpls_label_9": {nsv9.MPLSLabel9}, "mpls_label_10": {nsv9.MPLSLabel10},
}

// TestWideTemplates compares with those that the reference gives (spec section 8.4), and with what the README says.
func TestWideTemplates(t *testing.T) {
	_, more := carriers(defined(t, wideMonitors[0], wideMonitors[1], wideMonitors[3], wideMonitors[4], "z=flexible:vlan", "a=flexible:src_addr;extremes"), dialect{})
	want := []string{
		"258 56:6 80:6 58:2 256:2 10:4 14:4 1:4 2:4 22:4 21:4",
		"259 70:3 71:3 72:3 46:1 47:4 8:4 12:4 10:4 14:4 1:4 2:4 22:4 21:4 4:1 7:2 11:2 5:1",
		"262 1:4 2:4 8:4 12:4 15:4 18:4 10:4 14:4 22:4 21:4 16:4 17:4 7:2 11:2 4:1 5:1 6:1 9:1 13:1 61:1 89:1 48:1 234:4",
		"263 27:16 28:16 62:16 63:16 1:8 2:8 10:4 14:4 22:4 21:4 31:3 7:2 11:2 4:1 5:1 6:1 29:1 30:1 61:1 234:4",
		"264 70:3 71:3 72:3 46:1 47:4 27:16 28:16 10:4 14:4 1:4 2:4 22:4 21:4 4:1 7:2 11:2 5:1 31:3 6:1 61:1",
		"265 70:3 71:3 72:3 46:1 47:4 10:4 14:4 1:4 2:4 22:4 21:4 61:1",
		"300 8:4 1:4 2:4 22:4 21:4 61:1 25:2 26:2 52:1 53:1", "301 27:16 1:4 2:4 22:4 21:4 61:1 25:2 26:2 52:1 53:1",
		"302 58:2 1:4 2:4 22:4 21:4 61:1",
	}
	var got []string
	for _, m := range more {
		text := fmt.Sprint(m.ID)
		for _, f := range m.Fields {
			text += fmt.Sprintf(" %d:%d", f.Type, f.Length)
		}
		got = append(got, text)
	}
	if !slices.Equal(got, want) {
		t.Errorf("templates\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestOtherMonitorsMakeTemplatesDue changes what is wanted, and its order, which changes nothing; an encoder that goes on from the
// cursor does the same.
func TestOtherMonitorsMakeTemplatesDue(t *testing.T) {
	in, now := flows(1, 0)
	in.IPv4.Reset()
	web, hosts := "web=flexible:dst_port,vlan", "hosts=flexible:src_addr"
	e := newV9(1472, 0)
	for i, step := range []struct {
		monitors []string
		due      bool
	}{
		{[]string{web, hosts}, true}, {[]string{web, hosts}, false}, {[]string{hosts, web}, false}, {[]string{web}, true}, {[]string{web, hosts}, true},
	} {
		ms := defined(t, step.monitors...)
		in.Wide.Reset()
		in.Wide.Append(&flow.Row[key.Wide]{Key: key.Wide{DstPort: 443}, Monitor: uint8(slices.IndexFunc(ms, func(m Monitor) bool { return m.Name == "web" })), First: start, Last: start, Packets: 1}, false)
		resumed := NewV9(Options{Limit: 1472, RefreshDatagrams: 20, RefreshSeconds: 60}, e.Cursor())
		var one, two Batch
		for encoder, b := range map[*V9]*Batch{e: &one, resumed: &two} {
			encoder.Define(ms)
			if err := encoder.Encode(b, now, in); err != nil {
				t.Fatal(err)
			}
		}
		_, sets, err := nsv9.Open(one.Datagrams()[0])
		if err != nil || !sets.Next() {
			t.Fatal(err)
		}
		set := sets.Set()
		if due := set.Kind() == nsv9.Templates; due != step.due {
			t.Errorf("step %d: templates %v, want %v", i, due, step.due)
		}
		if !slices.EqualFunc(one.Datagrams(), two.Datagrams(), slices.Equal) || e.Cursor() != resumed.Cursor() {
			t.Errorf("step %d: another encoder goes on otherwise", i)
		}
	}
}
