package monitor_test

import (
	"slices"
	"strings"
	"testing"

	"netstream/schemas/collect"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/schemas/update"
)

const (
	e  = monitor.Ethernet
	l  = monitor.Labels
	v4 = monitor.OuterIPv4 | monitor.IP
	v6 = monitor.OuterIPv6 | monitor.IP
	ip = monitor.IP
	vr = monitor.InVRF
	sr = monitor.SRv6
	tu = monitor.Tunnelled
)

// packets are the layers of some packets, by what they are.
var packets = map[string]monitor.Layers{
	"raw ipv4": v4, "ipv4": e | v4, "ipv6": e | v6, "arp": e, "pseudowire": e | l, "labelled ipv4": e | l | v4, "labelled ipv6": e | l | v6,
	"ipv4 in a vrf": e | v4 | vr, "labelled in a vrf": e | l | vr, "srv6": e | v6 | sr, "tunnel": e | v4 | tu, "nothing": 0,
}

// TestWhatAMonitorTakes says for each kind, and for flexible monitors by what they match, which layers it asks for, which
// packets it takes and what it counts as their bytes.
func TestWhatAMonitorTakes(t *testing.T) {
	all := "raw ipv4, ipv4, ipv6, arp, pseudowire, labelled ipv4, labelled ipv6, ipv4 in a vrf, labelled in a vrf, srv6, tunnel, nothing"
	anyIP := "raw ipv4, ipv4, ipv6, labelled ipv4, labelled ipv6, ipv4 in a vrf, srv6, tunnel"
	framed := "ipv4, ipv6, arp, pseudowire, labelled ipv4, labelled ipv6, ipv4 in a vrf, labelled in a vrf, srv6, tunnel"
	flexible := func(match ...string) monitor.Definition { return of(monitor.Flexible, fields(match...)) }
	for _, c := range []struct {
		name  string
		d     monitor.Definition
		asks  monitor.Layers
		takes string
		bytes monitor.Measure
		tuple bool
	}{
		{"ipv4", monitor.New("m", monitor.IPv4), monitor.OuterIPv4, "raw ipv4, ipv4, labelled ipv4, ipv4 in a vrf, tunnel", monitor.Layer3, true},
		{"ipv6", monitor.New("m", monitor.IPv6), monitor.OuterIPv6, "ipv6, labelled ipv6, srv6", monitor.Layer3, true},
		{"layer2", monitor.New("m", monitor.Layer2), e, framed, monitor.FrameBytes, false},
		{"mpls labels", of(monitor.MPLS, monitor.LabelOnly), l, "pseudowire, labelled ipv4, labelled ipv6, labelled in a vrf", monitor.Layer3, false},
		{"mpls ip", of(monitor.MPLS, monitor.IPOnly), l | ip, "labelled ipv4, labelled ipv6", monitor.Layer3, true},
		{"mpls both", of(monitor.MPLS, monitor.LabelAndIP), l, "pseudowire, labelled ipv4, labelled ipv6, labelled in a vrf", monitor.Layer3, true},
		{"vpn", monitor.New("m", monitor.VPN), ip | vr, "ipv4 in a vrf", monitor.Layer3, true},
		{"srv6-inner", monitor.New("m", monitor.SRv6Inner), sr, "srv6", monitor.SRv6Bytes, true},
		{"tunnel-inner", monitor.New("m", monitor.TunnelInner), tu, "tunnel", monitor.InnerBytes, true},

		{"a port", flexible("dst_port"), ip, anyIP, monitor.Layer3, false},
		{"the 5-tuple", flexible("src_addr", "dst_addr", "src_port", "dst_port", "protocol"), ip, anyIP, monitor.Layer3, true},
		{"dscp", flexible("dscp"), ip, anyIP, monitor.Layer3, false},
		{"ttl and a MAC address", flexible("ttl", "src_mac"), e | ip, "ipv4, ipv6, labelled ipv4, labelled ipv6, ipv4 in a vrf, srv6, tunnel", monitor.Layer3, false},
		{"a MAC address", flexible("dst_mac"), e, framed, monitor.FrameBytes, false},
		{"ethertype and vlan", flexible("ethertype", "vlan"), e, framed, monitor.FrameBytes, false},
		{"vlan", flexible("vlan"), 0, all, monitor.FrameBytes, false},
		{"interface", flexible("interface"), 0, all, monitor.FrameBytes, false},
		{"a label", flexible("mpls_label_1"), l, "pseudowire, labelled ipv4, labelled ipv6, labelled in a vrf", monitor.Layer3, false},
		{"the tenth label and vlan", flexible("mpls_label_10", "vlan"), l, "pseudowire, labelled ipv4, labelled ipv6, labelled in a vrf", monitor.Layer3, false},
		{"a label and a port", flexible("mpls_label_1", "src_port"), ip, anyIP, monitor.Layer3, false},
		{"a label and a MAC address", flexible("mpls_label_1", "src_mac"), e, framed, monitor.FrameBytes, false},
		{"vrf", flexible("vrf"), vr, "ipv4 in a vrf, labelled in a vrf", monitor.FrameBytes, false},
		{"vrf and address", flexible("vrf", "src_addr"), ip | vr, "ipv4 in a vrf", monitor.Layer3, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.d.Asks(); got != c.asks {
				t.Errorf("asks for %08b, want %08b", got, c.asks)
			}
			takes := strings.Split(c.takes, ", ")
			for packet, layers := range packets {
				if got, want := c.d.Takes(layers), slices.Contains(takes, packet); got != want {
					t.Errorf("takes %s: %v, want %v", packet, got, want)
				}
			}
			for _, packet := range takes {
				if _, ok := packets[packet]; !ok {
					t.Errorf("the test has no packet %s", packet)
				}
			}
			if got := c.d.Counts(); got != c.bytes {
				t.Errorf("counts measure %d, want %d", got, c.bytes)
			}
			if got := c.d.HasTuple(); got != c.tuple {
				t.Errorf("has the 5-tuple: %v, want %v", got, c.tuple)
			}
		})
	}
}

