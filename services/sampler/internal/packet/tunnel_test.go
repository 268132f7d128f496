package packet_test

import (
	"encoding/binary"
	"testing"

	"netstream/services/sampler/internal/packet"
)

// Inner packets of the frames below: IPv4 with UDP from port 53 to 8080, IPv6 with TCP from port 80 to 49152.
const (
	inner4 = ip4 + udp
	inner6 = "60000000 0014 0640 " + v6 + tcp
)

// outer4 and outer6 carry a protocol and so many bytes, from fixed addresses.
func outer4(t *testing.T, protocol byte, body []byte) []byte {
	b := frame(t, "4500 0000 0001 0000 40", "00", "0000 c0000201 c0000202")
	b[9] = protocol
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(body)))
	return append(b, body...)
}

func outer6(t *testing.T, protocol byte, body []byte) []byte {
	b := frame(t, "60000000 0000 00 40", "20010db8 00000000 00000000 000000aa 20010db8 00000000 00000000 000000bb")
	b[6] = protocol
	binary.BigEndian.PutUint16(b[4:], uint16(len(body)))
	return append(b, body...)
}

// datagram is a UDP datagram to a port.
func datagram(t *testing.T, port uint16, pieces ...string) []byte {
	body := frame(t, pieces...)
	b := []byte{0x30, 0x39, byte(port >> 8), byte(port), 0, 0, 0, 0}
	binary.BigEndian.PutUint16(b[4:], uint16(8+len(body)))
	return append(b, body...)
}

// tunnels has a frame for each encapsulation, as a raw IP packet or a labelled one, and which inner packet is in it.
func tunnels(t *testing.T) []struct {
	name    string
	link    uint16
	frame   []byte
	through packet.Tunnel
	inner   string
	srv6    bool
} {
	const eth4, eth6 = macs + "0800", macs + "86dd"
	type row = struct {
		name    string
		link    uint16
		frame   []byte
		through packet.Tunnel
		inner   string
		srv6    bool
	}
	raw := func(name string, frame []byte, through packet.Tunnel, inner string, srv6 bool) row {
		return row{name, packet.LinkRaw, frame, through, inner, srv6}
	}
	f := func(pieces ...string) []byte { return frame(t, pieces...) }
	return []row{
		raw("4in4", outer4(t, 4, f(inner4)), packet.IPInIP, inner4, false),
		raw("6in4", outer4(t, 41, f(inner6)), packet.IPInIP, inner6, false),
		raw("4in6", outer6(t, 4, f(inner4)), packet.IPInIP, inner4, true),
		raw("6in6", outer6(t, 41, f(inner6)), packet.IPInIP, inner6, true),
		raw("segment routing, ipv4", outer6(t, 43, f("0402 0400 00000000", v6[:36], inner4)), packet.IPInIP, inner4, true),
		raw("segment routing, ethernet", outer6(t, 43, f("8f02 0400 00000000", v6[:36], eth6, inner6)), packet.EthernetInIP, inner6, true),
		raw("ethernet in ipv6", outer6(t, 143, f(eth4, inner4)), packet.EthernetInIP, inner4, true),
		raw("gre", outer4(t, 47, f("0000 0800", inner4)), packet.GRE, inner4, false),
		raw("gre with checksum, key and sequence", outer4(t, 47, f("b000 86dd 00000000 00000007 00000001", inner6)), packet.GRE, inner6, false),
		raw("gre, ethernet", outer4(t, 47, f("2000 6558 00000001", macs, "8100 0064 0800", inner4)), packet.GRE, inner4, false),
		raw("gre, mpls", outer4(t, 47, f("0000 8847 00010140", inner4)), packet.GRE, inner4, false),
		raw("pptp", outer4(t, 47, f("3081 880b 0024 0001 00000001 00000001 ff03 0021", inner4)), packet.GRE, inner4, false),
		raw("erspan 1", outer4(t, 47, f("0000 88be", eth4, inner4)), packet.ERSPAN, inner4, false),
		raw("erspan 2", outer4(t, 47, f("1000 88be 00000001 10640000 00000000", eth4, inner4)), packet.ERSPAN, inner4, false),
		raw("erspan 3", outer4(t, 47, f("1000 22eb 00000001 20640000 00000000 00000000", eth6, inner6)), packet.ERSPAN, inner6, false),
		raw("erspan 3 with a subheader", outer4(t, 47, f("1000 22eb 00000001 20640000 00000000 00000001 0000000000000000", eth6, inner6)), packet.ERSPAN, inner6, false),
		raw("etherip", outer4(t, 97, f("3000", eth4, inner4)), packet.EtherIP, inner4, false),
		raw("mpls in ip", outer4(t, 137, f("00010140", inner4)), packet.MPLSInIP, inner4, false),
		raw("mpls in udp", outer4(t, 17, datagram(t, 6635, "00010040 00020140", inner6)), packet.MPLSInIP, inner6, false),
		raw("vxlan", outer4(t, 17, datagram(t, 4789, "0800 0000 00000100", eth4, inner4)), packet.VXLAN, inner4, false),
		raw("vxlan over ipv6", outer6(t, 17, datagram(t, 4789, "0800 0000 00000100", eth6, inner6)), packet.VXLAN, inner6, false),
		raw("vxlan gpe", outer4(t, 17, datagram(t, 4790, "0c00 0002 00000100", inner6)), packet.VXLAN, inner6, false),
		raw("geneve with options", outer4(t, 17, datagram(t, 6081, "0200 6558 00000100 0000000000000000", eth4, inner4)), packet.Geneve, inner4, false),
		raw("gtp", outer4(t, 17, datagram(t, 2152, "30ff 001c 00000001", inner4)), packet.GTP, inner4, false),
		raw("gtp with an extension", outer4(t, 17, datagram(t, 2152, "34ff 0024 00000001 00000085 01100100", inner4)), packet.GTP, inner4, false),
		raw("teredo", outer4(t, 17, datagram(t, 3544, inner6)), packet.Teredo, inner6, false),
		raw("teredo with indications", outer4(t, 17, datagram(t, 3544, "0001 0000 0000000000000000 00", "0000 ffff ffffffff", inner6)), packet.Teredo, inner6, false),
		raw("l2tp", outer4(t, 17, datagram(t, 1701, "0002 0001 0001 ff03 0021", inner4)), packet.L2TP, inner4, false),
		raw("vxlan in gre", outer4(t, 47, append(f("0000 0800"), outer4(t, 17, datagram(t, 4789, "0800 0000 00000100", eth6, inner6))...)), packet.VXLAN, inner6, false),
		{"pseudowire with a control word", packet.LinkMPLS, f("00010140 00000000", eth4, inner4), packet.Pseudowire, inner4, false},
		{"pseudowire without", packet.LinkMPLS, f("00010040 00020140", eth6, inner6), packet.Pseudowire, inner6, false},
	}
}

