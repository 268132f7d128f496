package nsv5_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv5"
)

// tshark reads what we write: nothing malformed, and the same values.
func TestTsharkReadsOurDatagrams(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 30))
	var payloads [][]byte
	var want []map[string][]string
	for n := 1; n <= nsv5.MaxRecords; n++ {
		sampling, _ := nsv5.NewSampling(nsv5.SamplingRandom, 1000)
		h := nsv5.Header{SysUptime: 3_600_000, UnixSecs: 1_700_000_000, UnixNsecs: 123_456_789, FlowSequence: rng.Uint32(), EngineType: 1, EngineID: 7, Sampling: sampling}
		w := map[string][]string{"cflow.version": {"5"}, "cflow.count": {fmt.Sprint(n)}, "cflow.sequence": {fmt.Sprint(h.FlowSequence)}}
		records := make([]nsv5.Record, n)
		for i := range records {
			r := nsv5.Record{
				SrcAddr: rng.Uint32(), DstAddr: rng.Uint32(), NextHop: rng.Uint32(), Input: uint16(rng.Uint32()), Output: uint16(rng.Uint32()),
				Packets: rng.Uint32(), Octets: rng.Uint32(), First: 1000, Last: 2000, SrcPort: uint16(rng.Uint32()), DstPort: uint16(rng.Uint32()),
				TCPFlags: 0x1b, Protocol: 6, TOS: 0xb8, SrcMask: 24, DstMask: 20, SrcAS: uint16(rng.Uint32()), DstAS: uint16(rng.Uint32()),
			}
			records[i] = r
			for name, v := range map[string]any{
				"srcaddr": addr(r.SrcAddr), "dstaddr": addr(r.DstAddr), "nexthop": addr(r.NextHop), "inputint": r.Input, "outputint": r.Output,
				"packets": r.Packets, "octets": r.Octets, "srcport": r.SrcPort, "dstport": r.DstPort, "protocol": r.Protocol,
				"srcas": r.SrcAS, "dstas": r.DstAS, "srcmask": r.SrcMask, "dstmask": r.DstMask,
			} {
				w["cflow."+name] = append(w["cflow."+name], fmt.Sprint(v))
			}
		}
		b, err := nsv5.AppendDatagram(nil, &h, records)
		if err != nil {
			t.Fatal(err)
		}
		payloads, want = append(payloads, b), append(want, w)
	}
	fields := make([]string, 0, len(want[0]))
	for name := range want[0] {
		fields = append(fields, name)
	}
	if diff := cmp.Diff(want, wiretest.Tshark(t, payloads, fields...)); diff != "" {
		t.Errorf("tshark sees (-want +got):\n%s", diff)
	}
}
