package nsv5_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv5"
)

// Golden datagrams read as their description says and are written again byte for byte.
func TestVectors(t *testing.T) {
	for _, v := range wiretest.Vectors(t, "v5_") {
		t.Run(v.Name, func(t *testing.T) {
			h, records, surplus, err := nsv5.Append(nil, v.Bytes)
			if err != nil || surplus != 0 {
				t.Fatalf("surplus %d, error %v", surplus, err)
			}
			want := make(map[string]string)
			for _, f := range v.Fields {
				if !strings.Contains(f.Name, ".pad") {
					want[f.Name] = strings.Trim(string(f.Value), `"`)
				}
			}
			if diff := cmp.Diff(want, describe(h, records)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			dirty := []byte(strings.Repeat("\xff", 4+nsv5.MaxLen)) // paddings must be written too
			again, err := nsv5.AppendDatagram(dirty[:4], &h, records)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.Bytes, again[4:]); diff != "" {
				t.Errorf("written again (-want +got):\n%s", diff)
			}
			if string(again[:4]) != "\xff\xff\xff\xff" {
				t.Errorf("bytes before the datagram changed: %x", again[:4])
			}
		})
	}
}

// describe names every field as the vectors do.
func describe(h nsv5.Header, records []nsv5.Record) map[string]string {
	m := make(map[string]string)
	put := func(name string, v any) { m[name] = fmt.Sprint(v) }
	put("header.version", 5)
	put("header.count", h.Count)
	put("header.sys_uptime_ms", h.SysUptime)
	put("header.unix_secs", h.UnixSecs)
	put("header.unix_nsecs", h.UnixNsecs)
	put("header.flow_sequence", h.FlowSequence)
	put("header.engine_type", h.EngineType)
	put("header.engine_id", h.EngineID)
	put("header.sampling", uint16(h.Sampling))
	for i, r := range records {
		at := fmt.Sprintf("record[%d].", i)
		put(at+"srcaddr", addr(r.SrcAddr))
		put(at+"dstaddr", addr(r.DstAddr))
		put(at+"nexthop", addr(r.NextHop))
		put(at+"input_if", r.Input)
		put(at+"output_if", r.Output)
		put(at+"packets", r.Packets)
		put(at+"octets", r.Octets)
		put(at+"first_ms", r.First)
		put(at+"last_ms", r.Last)
		put(at+"srcport", r.SrcPort)
		put(at+"dstport", r.DstPort)
		put(at+"tcp_flags", r.TCPFlags)
		put(at+"protocol", r.Protocol)
		put(at+"tos", r.TOS)
		put(at+"src_as", r.SrcAS)
		put(at+"dst_as", r.DstAS)
		put(at+"src_mask", r.SrcMask)
		put(at+"dst_mask", r.DstMask)
	}
	return m
}

func addr(a uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
}
