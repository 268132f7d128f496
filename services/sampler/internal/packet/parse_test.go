package packet_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netstream/services/sampler/internal/packet"
)

// frame joins hexadecimal pieces; spaces are for the reader.
func frame(t *testing.T, pieces ...string) []byte {
	t.Helper()
	var out []byte
	digits := strings.ReplaceAll(strings.Join(pieces, ""), " ", "")
	for i := 0; i+1 < len(digits); i += 2 {
		var b byte
		for _, c := range digits[i : i+2] {
			b = b<<4 | byte(strings.IndexRune("0123456789abcdef", c))
		}
		out = append(out, b)
	}
	return out
}

// Pieces of frames.
const (
	macs = "020000000001 020000000002 "
	ip4  = "4510 001c 0001 0000 4011 0000 0a000001 0a000002 " // 28 bytes, UDP, ToS 0x10
	udp  = "0035 1f90 0008 0000 "
	tcp  = "0050 c000 00000001 00000002 5012 ffff 0000 0000 " // SYN and ACK
	v6   = "20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002 "
)

// Parts of the expected headers.
func ip4Header(h packet.Header) packet.Header {
	h.Kind, h.TOS, h.Protocol, h.Src4, h.Dst4 = packet.IPv4, 0x10, 17, 0x0a000001, 0x0a000002
	h.SrcPort, h.DstPort, h.Bytes, h.TTL = 53, 8080, 28, 64
	return h
}

func ethHeader(et uint16, h packet.Header) packet.Header {
	h.Ethernet, h.EtherType = true, et
	h.DstMAC, h.SrcMAC = [6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 0, 0, 0, 0, 2}
	return h
}