func TestReads(t *testing.T) {
	for _, c := range []struct {
		text, reads string
		collects    bool
	}{
		{"m=ipv4", strings.ReplaceAll(tuple4, ",", " "), false},
		{"m=flexible:vlan", "vlan", false},
		{"m=flexible:vlan;src_mac", "src_mac vlan", true},
		{"m=flexible:vlan;extremes", "ttl vlan", true},
		{"m=flexible:dscp", "tos dscp", false},
		{"m=flexible:vlan;dscp,extremes", "tos dscp ttl vlan", true},
	} {
		d, err := monitor.Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(d.Reads().Names(), " "); got != c.reads || d.Collects() != c.collects {
			t.Errorf("%s reads %s, want %s; collects %v", c.text, got, c.reads, d.Collects())
		}
	}
}

// TestRowBytesHold fills every column that updates of a monitor can have: no row may be larger than announced.
func TestRowBytesHold(t *testing.T) {
	full := func(k *key.Wide, s key.Fields) {
		k.Src[0], k.Dst[0], k.SrcMAC, k.DstMAC, k.Interface, k.FlowLabel, k.VRF = 1, 1, 1, 1, 1, 1, 1
		k.SrcPort, k.DstPort, k.VLAN, k.InnerVLAN, k.EtherType = 1, 1, 1, 1, 1
		k.Protocol, k.TOS, k.TTL, k.TCPFlags, k.Version, k.Direction = 1, 4, 1, 1, 4, 1
		for i := range k.Label {
			k.Label[i] = 1
		}
		*k = s.Only(k)
	}
	var k key.Wide
	full(&k, ^key.Fields(0))
	u4 := update.Row[key.IPv4]{Key: key.IPv4{Direction: 1}, Window: 1e9}
	u6 := update.Row[key.IPv6]{Key: key.IPv6{Direction: 1}, Window: 1e9}
	w := update.Row[key.Wide]{Key: k, Window: 1e9}
	v4, v6, plain, collecting := update.NewIPv4(), update.NewIPv6(), update.NewWide(), update.NewWide()
	v4.Append(&u4, true)
	v6.Append(&u6, true)
	plain.Append(&w, true)
	values := collect.Packet(k, 1, 40, 64)
	w.Values = &values
	collecting.Append(&w, true)
	for _, c := range []struct {
		d    monitor.Definition
		size int
	}{
		{monitor.New("m", monitor.IPv4), v4.RowBytes()},
		{monitor.New("m", monitor.IPv6), v6.RowBytes()},
		{of(monitor.Flexible, ^key.Fields(0)), plain.RowBytes()},
		{monitor.Definition{Name: "m", Kind: monitor.Flexible, Match: 1, Collect: 2}, collecting.RowBytes()},
	} {
		if c.size > c.d.RowBytes() || c.size < c.d.RowBytes()*3/4 {
			t.Errorf("%s: %d bytes a row at the most, RowBytes says %d", c.d.Kind, c.size, c.d.RowBytes())
		}
	}
}

func TestMessageRows(t *testing.T) {
	one, two := monitor.MessageRows(monitor.Default()[:1]), monitor.MessageRows(monitor.Default())
	if one*111 > monitor.MessageBytes || two*251 > monitor.MessageBytes || two >= one || two < 100_000 {
		t.Errorf("%d rows for one monitor, %d for two", one, two)
	}
	if n := monitor.MessageRows(make([]monitor.Definition, 255)); n < 1 {
		t.Errorf("%d rows for very many monitors", n)
	}
}
