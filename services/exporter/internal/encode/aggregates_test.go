package encode

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"netstream/schemas/key"
	"netstream/services/exporter/internal/aggregate"
	"netstream/services/exporter/internal/clock"
)

// TestAggregatesAreGolden makes the two aggregated datagrams of the golden vectors, byte for byte.
func TestAggregatesAreGolden(t *testing.T) {
	const boot = 1_700_000_000 - 3600
	at := func(uptime int64) int64 { return (boot*1000 + uptime) * 1e6 }
	now := &clock.Clock{Started: true, Boot: boot, Now: 1_700_000_000}
	for _, tt := range []struct {
		name     string
		sequence uint32
		a        aggregate.Aggregate
		want     string
	}{
		{"v9_agg_bgp_nexthop_tos", 43, aggregate.Aggregate{
			Mode: aggregate.BGPNextHopTOS, Flows: 4, Packets: 400, Bytes: 300_000, First: at(3_480_000), Last: at(3_598_000),
			Key: aggregate.Key{Version: 4, BGPNextHop: key.Mapped(192<<24 | 2<<8 | 253), SrcAS: 4_200_000_001, DstAS: 64_510, Input: 100_003, Output: 5, TOS: 40},
		}, bgpNextHopVector},
		{"v9_agg_vlan_id", 44, aggregate.Aggregate{
			Mode: aggregate.VLANID, Flows: 2, Packets: 20, Bytes: 2000, First: at(3_591_000), Last: at(3_598_000), Key: aggregate.Key{VLAN: 100, Input: 3},
		}, vlanVector},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{SourceID: 65543, Limit: 1472, RefreshDatagrams: 20, RefreshSeconds: 60, Modes: []aggregate.Mode{tt.a.Mode}}
			e := NewV9Aggregates(o, Cursor{Sequence: tt.sequence})
			for _, forms := range &e.forms { // the vectors have the IPv4 template alone
				if forms[0] != nil {
					e.defineTemplates(e.v9.more[:1], nil)
				}
			}
			var b Batch
			if err := e.Encode(&b, now, &Flows{Aggregates: []aggregate.Aggregate{tt.a}}); err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(b.Datagrams()[0]); got != strings.Join(strings.Fields(tt.want), "") {
				t.Errorf("written\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// someAggregates are aggregates of all modes that version 8 has.
func someAggregates(n int) (out []aggregate.Aggregate) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for mode := range aggregate.BGPNextHopTOS {
		for range n / int(aggregate.BGPNextHopTOS) {
			out = append(out, aggregate.Aggregate{
				Mode: mode, Flows: 3, Packets: 100, Bytes: 5000, First: start, Last: start + rnd.Int64N(60e9),
				Key: aggregate.Key{Version: 4, Src: key.Mapped(rnd.Uint32()), SrcMask: 24, Protocol: 6, SrcPort: uint16(rnd.Uint32()), Input: 7},
			})
		}
	}
	return out
}

var aggregateEncoders = map[string]func(limit int) Encoder{
	"v8":    func(limit int) Encoder { return NewV8(aggregateOptions(limit), Cursor{}) },
	"v9":    func(limit int) Encoder { return NewV9Aggregates(aggregateOptions(limit), Cursor{}) },
	"ipfix": func(limit int) Encoder { return NewIPFIXAggregates(aggregateOptions(limit), Cursor{}) },
}

func aggregateOptions(limit int) Options {
	o := Options{Limit: limit, RefreshDatagrams: 20, RefreshSeconds: 60}
	for mode := range aggregate.BGPNextHopTOS {
		o.Modes = append(o.Modes, mode)
	}
	return o
}

// TestAggregatesInEveryLimit cuts the same aggregates into datagrams of any size.
func TestAggregatesInEveryLimit(t *testing.T) {
	_, now := flows(1, 0)
	all := someAggregates(200)
	for limit := MinLimit; limit < 2000; limit += 7 {
		for name, make := range aggregateEncoders {
			var b Batch
			if err := make(limit).Encode(&b, now, &Flows{Aggregates: all}); err != nil {
				t.Fatalf("%s, %d bytes: %v", name, limit, err)
			}
			if got := b.Total(); got.Records != uint64(len(all)) || got.Flows != 3*got.Records {
				t.Errorf("%s, %d bytes: %+v, want %d records", name, limit, got, len(all))
			}
			for i, d := range b.Datagrams() {
				if len(d) > limit {
					t.Errorf("%s, %d bytes: datagram %d has %d bytes", name, limit, i, len(d))
				}
			}
		}
	}
}

func BenchmarkEncodeAggregates(b *testing.B) {
	_, now := flows(1, 0)
	all := someAggregates(4000)
	for name, make := range aggregateEncoders {
		b.Run(name, func(b *testing.B) {
			e := make(1472)
			var batch Batch
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Encode(&batch, now, &Flows{Aggregates: all}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/record")
		})
	}
}

// The datagrams of schemas/wire/testdata/vectors.
const (
	bgpNextHopVector = `000900020036ee806553f1000000002b0001000700000034010e000b0003000400020004000100040016000400150004001200040010000400110004
000a0004000e000400050001010e00300000000400000190000493e0003519c00036e6b0c00002fdfa56ea010000fbfe000186a30000000528000000`
	vlanVector = `000900020036ee806553f1000000002c0001000700000024010f00070003000400020004000100040016000400150004003a0002000a0004010f0020
0000000200000014000007d00036cb580036e6b00064000000030000`
)
