package exporter_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"netstream/schemas/wire/ipfix"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter"
)

// shown is how tshark calls a field, and how it shows a value of it.
type shown struct {
	name string
	as   func(b []byte) string
}

func number(b []byte) string {
	v, _ := nsv9.Uint(b)
	return strconv.FormatUint(v, 10)
}

func hexadecimal(b []byte) string {
	v, _ := nsv9.Uint(b)
	return fmt.Sprintf("0x%02x", v)
}

func address(b []byte) string {
	a, _ := netip.AddrFromSlice(b)
	return a.String()
}

func mac(b []byte) string { return net.HardwareAddr(b).String() }

func uptime(b []byte) string {
	v := binary.BigEndian.Uint32(b)
	return fmt.Sprintf("%d.%03d000000", v/1000, v%1000)
}

func moment(b []byte) string {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b))).UTC().Format("Jan _2, 2006 15:04:05.000000000 UTC")
}

// inTshark are the fields that we send, but for labels, which tshark shows as text, and selectors, which options have too.
var inTshark = map[nsv9.FieldType]shown{
	nsv9.InBytes: {"octets", number}, nsv9.InPkts: {"packets", number}, nsv9.Flows: {"flows", number},
	nsv9.Protocol: {"protocol", number}, nsv9.SrcTOS: {"tos", hexadecimal}, nsv9.TCPFlags: {"tcpflags", hexadecimal},
	nsv9.L4SrcPort: {"srcport", number}, nsv9.L4DstPort: {"dstport", number}, nsv9.IPv4SrcAddr: {"srcaddr", address}, nsv9.IPv4DstAddr: {"dstaddr", address},
	nsv9.SrcMask: {"srcmask", number}, nsv9.DstMask: {"dstmask", number}, nsv9.InputSNMP: {"inputint", number}, nsv9.OutputSNMP: {"outputint", number},
	nsv9.IPv4NextHop: {"nexthop", address}, nsv9.SrcAS: {"srcas", number}, nsv9.DstAS: {"dstas", number}, nsv9.BGPIPv4NextHop: {"bgpnexthop", address},
	nsv9.FirstSwitched: {"timestart", uptime}, nsv9.LastSwitched: {"timeend", uptime}, nsv9.IPv6SrcAddr: {"srcaddrv6", address}, nsv9.IPv6DstAddr: {"dstaddrv6", address},
	nsv9.IPv6SrcMask: {"srcmaskv6", number}, nsv9.IPv6DstMask: {"dstmaskv6", number}, nsv9.IPv6FlowLabel: {"ipv6flowlabel", number},
	nsv9.IPv4SrcPrefix: {"srcprefix", address}, nsv9.IPv4DstPrefix: {"dstprefix", address}, nsv9.MPLSTopLabelType: {"toplabeltype", number}, nsv9.MPLSTopLabelIPAddr: {"toplabeladdr", address},
	nsv9.InSrcMAC: {"srcmac", mac}, nsv9.InDstMAC: {"dstmac", mac}, nsv9.SrcVLAN: {"vlanid", number}, nsv9.IPProtocolVersion: {"ip_version", number}, nsv9.Direction: {"direction", number},
	nsv9.IPv6NextHop: {"nexthopv6", address}, nsv9.BGPIPv6NextHop: {"bgpnexthopv6", address}, nsv9.SrcIPv6Prefix: {"srcnetv6", address}, nsv9.DstIPv6Prefix: {"dstnetv6", address},
	nsv9.FlowEndReason: {"flow_end_reason", number}, nsv9.FlowID: {"flow_id", number}, nsv9.FlowStartMilliseconds: {"abstimestart", moment}, nsv9.FlowEndMilliseconds: {"abstimeend", moment},
	nsv9.IngressVRFID: {"ingress_vrfid", number}, nsv9.EthernetType: {"ethernet_type", number}, nsv9.IPTTL: {"ip_ttl", number},
	nsv9.MinPktLength: {"length_min", number}, nsv9.MaxPktLength: {"length_max", number}, nsv9.MinTTL: {"ttl_min", number}, nsv9.MaxTTL: {"ttl_max", number},
	nsv9.FlowSamplerID: {"sampler_id", number}, nsv9.ForwardingStatus: {"forwarding_status", number},
}