func ip6Header(protocol uint8, h packet.Header) packet.Header {
	h.Kind, h.Protocol, h.TTL = packet.IPv6, protocol, 64
	h.Src6 = [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1}
	h.Dst6 = [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 2}
	return h
}

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		name    string
		link    uint16
		frame   []byte
		verdict packet.Verdict
		want    packet.Header
	}{
		{"ethernet", packet.LinkEthernet, frame(t, macs, "0800", ip4, udp), packet.OK, ethHeader(0x800, ip4Header(packet.Header{}))},
		{"four tag types", packet.LinkEthernet, frame(t, macs, "8100 e064 88a8 0002 9100 0003 9200 0004 0800", ip4, udp),
			packet.OK, ethHeader(0x800, ip4Header(packet.Header{VLANs: 4, VLAN: 100, InnerVLAN: 2}))},
		{"priority tag", packet.LinkEthernet, frame(t, macs, "8100 e000 0800", ip4, udp),
			packet.OK, ethHeader(0x800, ip4Header(packet.Header{VLANs: 1}))},
		{"tag cut", packet.LinkEthernet, frame(t, macs, "8100 0064 8100 00"), packet.Short, ethHeader(0x8100, packet.Header{VLANs: 1, VLAN: 100})},
		{"snap", packet.LinkEthernet, frame(t, macs, "0024 aaaa03 000000 0800", ip4, udp), packet.OK, ethHeader(0x24, ip4Header(packet.Header{}))},
		{"snap of another organisation", packet.LinkEthernet, frame(t, macs, "0024 aaaa03 00000c 2000 00"), packet.NotIP, ethHeader(0x24, packet.Header{})},
		{"spanning tree", packet.LinkEthernet, frame(t, macs, "0026 424203 0000"), packet.NotIP, ethHeader(0x26, packet.Header{})},
		{"arp", packet.LinkEthernet, frame(t, macs, "0806 0001"), packet.NotIP, ethHeader(0x806, packet.Header{})},
		{"unknown protocol", packet.LinkEthernet, frame(t, macs, "88b5 0001"), packet.UnknownEtherType, ethHeader(0x88b5, packet.Header{})},
		{"no header", packet.LinkEthernet, frame(t, macs, "08"), packet.Short, packet.Header{}},

		{"pppoe session", packet.LinkEthernet, frame(t, macs, "8864 1100 0001 001e 0021", ip4, udp), packet.OK, ethHeader(0x8864, ip4Header(packet.Header{}))},
		{"pppoe discovery code", packet.LinkEthernet, frame(t, macs, "8864 11a7 0001 0000"), packet.NotIP, ethHeader(0x8864, packet.Header{})},
		{"pppoe cut", packet.LinkEthernet, frame(t, macs, "8864 1100 0001"), packet.Short, ethHeader(0x8864, packet.Header{})},
		{"pppoe link", packet.LinkPPPoE, frame(t, "1100 0001 001d 21", ip4, udp), packet.OK, ip4Header(packet.Header{})},
		{"ppp", packet.LinkPPP, frame(t, "ff03 0021", ip4, udp), packet.OK, ip4Header(packet.Header{})},
		{"ppp, both compressed", packet.LinkPPPHDLC, frame(t, "21", ip4, udp), packet.OK, ip4Header(packet.Header{})},
		{"ppp, cisco framing", packet.LinkPPPHDLC, frame(t, "0f00 0800", ip4, udp), packet.OK, ip4Header(packet.Header{})},
		{"ppp, mpls", packet.LinkPPP, frame(t, "ff03 0281 00010140", ip4, udp), packet.OK, ip4Header(packet.Header{Labels: 1, Label: [10]uint32{16}, BottomLabel: 16})},
		{"ppp, ipv6", packet.LinkPPP, frame(t, "0057 60000000 0000 3b40", v6), packet.OK, ip6Header(59, packet.Header{Tuple: packet.Tuple{Bytes: 40}})},
		{"ppp, lcp", packet.LinkPPP, frame(t, "ff03 c021 0101"), packet.NotIP, packet.Header{}},
		{"ppp, empty", packet.LinkPPP, frame(t, "ff03"), packet.Short, packet.Header{}},
		{"ppp, half a protocol", packet.LinkPPP, frame(t, "ff03 00"), packet.Short, packet.Header{}},
		{"cisco hdlc", packet.LinkCiscoHDLC, frame(t, "8f00 0800", ip4, udp), packet.OK, ip4Header(packet.Header{})},
		{"cisco hdlc cut", packet.LinkCiscoHDLC, frame(t, "8f00 08"), packet.Short, packet.Header{}},

		{"cooked", packet.LinkSLL, frame(t, "0000 0001 0006 020000000002 0000 8100 0005 0800", ip4, udp), packet.OK, ip4Header(packet.Header{VLANs: 1, VLAN: 5})},
		{"cooked netlink", packet.LinkSLL, frame(t, "0004 0338 0000 000000000000 0000 0800", ip4, udp), packet.NotIP, packet.Header{}},
		{"cooked, tag cut", packet.LinkSLL, frame(t, "0000 0001 0006 020000000002 0000 8100 00"), packet.Short, packet.Header{}},
		{"cooked cut", packet.LinkSLL, frame(t, "0000 0001"), packet.Short, packet.Header{}},
		{"cooked 2", packet.LinkSLL2, frame(t, "0800 0000 00000002 0001 00 06 020000000002 0000", ip4, udp), packet.OK, ip4Header(packet.Header{})},
		{"cooked 2 cut", packet.LinkSLL2, frame(t, "0800 0000"), packet.Short, packet.Header{}},
		{"loopback, little-endian", packet.LinkNull, frame(t, "02000000", ip4, udp), packet.OK, ip4Header(packet.Header{})},
		{"loopback, big-endian", packet.LinkLoop, frame(t, "00000002", ip4, udp), packet.OK, ip4Header(packet.Header{})},
		{"loopback, ipv6 of macOS", packet.LinkNull, frame(t, "1e000000 60000000 0000 3b40", v6), packet.OK, ip6Header(59, packet.Header{Tuple: packet.Tuple{Bytes: 40}})},
		{"loopback, appletalk", packet.LinkNull, frame(t, "10000000", ip4), packet.NotIP, packet.Header{}},
		{"loopback cut", packet.LinkNull, frame(t, "020000"), packet.Short, packet.Header{}},
		{"raw, ipv4", packet.LinkRaw, frame(t, ip4, udp), packet.OK, ip4Header(packet.Header{})},
		{"raw of BSD", 12, frame(t, ip4, udp), packet.OK, ip4Header(packet.Header{})},
		{"raw of OpenBSD", 14, frame(t, "60000000 0000 3b40", v6), packet.OK, ip6Header(59, packet.Header{Tuple: packet.Tuple{Bytes: 40}})},
		{"raw, neither", packet.LinkRaw, frame(t, "55"), packet.NotIP, packet.Header{}},
		{"raw, empty", packet.LinkRaw, nil, packet.Short, packet.Header{}},
		{"only ipv4", packet.LinkIPv4, frame(t, ip4, udp), packet.OK, ip4Header(packet.Header{})},
		{"only ipv4, version 6", packet.LinkIPv4, frame(t, "60000000 0000 3b40", v6), packet.IPVersion, packet.Header{}},
		{"unknown link", 10, frame(t, ip4, udp), packet.UnknownLink, packet.Header{}},

		{"mpls, four labels", packet.LinkMPLS, frame(t, "00010040 00020040 00030040 00040140", ip4, udp),
			packet.OK, ip4Header(packet.Header{Labels: 4, Label: [10]uint32{16, 32, 48, 64}, BottomLabel: 64})},
		{"mpls, pseudowire", packet.LinkEthernet, frame(t, macs, "8848 00010140 00000000"), packet.MPLSPayload, ethHeader(0x8848, packet.Header{Labels: 1, Label: [10]uint32{16}, BottomLabel: 16})},
		{"mpls, nothing below", packet.LinkMPLS, frame(t, "00010140"), packet.MPLSPayload, packet.Header{Labels: 1, Label: [10]uint32{16}, BottomLabel: 16}},
		{"mpls, cut", packet.LinkMPLS, frame(t, "00010040 0002"), packet.MPLSStack, packet.Header{Labels: 1, Label: [10]uint32{16}}},
		{"mpls, no bottom", packet.LinkMPLS, make([]byte, 100_000), packet.MPLSStack, packet.Header{Labels: 1 << 14}},

		{"ipv4 cut", packet.LinkIPv4, frame(t, ip4)[:19], packet.IPHeaderShort, packet.Header{}},
		{"ipv4 header of 16 bytes", packet.LinkIPv4, frame(t, "44", ip4[2:]), packet.IPHeaderLength, packet.Header{}},
		{"ipv4 options cut", packet.LinkIPv4, frame(t, "46", ip4[2:]), packet.IPHeaderShort, packet.Header{}},
		{"ipv4 options", packet.LinkIPv4, frame(t, "4610 0020 0001 0000 4011 0000 0a000001 0a000002 01010100", udp), packet.OK,
			func() packet.Header { h := ip4Header(packet.Header{}); h.Bytes = 32; return h }()},
		{"ipv4 total length 19", packet.LinkIPv4, frame(t, "4510 0013 0001 0000 4011 0000 0a000001 0a000002", udp), packet.IPTotalLength, packet.Header{}},
		{"ipv4 total length 0", packet.LinkIPv4, frame(t, "4510 0000 0001 0000 4011 0000 0a000001 0a000002", udp, "0000"), packet.OK,
			func() packet.Header { h := ip4Header(packet.Header{}); h.Bytes = 30; return h }()},
		{"ports in the padding", packet.LinkIPv4, frame(t, "4510 0016 0001 0000 4011 0000 0a000001 0a000002", udp), packet.OK,
			func() packet.Header {
				h := ip4Header(packet.Header{Tuple: packet.Tuple{Cut: true}})
				h.Bytes, h.SrcPort, h.DstPort = 22, 0, 0
				return h
			}()},
		{"later fragment", packet.LinkIPv4, frame(t, "4510 001c 0001 2001 4011 0000 0a000001 0a000002", udp), packet.OK,
			func() packet.Header {
				h := ip4Header(packet.Header{Tuple: packet.Tuple{Fragment: packet.LaterFragment}})
				h.SrcPort, h.DstPort = 0, 0
				return h
			}()},
		{"first fragment", packet.LinkIPv4, frame(t, "4510 001c 0001 2000 4011 0000 0a000001 0a000002", udp), packet.OK,
			ip4Header(packet.Header{Tuple: packet.Tuple{Fragment: packet.FirstFragment}})},

		{"ipv6 tcp", packet.LinkIPv6, frame(t, "6abfffff 0014 0640", v6, tcp), packet.OK,
			ip6Header(6, packet.Header{Tuple: packet.Tuple{TOS: 0xab, FlowLabel: 0xfffff, Bytes: 60, SrcPort: 80, DstPort: 0xc000, TCPFlags: 0x12}})},
		{"ipv6 cut", packet.LinkIPv6, frame(t, "60000000 0014 0640", v6)[:39], packet.IPHeaderShort, packet.Header{}},
		{"flags cut", packet.LinkIPv6, frame(t, "60000000 0014 0640", v6, tcp)[:53], packet.OK,
			ip6Header(6, packet.Header{Tuple: packet.Tuple{Bytes: 60, SrcPort: 80, DstPort: 0xc000}})},
		{"every extension", packet.LinkIPv6, frame(t, "60000000 0054 0040", v6,
			"2b00000000000000 3c00000000000000 2c00000000000000 3300000000000000", // hop-by-hop, routing, destination, fragment
			"8701000000000000 00000000 8b01000000000000 0000000000000000",         // authentication of 12 bytes, mobility of 16
			"8c00000000000000 1100000000000000", udp), packet.OK,                  // HIP, shim6
			ip6Header(17, packet.Header{Tuple: packet.Tuple{Bytes: 124, SrcPort: 53, DstPort: 8080}})},
		{"mobility message", packet.LinkIPv6, frame(t, "60000000 0008 8740", v6, "3b00050000000000"), packet.OK, ip6Header(135, packet.Header{Tuple: packet.Tuple{Bytes: 48}})},
		{"esp", packet.LinkIPv6, frame(t, "60000000 0008 3240", v6, udp), packet.OK, ip6Header(50, packet.Header{Tuple: packet.Tuple{Bytes: 48}})},
		{"atomic fragment", packet.LinkIPv6, frame(t, "60000000 0010 2c40", v6, "1100 0000 00000001", udp), packet.OK,
			ip6Header(17, packet.Header{Tuple: packet.Tuple{Bytes: 56, SrcPort: 53, DstPort: 8080}})},
		{"first ipv6 fragment", packet.LinkIPv6, frame(t, "60000000 0010 2c40", v6, "1100 0001 00000001", udp), packet.OK,
			ip6Header(17, packet.Header{Tuple: packet.Tuple{Bytes: 56, SrcPort: 53, DstPort: 8080, Fragment: packet.FirstFragment}})},
		{"later ipv6 fragment of an extension", packet.LinkIPv6, frame(t, "60000000 0010 2c40", v6, "3c00 0008 00000001", udp), packet.OK,
			ip6Header(60, packet.Header{Tuple: packet.Tuple{Bytes: 56, Fragment: packet.LaterFragment}})},
		{"extension cut", packet.LinkIPv6, frame(t, "60000000 0010 0040", v6, "1101000000000000", udp)[:52], packet.OK, ip6Header(17, packet.Header{Tuple: packet.Tuple{Bytes: 56, Cut: true}})},
		{"ipv6 payload length 0", packet.LinkIPv6, frame(t, "60000000 0000 1140", v6, udp), packet.OK, ip6Header(17, packet.Header{Tuple: packet.Tuple{Bytes: 48, SrcPort: 53, DstPort: 8080}})},
		{"icmpv6", packet.LinkIPv6, frame(t, "60000000 0008 3a40", v6, "8001 0000 00000000"), packet.OK, ip6Header(58, packet.Header{Tuple: packet.Tuple{Bytes: 48, DstPort: 128*256 + 1}})},
		{"icmpv6 cut", packet.LinkIPv6, frame(t, "60000000 0008 3a40", v6, "80"), packet.OK, ip6Header(58, packet.Header{Tuple: packet.Tuple{Bytes: 48, Cut: true}})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got packet.Header
			v := packet.Parse(tc.link, tc.frame, &got)
			if v != tc.verdict {
				t.Errorf("verdict %v, want %v", v, tc.verdict)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreUnexported(packet.Header{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestPorts has every protocol of the IP number space over the same eight bytes.
func TestPorts(t *testing.T) {
	b := frame(t, ip4, udp)
	for protocol := range 256 {
		b[9] = byte(protocol)
		var h packet.Header
		packet.Parse(packet.LinkIPv4, b, &h)
		want := [2]uint16{}
		switch protocol {
		case 6, 17, 33, 132, 136: // TCP, UDP, DCCP, SCTP, UDP-Lite
			want = [2]uint16{53, 8080}
		case 1, 58: // ICMP, ICMPv6: type and code
			want = [2]uint16{0, 53}
		}
		if got := [2]uint16{h.SrcPort, h.DstPort}; got != want {
			t.Errorf("protocol %d: ports %v, want %v", protocol, got, want)
		}
	}
}

func TestManyTags(t *testing.T) {
	b := frame(t, macs)
	for range 300 {
		b = binary.BigEndian.AppendUint32(b, 0x8100_0007)
	}
	b = append(b, frame(t, "0800", ip4, udp)...)
	var h packet.Header
	if v := packet.Parse(packet.LinkEthernet, b, &h); v != packet.OK || h.VLANs != 255 || h.VLAN != 7 {
		t.Errorf("%v, %d tags, outermost %d; want ok, 255, 7", v, h.VLANs, h.VLAN)
	}
}

func TestVerdictNames(t *testing.T) {
	seen := map[string]bool{}
	for v := range packet.Verdict(packet.Verdicts) {
		if s := v.String(); s == "" || s == "unknown_verdict" || seen[s] {
			t.Errorf("verdict %d is called %q", v, s)
		}
		seen[v.String()] = true
	}
}
