package nsv8_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv8"
)

// TestTsharkReadsOurDatagrams sends full datagrams of all schemes through tshark, outside of its two known errors: it reads the masks of
// schemes 5, 13 and 14 in the other order, and of scheme 9 the ToS where the interfaces stand.
func TestTsharkReadsOurDatagrams(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 14))
	var payloads [][]byte
	var want []map[string][]string
	for s := nsv8.AS; s.Valid(); s++ {
		h := nsv8.Header{SysUptime: 3_600_000, UnixSecs: 1_700_000_000, FlowSequence: rng.Uint32(), EngineType: 1, EngineID: 7, Scheme: s}
		w := map[string][]string{"cflow.version": {"8"}, "cflow.count": {fmt.Sprint(s.MaxRecords())}, "cflow.sequence": {fmt.Sprint(h.FlowSequence)}, "cflow.aggmethod": {fmt.Sprint(uint8(s))}}
		has := func(schemes ...nsv8.Scheme) bool { return slices.Contains(schemes, s) }
		catalyst := has(nsv8.DestinationOnly, nsv8.SourceDestination, nsv8.FullFlow)
		var records []nsv8.Record
		for range s.MaxRecords() {
			r := nsv8.Record{
				Flows: rng.Uint32(), Packets: rng.Uint32(), Octets: rng.Uint32(), First: 1000, Last: 2000, Src: rng.Uint32(), Dst: rng.Uint32(), SrcMask: 24, DstMask: 24,
				SrcAS: uint16(rng.Uint32()), DstAS: uint16(rng.Uint32()), Input: uint16(rng.Uint32()), Output: uint16(rng.Uint32()),
				SrcPort: uint16(rng.Uint32()), DstPort: uint16(rng.Uint32()), Protocol: 6, TOS: uint8(rng.Uint32()),
			}
			records = append(records, r)
			see := func(seen bool, name string, v any) {
				if seen {
					w["cflow."+name] = append(w["cflow."+name], fmt.Sprint(v))
				}
			}
			see(true, "packets", r.Packets)
			see(true, "octets", r.Octets)
			see(!catalyst, "flows", r.Flows)
			see(has(nsv8.AS, nsv8.ASTOS, nsv8.SourcePrefix, nsv8.SourcePrefixTOS, nsv8.Prefix, nsv8.PrefixTOS), "srcas", r.SrcAS)
			see(has(nsv8.AS, nsv8.ASTOS, nsv8.DestinationPrefix, nsv8.DestinationPrefixTOS, nsv8.Prefix, nsv8.PrefixTOS), "dstas", r.DstAS)
			see(has(nsv8.ProtocolPort, nsv8.ProtocolPortTOS, nsv8.PrefixPort, nsv8.FullFlow), "srcport", r.SrcPort)
			see(has(nsv8.ProtocolPort, nsv8.ProtocolPortTOS, nsv8.PrefixPort, nsv8.FullFlow), "dstport", r.DstPort)
			see(has(nsv8.AS, nsv8.ProtocolPortTOS, nsv8.SourcePrefix, nsv8.SourcePrefixTOS, nsv8.Prefix, nsv8.PrefixTOS, nsv8.PrefixPort, nsv8.SourceDestination, nsv8.FullFlow), "inputint", r.Input)
			see(has(nsv8.AS, nsv8.ProtocolPortTOS, nsv8.DestinationPrefix, nsv8.DestinationPrefixTOS, nsv8.Prefix, nsv8.PrefixTOS, nsv8.PrefixPort, nsv8.DestinationOnly, nsv8.SourceDestination, nsv8.FullFlow), "outputint", r.Output)
			see(has(nsv8.ProtocolPort, nsv8.ProtocolPortTOS, nsv8.PrefixPort, nsv8.FullFlow), "protocol", r.Protocol)
		}
		if s == nsv8.ASTOS {
			w["cflow.inputint"], w["cflow.outputint"] = nil, nil
		}
		b, err := nsv8.AppendDatagram(nil, &h, records)
		if err != nil {
			t.Fatal(err)
		}
		payloads, want = append(payloads, b), append(want, w)
	}
	fields := []string{
		"cflow.version", "cflow.count", "cflow.sequence", "cflow.aggmethod", "cflow.packets", "cflow.octets", "cflow.flows", "cflow.srcas", "cflow.dstas",
		"cflow.srcport", "cflow.dstport", "cflow.inputint", "cflow.outputint", "cflow.protocol",
	}
	got := wiretest.Tshark(t, payloads, fields...)
	for i := range want {
		if _, wrong := want[i]["cflow.inputint"]; wrong && want[i]["cflow.inputint"] == nil { // tshark's error in scheme 9
			delete(want[i], "cflow.inputint")
			delete(want[i], "cflow.outputint")
			delete(got[i], "cflow.inputint")
			delete(got[i], "cflow.outputint")
		}
		if diff := cmp.Diff(want[i], got[i]); diff != "" {
			t.Errorf("scheme %d as tshark sees it (-want +got):\n%s", i+1, diff)
		}
	}
}