// dataRecords calls each for every record of data, options left out, with its layout.
func dataRecords(t *testing.T, b []byte, layouts map[uint16]*nsv9.Layout, each func(*nsv9.Layout, []byte)) {
	t.Helper()
	data := func(id uint16, body []byte) {
		l := layouts[id]
		if l == nil || l.Options() {
			return
		}
		for records := l.Records(body); records.Next(); {
			each(l, records.Record())
		}
	}
	if binary.BigEndian.Uint16(b) == 9 {
		_, sets, err := nsv9.Open(b)
		if err != nil {
			t.Fatal(err)
		}
		for sets.Next() {
			set := sets.Set()
			var template nsv9.Template
			for in := set.Templates(); set.Kind() == nsv9.Templates && in.Next(&template); {
				if layouts[template.ID], err = nsv9.Compile(&template); err != nil {
					t.Fatal(err)
				}
			}
			if set.Kind() == nsv9.Data {
				data(set.ID, set.Body)
			}
		}
		return
	}
	_, sets, err := ipfix.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	for sets.Next() {
		set := sets.Set()
		var template ipfix.Template
		for in := set.Templates(); set.Kind() == ipfix.Templates && in.Next(&template); {
			if layouts[template.ID], err = template.Compile(); err != nil {
				t.Fatal(err)
			}
		}
		if set.Kind() == ipfix.Data {
			data(set.ID, set.Body)
		}
	}
}

// TestTsharkReadsEveryField lets tshark read datagrams of flows of all kinds and of aggregates of all modes: it shows every field with the
// value that is in the bytes there. That these are the flows' is what other tests check with our own decoder.
func TestTsharkReadsEveryField(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed: nothing to compare with")
	}
	const kinds = " labels=mpls:interface,mpls_label_1,mpls_label_2,mpls_label_3 web=flexible:dst_port,vlan;src_mac,ttl,extremes v=vpn any=flexible:ethertype,src_mac,dst_mac;src_addr,protocol,tos"
	for _, format := range []exporter.Format{exporter.V9, exporter.IPFIX} {
		for _, what := range []string{"flows", "aggregates"} {
			t.Run(string(format)+" "+what, func(t *testing.T) {
				l, c, rnd := open(t), listen(t), newFlows(21)
				flows := rnd.mixed(400)
				for i := range uint8(4) {
					flows = append(flows, of(monitorL2+1+i, rnd.layer2(20))...)
				}
				l.publishOf(t, 0, definitions+kinds, flows)
				l.end(t)
				d := exporter.Destination{Format: format, Monitors: []string{"ipv4", "ipv6", "l2", "labels", "web", "v", "any"}}
				if what == "aggregates" {
					d.Monitors = nil
					for mode := range modes {
						d.Aggregations = append(d.Aggregations, mode)
					}
				}
				s := l.export(t, exporter.Config{
					Name: "e", Aggregations: aggregations(0), Checkpoint: time.Hour, Destinations: []exporter.Destination{c.destination(d)},
				})
				compareWithTshark(t, c.receive(t, s))
			})
		}
	}
}

func compareWithTshark(t *testing.T, datagrams [][]byte) {
	t.Helper()
	var names []string
	for _, s := range inTshark {
		names = append(names, s.name)
	}
	slices.Sort(names)
	var fields []string
	for _, n := range names {
		fields = append(fields, "cflow."+n)
	}
	layouts := map[uint16]*nsv9.Layout{}
	values, seen := 0, map[string]bool{}
	for i, got := range dissect(t, datagrams, fields...) {
		want := map[string][]string{}
		dataRecords(t, datagrams[i], layouts, func(l *nsv9.Layout, record []byte) {
			template := l.Template()
			for j, f := range template.Fields {
				if s, ok := inTshark[f.Type]; ok {
					want[s.name] = append(want[s.name], s.as(l.Field(record, j)))
					values++
				} else if f.Type < nsv9.MPLSLabel1 || f.Type > nsv9.MPLSLabel1+9 {
					t.Fatalf("field %v isn't looked at", f.Type)
				}
			}
		})
		for n, name := range names {
			if len(want[name]) > 0 {
				seen[name] = true
			}
			var shown []string
			if got[n] != "" {
				shown = strings.Split(got[n], "|")
			}
			if !slices.Equal(shown, want[name]) {
				t.Fatalf("datagram %d: tshark shows cflow.%s as\n%v\nwant\n%v", i, name, shown, want[name])
			}
		}
	}
	t.Logf("%d values of %d fields in %d datagrams", values, len(seen), len(datagrams))
}
