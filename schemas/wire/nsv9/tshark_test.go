package nsv9_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv9"
)

// tshark reads what we write: nothing malformed, and the same values. The first datagram has the templates and options,
// the others are full of records.
func TestTsharkReadsOurDatagrams(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 256))
	want := []seen{{}}
	payloads := [][]byte{introduction(t)}
	for seq := uint32(8); seq < 28; seq++ { // behind the introduction
		b, w := fullDatagram(t, rng, seq, seq%2 == 0)
		payloads, want = append(payloads, b), append(want, w)
	}
	fields := []string{"cflow.template_id"}
	for _, w := range want[1:3] {
		for name := range w {
			fields = append(fields, name)
		}
	}
	got := wiretest.Tshark(t, payloads, fields...)
	if diff := cmp.Diff([]string{"256", "257", "260", "261"}, got[0]["cflow.template_id"]); diff != "" {
		t.Errorf("templates (-want +got):\n%s", diff)
	}
	for i := 1; i < len(got); i++ {
		if diff := cmp.Diff(map[string][]string(want[i]), got[i]); diff != "" {
			t.Errorf("datagram %d as tshark sees it (-want +got):\n%s", i, diff)
		}
	}
}

// tshark reads the options we write.
func TestTsharkReadsOurOptions(t *testing.T) {
	want := map[string][]string{
		"cflow.sampler_id": {"1"}, "cflow.sampler_mode": {"2"}, "cflow.sampler_random_interval": {"1000"}, "cflow.sampler_name": {"edge-1-in"},
		"cflow.if_name": {"GE0/1/0", "GE0/1/2"}, "cflow.if_descr": {"uplink to core-1", "customer A"}, "cflow.scope_interface": {"3", "5"},
		"cflow.count": {"7"},
	}
	var fields []string
	for name := range want {
		fields = append(fields, name)
	}
	if diff := cmp.Diff(want, wiretest.Tshark(t, [][]byte{introduction(t)}, fields...)[0]); diff != "" {
		t.Errorf("options as tshark sees them (-want +got):\n%s", diff)
	}
}

// introduction is the datagram an exporter starts with.
func introduction(t *testing.T) []byte {
	t.Helper()
	e := begin(t, 1472)
	ipv4, ipv6, sampler, iface := nsv9.IPv4Template(), nsv9.IPv6Template(), nsv9.SamplerTemplate(), nsv9.InterfaceTemplate()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(e.Templates(&ipv4, &ipv6))
	must(e.Templates(&sampler, &iface))
	must(e.OpenData(nsv9.SamplerTemplateID, nsv9.SamplerRecordLen))
	(&nsv9.Sampler{System: 0xc0000201, ID: 1, Mode: nsv9.SamplerRandom, Interval: 1000, Name: "edge-1-in"}).Put((*[nsv9.SamplerRecordLen]byte)(e.Next()))
	must(e.OpenData(nsv9.InterfaceTemplateID, nsv9.InterfaceRecordLen))
	for _, i := range []nsv9.Interface{{3, "GE0/1/0", "uplink to core-1"}, {5, "GE0/1/2", "customer A"}} {
		i.Put((*[nsv9.InterfaceRecordLen]byte)(e.Next()))
	}
	return e.Finish()
}

// seen is what tshark shows of a datagram: field name to values, in order of the records.
type seen map[string][]string

func fullDatagram(t *testing.T, rng *rand.Rand, seq uint32, ipv6 bool) ([]byte, seen) {
	t.Helper()
	var e nsv9.Encoder
	h := nsv9.Header{SysUptime: 3_600_000, UnixSecs: 1_700_000_000, Sequence: seq, SourceID: 9}
	if err := e.Begin(nil, 1472, &h); err != nil {
		t.Fatal(err)
	}
	id, length, suffix := uint16(nsv9.IPv4TemplateID), nsv9.IPv4RecordLen, ""
	if ipv6 {
		id, length, suffix = nsv9.IPv6TemplateID, nsv9.IPv6RecordLen, "v6"
	}
	if err := e.OpenData(id, length); err != nil {
		t.Fatal(err)
	}
	w := seen{}
	for b := e.Next(); b != nil; b = e.Next() {
		r := randomRecord(rng, ipv6)
		if ipv6 {
			nsv9.PutIPv6((*[nsv9.IPv6RecordLen]byte)(b), &r)
		} else {
			nsv9.PutIPv4((*[nsv9.IPv4RecordLen]byte)(b), &r)
		}
		values := map[string]any{
			"srcaddr" + suffix: text(r.SrcAddr), "dstaddr" + suffix: text(r.DstAddr), "nexthop" + suffix: text(r.NextHop), "bgpnexthop" + suffix: text(r.BGPNextHop),
			"packets": r.Packets, "octets": r.Bytes, "inputint": r.InIf, "outputint": r.OutIf, "srcport": r.SrcPort, "dstport": r.DstPort,
			"protocol": r.Protocol, "srcmask" + suffix: r.SrcMask, "dstmask" + suffix: r.DstMask, "direction": r.Direction,
			"timestart": fmt.Sprintf("%d.%03d000000", r.FirstUptime/1000, r.FirstUptime%1000),
			"timeend":   fmt.Sprintf("%d.%03d000000", r.LastUptime/1000, r.LastUptime%1000),
		}
		if !ipv6 {
			values["srcas"], values["dstas"], values["sampler_id"] = r.SrcAS, r.DstAS, r.SamplerID
		}
		for name, v := range values {
			w["cflow."+name] = append(w["cflow."+name], fmt.Sprint(v))
		}
	}
	w["cflow.count"] = []string{fmt.Sprint(e.Count())}
	w["cflow.sequence"] = []string{fmt.Sprint(seq)}
	return e.Finish(), w
}

func randomRecord(rng *rand.Rand, ipv6 bool) nsv9.Record {
	r := nsv9.Record{
		Packets: uint64(rng.Uint32()), Bytes: uint64(rng.Uint32()), InIf: rng.Uint32(), OutIf: rng.Uint32(), SrcAS: rng.Uint32(), DstAS: rng.Uint32(),
		FirstUptime: rng.Uint32N(1 << 31), LastUptime: rng.Uint32N(1 << 31), FlowLabel: rng.Uint32N(1 << 20), SamplerID: uint64(rng.Uint32N(256)),
		SrcPort: uint16(rng.Uint32()), DstPort: uint16(rng.Uint32()), Protocol: 17, SrcMask: uint8(rng.Uint32N(33)), DstMask: uint8(rng.Uint32N(33)), Direction: uint8(rng.Uint32N(2)),
	}
	for _, a := range []*[16]byte{&r.SrcAddr, &r.DstAddr, &r.NextHop, &r.BGPNextHop} {
		*a = nsv9.MappedV4(rng.Uint32())
		if ipv6 {
			binary.BigEndian.PutUint64(a[:], rng.Uint64())
			binary.BigEndian.PutUint64(a[8:], rng.Uint64())
		}
	}
	if ipv6 {
		r.Packets, r.Bytes = rng.Uint64(), rng.Uint64()
	}
	return r
}

func text(a [16]byte) string { return netip.AddrFrom16(a).Unmap().String() }
