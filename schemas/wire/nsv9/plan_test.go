package nsv9_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv9"
)

func compile(t testing.TB, fields ...nsv9.Field) *nsv9.Layout {
	t.Helper()
	l, err := nsv9.Compile(&nsv9.Template{ID: 300, Fields: fields})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mapped(a, b, c, d byte) [16]byte {
	return [16]byte{10: 0xff, 11: 0xff, 12: a, 13: b, 14: c, 15: d}
}

// The rules for what is odd but legal.
func TestPlan(t *testing.T) {
	v6 := [16]byte{0: 0x20, 1: 0x01, 15: 9}
	both := []nsv9.Field{{nsv9.IPv6SrcAddr, 16}, {nsv9.IPv6DstAddr, 16}, {nsv9.IPv4SrcAddr, 4}, {nsv9.IPv4DstAddr, 4}, {nsv9.IPv6SrcMask, 1}, {nsv9.SrcMask, 1}}
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	tests := []struct {
		name   string
		fields []nsv9.Field
		rec    []byte
		want   nsv9.Record
	}{
		{"counters of 3 and 5 bytes", []nsv9.Field{{nsv9.InPkts, 3}, {nsv9.InBytes, 5}}, []byte{1, 2, 3, 1, 0, 0, 0, 0},
			nsv9.Record{Has: nsv9.HasPackets | nsv9.HasBytes, Packets: 0x010203, Bytes: 1 << 32}},
		{"a number of 9 bytes is skipped", []nsv9.Field{{nsv9.InBytes, 9}, {nsv9.InPkts, 1}}, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 7},
			nsv9.Record{Has: nsv9.HasPackets, Packets: 7}},
		{"a number of no bytes is skipped", []nsv9.Field{{nsv9.InBytes, 0}, {nsv9.InPkts, 1}}, []byte{7},
			nsv9.Record{Has: nsv9.HasPackets, Packets: 7}},
		{"an address of 5 bytes is skipped", []nsv9.Field{{nsv9.IPv4SrcAddr, 5}, {nsv9.Protocol, 1}}, []byte{1, 2, 3, 4, 5, 6},
			nsv9.Record{Has: nsv9.HasProtocol, Protocol: 6}},
		{"flags of 2 bytes", []nsv9.Field{{nsv9.TCPFlags, 2}}, []byte{0xf0, 0x12},
			nsv9.Record{Has: nsv9.HasTCPFlags, TCPFlags: 0x12}},
		{"the first of two", []nsv9.Field{{nsv9.InBytes, 1}, {nsv9.InBytes, 1}}, []byte{5, 6},
			nsv9.Record{Has: nsv9.HasBytes, Bytes: 5}},
		{"counters of what went out count when there are no others", []nsv9.Field{{nsv9.OutBytes, 1}, {nsv9.OutPkts, 1}}, []byte{5, 6},
			nsv9.Record{Has: nsv9.HasBytes | nsv9.HasPackets, Bytes: 5, Packets: 6}},
		{"and not when there are", []nsv9.Field{{nsv9.OutBytes, 1}, {nsv9.InBytes, 1}}, []byte{5, 6},
			nsv9.Record{Has: nsv9.HasBytes, Bytes: 6}},
		{"MACs of the incoming packet first", []nsv9.Field{{nsv9.OutSrcMAC, 6}, {nsv9.OutDstMAC, 6}, {nsv9.InSrcMAC, 6}}, []byte("outsrcoutdstincsrc"),
			nsv9.Record{Has: nsv9.HasSrcMAC | nsv9.HasDstMAC, SrcMAC: [6]byte([]byte("incsrc")), DstMAC: [6]byte([]byte("outdst"))}},
		{"vendor's types are opaque", []nsv9.Field{{0x8000 | nsv9.InBytes, 4}, {nsv9.InBytes, 1}}, []byte{9, 9, 9, 9, 5},
			nsv9.Record{Has: nsv9.HasBytes, Bytes: 5}},
		{"type 0 is opaque", []nsv9.Field{{0, 1}, {nsv9.InBytes, 1}}, []byte{9, 5},
			nsv9.Record{Has: nsv9.HasBytes, Bytes: 5}},
		{"behind fields of variable length, in both forms", []nsv9.Field{{nsv9.Protocol, 1}, {nsv9.VRFName, 65535}, {nsv9.SrcTOS, 1}, {nsv9.VRFName, 65535}, {nsv9.InBytes, 2}},
			join([]byte{6, 3}, []byte("vrf"), []byte{0xb8, 255, 0, 2}, []byte("xy"), []byte{1, 0}),
			nsv9.Record{Has: nsv9.HasProtocol | nsv9.HasTOS | nsv9.HasBytes, Protocol: 6, TOS: 0xb8, Bytes: 256}},
		{"sampling interval 0 is not told", []nsv9.Field{{nsv9.SamplingInterval, 4}, {nsv9.FlowSamplerRandomInterval, 4}}, []byte{0, 0, 0, 0, 0, 0, 3, 232},
			nsv9.Record{Has: nsv9.HasSamplingInterval, SamplingInterval: 1000}},
		{"both told", []nsv9.Field{{nsv9.FlowSamplerRandomInterval, 4}, {nsv9.SamplingInterval, 4}}, []byte{0, 0, 0, 0, 0, 0, 3, 232},
			nsv9.Record{Has: nsv9.HasSamplingInterval, SamplingInterval: 1000}},
		{"flow label has 20 bits", []nsv9.Field{{nsv9.IPv6FlowLabel, 4}}, []byte{0xff, 0xfa, 0xbc, 0xde},
			nsv9.Record{Has: nsv9.HasFlowLabel, FlowLabel: 0xabcde}},
		{"both versions, IPv4 set", both, join(make([]byte, 32), []byte{10, 0, 0, 1, 10, 0, 0, 2, 0, 24}),
			nsv9.Record{Has: nsv9.HasSrcAddr | nsv9.HasDstAddr | nsv9.HasSrcMask | nsv9.HasIPVersion, SrcAddr: mapped(10, 0, 0, 1), DstAddr: mapped(10, 0, 0, 2), IPVersion: 4, SrcMask: 24}},
		{"both versions, IPv6 set", both, join(v6[:], make([]byte, 16), make([]byte, 8), []byte{64, 0}),
			nsv9.Record{Has: nsv9.HasSrcAddr | nsv9.HasDstAddr | nsv9.HasSrcMask | nsv9.HasIPVersion, SrcAddr: v6, IPVersion: 6, SrcMask: 64}},
		{"version by the field when there is no address", []nsv9.Field{{nsv9.IPProtocolVersion, 1}}, []byte{4},
			nsv9.Record{Has: nsv9.HasIPVersion, IPVersion: 4}},
		{"version by the address when there is one", []nsv9.Field{{nsv9.IPProtocolVersion, 1}, {nsv9.IPv4DstAddr, 4}}, []byte{0, 10, 0, 0, 1},
			nsv9.Record{Has: nsv9.HasIPVersion | nsv9.HasDstAddr, IPVersion: 4, DstAddr: mapped(10, 0, 0, 1)}},
		{"IPv6 mask for IPv6 addresses", []nsv9.Field{{nsv9.SrcMask, 1}, {nsv9.IPv6SrcMask, 1}, {nsv9.IPv6SrcAddr, 16}}, join([]byte{0, 48}, v6[:]),
			nsv9.Record{Has: nsv9.HasIPVersion | nsv9.HasSrcAddr | nsv9.HasSrcMask, IPVersion: 6, SrcAddr: v6, SrcMask: 48}},
		{"a prefix where there is no address", []nsv9.Field{{nsv9.IPv4SrcPrefix, 4}}, []byte{10, 0, 0, 0},
			nsv9.Record{Has: nsv9.HasIPVersion | nsv9.HasSrcAddr, IPVersion: 4, SrcAddr: mapped(10, 0, 0, 0)}},
		{"nothing known", []nsv9.Field{{40000, 4}}, []byte{1, 2, 3, 4}, nsv9.Record{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := compile(t, tt.fields...)
			plan := nsv9.NewPlan(l)
			got := nsv9.Record{Bytes: 99, SrcPort: 99} // what was in it must go
			if !plan.Decode(&got, tt.rec) {
				t.Fatal("Decode refuses the record")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
			if tt.want.Has&^plan.Has() != 0 {
				t.Errorf("plan has %b, the record %b", plan.Has(), tt.want.Has)
			}
			tmpl := l.Template()
			if diff := cmp.Diff(tt.want, naiveRecord(&tmpl, tt.rec)); diff != "" {
				t.Errorf("the naive decoder differs (-want +got):\n%s", diff)
			}
			if plan.Decode(&got, append(slices.Clip(tt.rec), 0)) {
				t.Error("Decode takes a record with a byte behind it")
			}
			for n := range tt.rec {
				if plan.Decode(&got, tt.rec[:n]) || got != (nsv9.Record{}) {
					t.Errorf("Decode takes a record cut to %d bytes, or leaves something: %+v", n, got)
				}
			}
		})
	}
}

func TestPlanAppend(t *testing.T) {
	plan := nsv9.NewPlan(compile(t, nsv9.Field{Type: nsv9.InBytes, Length: 2}))
	before := nsv9.Record{Bytes: 1}
	got, err := plan.Append([]nsv9.Record{before}, []byte{0, 2, 0, 3, 0})
	want := []nsv9.Record{before, {Has: nsv9.HasBytes, Bytes: 2}, {Has: nsv9.HasBytes, Bytes: 3}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, records (-want +got):\n%s", err, diff)
	}

	plan = nsv9.NewPlan(compile(t, nsv9.Field{Type: nsv9.InBytes, Length: 2}, nsv9.Field{Type: nsv9.VRFName, Length: nsv9.VarLen}))
	got, err = plan.Append(nil, []byte{0, 2, 0, 0, 3, 9, 1})
	if diff := cmp.Diff(want[1:2], got); diff != "" || err != nsv9.ErrRecordCut {
		t.Errorf("error %v, records (-want +got):\n%s", err, diff)
	}
}

func TestTimes(t *testing.T) {
	h := nsv9.Header{SysUptime: 3_600_000, UnixSecs: 1_700_000_000}
	const export = 1_700_000_000_000
	uptimes := nsv9.Record{Has: nsv9.HasFirstUptime | nsv9.HasLastUptime, FirstUptime: 4_294_967_000, LastUptime: 3_600_400, FirstMillis: 1, LastMillis: 2}
	absolute := uptimes
	absolute.Has |= nsv9.HasFirstMillis | nsv9.HasLastMillis
	half := uptimes
	half.Has = nsv9.HasFirstUptime | nsv9.HasLastMillis
	tests := []struct {
		name        string
		r           nsv9.Record
		first, last int64
		ok          bool
	}{
		{"uptimes, one before the wrap and one after the header", uptimes, export - 3_600_296, export + 400, true},
		{"absolute times are preferred", absolute, 1, 2, true},
		{"one of each is nothing", half, 0, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if first, last, ok := h.Times(&tt.r); first != tt.first || last != tt.last || ok != tt.ok {
				t.Errorf("Times = %d, %d, %v; want %d, %d, %v", first, last, ok, tt.first, tt.last, tt.ok)
			}
		})
	}
}

