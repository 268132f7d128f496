package encode

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/wire/nsv5"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter/internal/aggregate"
)

// fieldsOf is a template as the README writes it.
func fieldsOf(t *nsv9.Template) string {
	var b strings.Builder
	for i, f := range t.Fields {
		fmt.Fprintf(&b, "%s%d:%d", map[bool]string{true: " "}[i > 0], f.Type, f.Length)
	}
	return b.String()
}

func TestWidthsOfTemplates(t *testing.T) {
	narrow := Widths{Index: 16, AS: 16, Counter: 32}
	for _, tt := range []struct {
		o          Options
		ipv4, ipv6 string
	}{
		{
			Options{Widths: narrow},
			"1:4 2:4 8:4 12:4 15:4 18:4 10:2 14:2 22:4 21:4 16:2 17:2 7:2 11:2 4:1 5:1 6:1 9:1 13:1 61:1 89:1 48:1",
			"27:16 28:16 62:16 63:16 1:4 2:4 10:2 14:2 22:4 21:4 31:3 7:2 11:2 4:1 5:1 6:1 29:1 30:1 61:1",
		},
		{
			Options{Widths: Widths{Index: 32, AS: 32, Counter: 64}, EndReason: true},
			"1:8 2:8 8:4 12:4 15:4 18:4 10:4 14:4 22:4 21:4 16:4 17:4 7:2 11:2 4:1 5:1 6:1 9:1 13:1 61:1 89:1 48:1 136:1",
			"27:16 28:16 62:16 63:16 1:8 2:8 10:4 14:4 22:4 21:4 31:3 7:2 11:2 4:1 5:1 6:1 29:1 30:1 61:1 136:1",
		},
	} {
		e := NewV9(tt.o, Cursor{})
		if got := fieldsOf(e.datagram.always[0]); got != tt.ipv4 {
			t.Errorf("%+v: IPv4\n%s, want\n%s", tt.o, got, tt.ipv4)
		}
		if got := fieldsOf(e.datagram.always[1]); got != tt.ipv6 {
			t.Errorf("%+v: IPv6\n%s, want\n%s", tt.o, got, tt.ipv6)
		}
	}
	_, more := carriers(defined(t, "a=ipv4", "v=vpn", "hosts=flexible:src_addr,interface"), newDialect(&Options{Widths: narrow, Routes: true}, true))
	want := []string{
		"8:4 12:4 10:2 14:2 1:4 2:4 152:8 153:8 15:4 18:4 16:2 17:2 9:1 13:1 4:1 7:2 11:2 5:1 136:1 148:8 6:1 61:1",
		"8:4 12:4 10:2 14:2 1:4 2:4 152:8 153:8 15:4 18:4 16:2 17:2 9:1 13:1 4:1 7:2 11:2 5:1 234:4 136:1 148:8 6:1 61:1",
		"27:16 28:16 10:2 14:2 1:4 2:4 152:8 153:8 62:16 63:16 16:2 17:2 29:1 30:1 4:1 7:2 11:2 5:1 31:3 234:4 136:1 148:8 6:1 61:1",
		"8:4 10:2 14:2 1:4 2:4 152:8 153:8 136:1 148:8 61:1",
		"27:16 10:2 14:2 1:4 2:4 152:8 153:8 136:1 148:8 61:1",
	}
	for i, m := range more {
		if i < len(want) && fieldsOf(m) != want[i] || len(more) != len(want) {
			t.Errorf("IPFIX %d:\n%s, want %d templates and\n%s", m.ID, fieldsOf(m), len(want), want[min(i, len(want)-1)])
		}
	}
}

