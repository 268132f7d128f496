package nsv8_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv8"
)

// Golden datagrams of all schemes read as their description says and are written again byte for byte.
func TestVectors(t *testing.T) {
	seen := map[nsv8.Scheme]bool{}
	for _, v := range wiretest.Vectors(t, "v8_") {
		t.Run(v.Name, func(t *testing.T) {
			h, records, surplus, err := nsv8.Append(nil, v.Bytes, nsv8.DstMaskFirst)
			if err != nil || surplus != 0 {
				t.Fatalf("surplus %d, error %v", surplus, err)
			}
			seen[h.Scheme] = true
			all := describe(h, records)
			want, got := map[string]string{}, map[string]string{}
			for _, f := range v.Fields {
				if !strings.HasSuffix(f.Name, ".pad") && !strings.HasSuffix(f.Name, "].reserved") {
					want[f.Name], got[f.Name] = strings.Trim(string(f.Value), `"`), all[f.Name]
				}
				delete(all, f.Name)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			for name, value := range all {
				if value != "0" && value != "0.0.0.0" {
					t.Errorf("%s is %s, which the scheme doesn't have", name, value)
				}
			}
			dirty := []byte(strings.Repeat("\xff", 4+nsv8.MaxLen)) // paddings must be written too
			again, err := nsv8.AppendDatagram(dirty[:4], &h, records)
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
	for s := nsv8.Scheme(0); s < 20; s++ {
		if s.Valid() != seen[s] {
			t.Errorf("scheme %d, %s: valid %v, with a golden datagram %v", s, s, s.Valid(), seen[s])
		}
	}
}

// describe names every field as the vectors do, those that the scheme doesn't have too.
func describe(h nsv8.Header, records []nsv8.Record) map[string]string {
	m := make(map[string]string)
	put := func(name string, v any) { m[name] = fmt.Sprint(v) }
	put("header.version", 8)
	put("header.count", h.Count)
	put("header.sys_uptime_ms", h.SysUptime)
	put("header.unix_secs", h.UnixSecs)
	put("header.unix_nsecs", h.UnixNsecs)
	put("header.flow_sequence", h.FlowSequence)
	put("header.engine_type", h.EngineType)
	put("header.engine_id", h.EngineID)
	put("header.aggregation", uint8(h.Scheme))
	put("header.agg_version", 2)
	put("header.reserved", h.Reserved)
	catalyst := h.Scheme >= nsv8.DestinationOnly && h.Scheme <= nsv8.FullFlow
	src, dst := "src_prefix", "dst_prefix"
	if catalyst {
		src, dst = "srcaddr", "dstaddr"
	}
	for i, r := range records {
		at := fmt.Sprintf("record[%d].", i)
		put(at+"flows", r.Flows)
		put(at+"packets", r.Packets)
		put(at+"octets", r.Octets)
		put(at+"first_ms", r.First)
		put(at+"last_ms", r.Last)
		put(at+src, addr(r.Src))
		put(at+dst, addr(r.Dst))
		put(at+"src_mask", r.SrcMask)
		put(at+"dst_mask", r.DstMask)
		put(at+"src_as", r.SrcAS)
		put(at+"dst_as", r.DstAS)
		put(at+"input_if", r.Input)
		put(at+"output_if", r.Output)
		put(at+"srcport", r.SrcPort)
		put(at+"dstport", r.DstPort)
		put(at+"protocol", r.Protocol)
		put(at+"tos", r.TOS)
		put(at+"marked_tos", r.MarkedTOS)
		put(at+"extra_packets", r.ExtraPackets)
		put(at+"router_sc", addr(r.Router))
	}
	return m
}

func addr(a uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
}

// TestMasks reads datagrams of exporters that write the source's mask first.
func TestMasks(t *testing.T) {
	for _, v := range wiretest.Vectors(t, "v8_") {
		h, want, _, err := nsv8.Append(nil, v.Bytes, nsv8.DstMaskFirst)
		if err != nil {
			t.Fatal(err)
		}
		_, got, _, err := nsv8.Append(nil, v.Bytes, nsv8.SrcMaskFirst)
		if err != nil {
			t.Fatal(err)
		}
		if h.Scheme == nsv8.Prefix || h.Scheme == nsv8.PrefixTOS || h.Scheme == nsv8.PrefixPort {
			for i := range want {
				want[i].SrcMask, want[i].DstMask = want[i].DstMask, want[i].SrcMask
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", v.Name, diff)
		}
	}
}