// innerKey is what Innermost and SRv6Inner find.
func tupleOf(t *testing.T, ip string) packet.Tuple {
	var h packet.Header
	if v := packet.Parse(packet.LinkRaw, frame(t, ip), &h); v != packet.OK {
		t.Fatal(v)
	}
	return h.Tuple
}

// TestTunnels opens each, and each cut at every byte: then nothing is found or the inner packet, perhaps cut, or a packet
// further out, never another one.
func TestTunnels(t *testing.T) {
	for _, tc := range tunnels(t) {
		t.Run(tc.name, func(t *testing.T) {
			want := tupleOf(t, tc.inner)
			var h packet.Header
			var got, srv6 packet.Tuple
			packet.Parse(tc.link, tc.frame, &h)
			if through, ok := h.Innermost(tc.frame, &got); !ok || through != tc.through || got != want {
				t.Errorf("%v %v %+v, want %v %+v", ok, through, got, tc.through, want)
			}
			if ok := h.SRv6Inner(tc.frame, &srv6); ok != tc.srv6 || ok && srv6 != want {
				t.Errorf("inside SRv6: %v %+v, want %v", ok, srv6, tc.srv6)
			}
			for n := range tc.frame {
				b := tc.frame[:n:n]
				packet.Parse(tc.link, b, &h)
				var got packet.Tuple
				if _, ok := h.Innermost(b, &got); ok && !cutOf(got, want) && tc.name != "vxlan in gre" {
					t.Fatalf("cut to %d bytes: %+v, want a part of %+v", n, got, want)
				}
				if h.SRv6Inner(b, &got) && !cutOf(got, want) {
					t.Fatalf("cut to %d bytes, inside SRv6: %+v", n, got)
				}
			}
		})
	}
}

// cutOf tells whether a tuple is that of a packet whose end is missing.
func cutOf(got, whole packet.Tuple) bool {
	if got.TCPFlags == 0 {
		whole.TCPFlags = 0
	}
	if got.Cut {
		whole.Cut, whole.SrcPort, whole.DstPort = true, 0, 0
	}
	return got == whole
}

// TestNotATunnel leaves closed what only has the port of one.
func TestNotATunnel(t *testing.T) {
	for name, b := range map[string][]byte{
		"vxlan without its flag": outer4(t, 17, datagram(t, 4789, "0000 0000 00000100", macs, "0800", inner4)),
		"geneve of version 1":    outer4(t, 17, datagram(t, 6081, "4000 0800 00000100", inner4)),
		"gtp echo":               outer4(t, 17, datagram(t, 2152, "3201 0004 00000000 00010000")),
		"teredo that is longer":  outer4(t, 17, datagram(t, 3544, inner6, "00")),
		"l2tp control":           outer4(t, 17, datagram(t, 1701, "c802 0020 0001 0000 0000 0000", inner4)),
		"gre with routing":       outer4(t, 47, frame(t, "4000 0800 00000000 00000000", inner4)),
		"gre of version 2":       outer4(t, 47, frame(t, "0002 0800", inner4)),
		"erspan 2 of version 3":  outer4(t, 47, frame(t, "1000 88be 00000001 30640000 00000000", macs, "0800", inner4)),
		"later fragment":         frame(t, "4500 0030 0001 2001 4004 0000 c0000201 c0000202", inner4),
		"tcp":                    outer4(t, 6, frame(t, tcp)),
	} {
		var h packet.Header
		var got packet.Tuple
		packet.Parse(packet.LinkRaw, b, &h)
		if through, ok := h.Innermost(b, &got); ok || got != (packet.Tuple{}) {
			t.Errorf("%s: %v %+v", name, through, got)
		}
	}
}

func BenchmarkInnermost(b *testing.B) {
	for _, tc := range tunnels(&testing.T{}) {
		if tc.name != "vxlan" && tc.name != "gre" {
			continue
		}
		b.Run(tc.name, func(b *testing.B) {
			var h packet.Header
			var t packet.Tuple
			packet.Parse(tc.link, tc.frame, &h)
			b.ReportAllocs()
			for b.Loop() {
				h.Innermost(tc.frame, &t)
			}
		})
	}
}