// TestWidthsOfFlows encodes flows with large numbers in all widths: what doesn't fit is told by the values that stand for it, and counted;
// counters add up.
func TestWidthsOfFlows(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	ms := defined(t, "a=ipv4", "b=ipv6", "v=vpn", "l2=layer2", "hosts=flexible:src_addr,interface;dst_port")
	f, now := flows(0, 0)
	var packets, octets, n, wide uint64
	count := func(index uint32, p, o uint64) {
		packets, octets, n = packets+p, octets+o, n+1
		if index > math.MaxUint16 {
			wide++
		}
	}
	number := func() uint64 { return 1 + rnd.Uint64N(1<<uint(rnd.IntN(35))) }
	for range 50 {
		r4 := flow.Row[key.IPv4]{Key: key.IPv4{Interface: rnd.Uint32N(1 << 17), Direction: uint8(rnd.IntN(2))}, First: start, Last: start, Packets: number(), Bytes: number(), Reason: flow.FIN}
		f.IPv4.Append(&r4, false)
		count(r4.Key.Interface, r4.Packets, r4.Bytes)
		r6 := flow.Row[key.IPv6]{Key: key.IPv6{Interface: rnd.Uint32N(1 << 17)}, Monitor: 1, First: start, Last: start, Packets: number(), Bytes: number(), Reason: flow.FIN}
		f.IPv6.Append(&r6, false)
		count(r6.Key.Interface, r6.Packets, r6.Bytes)
	}
	for _, r := range wideFlows(rnd, ms[2:], 100) {
		r.Monitor, r.Packets, r.Bytes, r.Reason = r.Monitor+2, number(), number(), flow.FIN
		r.Key.Interface %= 1 << 17
		f.Wide.Append(&r, false)
		count(r.Key.Interface, r.Packets, r.Bytes)
	}
	for _, w := range []Widths{{}, {16, 16, 32}, {32, 32, 64}, {32, 16, 32}, {16, 32, 64}} {
		for _, ipfix := range []bool{false, true} {
			for _, limit := range []int{MinLimit, 1472} {
				o := Options{Limit: limit, RefreshDatagrams: 3, RefreshSeconds: 60, Widths: w, EndReason: true}
				var e Encoder = NewV9(o, Cursor{})
				open := openV9
				if ipfix {
					e, open = NewIPFIX(o, Cursor{}), openIPFIX
				}
				e.Define(ms)
				var b Batch
				if err := e.Encode(&b, now, f); err != nil {
					t.Fatal(err)
				}
				var gotPackets, gotOctets, narrowed uint64
				for _, r := range read(t, &b, limit, open) {
					reason := false
					for _, v := range r {
						switch n, _ := nsv9.Uint(v.bytes); v.field.Type {
						case nsv9.InPkts:
							gotPackets += n
						case nsv9.InBytes:
							gotOctets += n
						case nsv9.InputSNMP, nsv9.OutputSNMP:
							if n == math.MaxUint16 {
								narrowed++
							}
							if bits := int(v.field.Length) * 8; w.Index != 0 && bits != w.Index {
								t.Fatalf("%+v: index of %d bits", w, bits)
							}
						case nsv9.FlowEndReason:
							reason = n == 3
						}
					}
					if !reason {
						t.Fatalf("%+v: no reason in %+v", w, r)
					}
				}
				total := b.Total()
				if gotPackets != packets || gotOctets != octets || total.Packets != packets || total.Bytes != octets || total.Flows != n {
					t.Errorf("%+v: %d packets, %d bytes, counted %+v; want %d, %d in %d flows", w, gotPackets, gotOctets, total, packets, octets, n)
				}
				if w.Counter == 64 != (total.Records == n) && w.Counter != 0 {
					t.Errorf("%+v: %d records of %d flows", w, total.Records, n)
				}
				if want := map[bool]uint64{true: wide}[w.Index == 16]; b.Interfaces != want || narrowed < want {
					t.Errorf("%+v: %d interfaces counted, %d records with 65535, want %d", w, b.Interfaces, narrowed, want)
				}
			}
		}
	}
}

// TestWidthsOfAggregates does the same for AS numbers.
func TestWidthsOfAggregates(t *testing.T) {
	_, now := flows(0, 0)
	in := &Flows{Aggregates: []aggregate.Aggregate{
		{Mode: aggregate.AS, Flows: 3, Packets: 1 << 33, Bytes: 1 << 34, First: start, Last: start, Key: aggregate.Key{Version: 4, SrcAS: 4_200_000_001, DstAS: 64_510, Input: 70_000, Output: 5}},
		{Mode: aggregate.AS, Flows: 1, Packets: 2, Bytes: 3, First: start, Last: start, Key: aggregate.Key{Version: 4, SrcAS: 65_535, DstAS: 1, Input: 65_535}},
	}}
	for _, make := range []func(Options, Cursor) *Aggregates{NewV9Aggregates, NewIPFIXAggregates} {
		e := make(Options{Limit: 1472, RefreshDatagrams: 20, RefreshSeconds: 60, Modes: []aggregate.Mode{aggregate.AS}, Widths: Widths{Index: 16, AS: 16, Counter: 32}}, Cursor{})
		var b Batch
		if err := e.Encode(&b, now, in); err != nil {
			t.Fatal(err)
		}
		open := openV9
		if e.dialect.ipfix {
			open = openIPFIX
		}
		records := read(t, &b, 1472, open)
		sums, first := map[nsv9.FieldType]uint64{}, map[nsv9.FieldType]uint64{}
		for i, r := range records {
			for _, v := range r {
				n, _ := nsv9.Uint(v.bytes)
				if sums[v.field.Type] += n; i == 0 {
					first[v.field.Type] = n
				}
			}
		}
		if first[nsv9.SrcAS] != nsv5.ASTrans || first[nsv9.DstAS] != 64_510 || first[nsv9.InputSNMP] != 65_535 || first[nsv9.OutputSNMP] != 5 {
			t.Errorf("the first record is %v", first)
		}
		if b.WideAS != 1 || b.Interfaces != 1 || sums[nsv9.InPkts] != 1<<33+2 || sums[nsv9.InBytes] != 1<<34+3 || sums[nsv9.Flows] != 4 || len(records) != 6 {
			t.Errorf("%d AS numbers, %d interfaces, %d records, sums %v", b.WideAS, b.Interfaces, len(records), sums)
		}
	}
}