// The golden records of our own templates, as records.
func TestPlanOfOurTemplates(t *testing.T) {
	_, sets, err := nsv9.Open(wiretest.LoadVector(t, "v9_all").Bytes)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[uint16][]nsv9.Record)
	for sets.Next() {
		for id, tmpl := range map[uint16]nsv9.Template{256: nsv9.IPv4Template(), 257: nsv9.IPv6Template()} {
			if l, err := nsv9.Compile(&tmpl); err != nil {
				t.Fatal(err)
			} else if sets.Set().ID == id {
				got[id], _ = nsv9.NewPlan(l).Append(nil, sets.Set().Body)
			}
		}
	}
	v4 := nsv9.HasSrcAddr | nsv9.HasDstAddr | nsv9.HasNextHop | nsv9.HasBGPNextHop | nsv9.HasPackets | nsv9.HasBytes |
		nsv9.HasFirstUptime | nsv9.HasLastUptime | nsv9.HasInIf | nsv9.HasOutIf | nsv9.HasSrcPort | nsv9.HasDstPort |
		nsv9.HasIPVersion | nsv9.HasProtocol | nsv9.HasTOS | nsv9.HasTCPFlags | nsv9.HasSrcMask | nsv9.HasDstMask | nsv9.HasDirection
	v6 := v4 | nsv9.HasFlowLabel
	v4 |= nsv9.HasSrcAS | nsv9.HasDstAS | nsv9.HasForwardingStatus | nsv9.HasSamplerID
	want := map[uint16][]nsv9.Record{
		256: {
			{Has: v4, SrcAddr: mapped(10, 1, 2, 3), DstAddr: mapped(198, 51, 100, 9), NextHop: mapped(192, 0, 2, 254), BGPNextHop: mapped(192, 0, 2, 253),
				Packets: 12, Bytes: 9000, FirstUptime: 3_535_000, LastUptime: 3_595_000, InIf: 100003, OutIf: 5, SrcAS: 4_200_000_001, DstAS: 64510,
				SamplerID: 1, SrcPort: 49152, DstPort: 443, IPVersion: 4, Protocol: 6, TOS: 0xb8, TCPFlags: 0x1b, SrcMask: 24, DstMask: 20, ForwardingStatus: 0x40},
			{Has: v4, SrcAddr: mapped(172, 16, 0, 8), DstAddr: mapped(10, 9, 8, 7), NextHop: mapped(0, 0, 0, 0), BGPNextHop: mapped(0, 0, 0, 0),
				Packets: 1, Bytes: 64, FirstUptime: 3_599_999, LastUptime: 3_599_999, InIf: 2, SamplerID: 1, DstPort: 2048, IPVersion: 4, Protocol: 1,
				DstMask: 32, Direction: 1, ForwardingStatus: 0x80},
		},
		257: {
			{Has: v6, SrcAddr: [16]byte{0x20, 1, 0xd, 0xb8, 0, 1, 15: 0x10}, DstAddr: [16]byte{0x20, 1, 0xd, 0xb8, 0, 2, 15: 0x20}, NextHop: [16]byte{0x20, 1, 0xd, 0xb8, 15: 1},
				Packets: 4_000_000, Bytes: 5_000_000_000, FirstUptime: 3_570_000, LastUptime: 3_599_900, InIf: 7, OutIf: 8, FlowLabel: 0xabcde,
				SrcPort: 51515, DstPort: 443, IPVersion: 6, Protocol: 6, TOS: 0x20, TCPFlags: 0x13, SrcMask: 48, DstMask: 32},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
