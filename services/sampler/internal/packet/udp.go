package packet

import "encoding/binary"

// UDP ports of tunnels (IANA).
const (
	portL2TP     = 1701
	portGTP      = 2152
	portTeredo   = 3544
	portVXLAN    = 4789
	portVXLANGPE = 4790
	portGeneve   = 6081
	portMPLS     = 6635
)

const udpHeaderLen = 8

// udpTunnel says which tunnel a UDP datagram is and what it carries. The destination port decides, and for tunnels whose
// answers come from the port, the source port too; what is inside must look like the tunnel, since a port proves nothing.
func udpTunnel(b []byte) (through Tunnel, protocol uint8, payload []byte) {
	if len(b) < udpHeaderLen {
		return NoTunnel, 0, nil
	}
	src, dst := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	length := int(binary.BigEndian.Uint16(b[4:])) - udpHeaderLen
	b = b[udpHeaderLen:]
	switch dst {
	case portVXLAN:
		return vxlan(b)
	case portVXLANGPE:
		return vxlanGPE(b)
	case portGeneve:
		return geneve(b)
	case portMPLS:
		return MPLSInIP, protoMPLS, b
	}
	switch {
	case dst == portGTP || src == portGTP:
		return gtp(b)
	case dst == portTeredo || src == portTeredo:
		return teredo(b, length)
	case dst == portL2TP || src == portL2TP:
		return l2tp(b)
	}
	return NoTunnel, 0, nil
}

// vxlan reads flags u8, reserved [3], network identifier [3], reserved u8 (RFC 7348 §5). The flag I must be set.
func vxlan(b []byte) (Tunnel, uint8, []byte) {
	if len(b) < 8 || b[0]&8 == 0 {
		return NoTunnel, 0, nil
	}
	return VXLAN, protoEthernet, b[8:]
}

// vxlanGPE has the protocol in the fourth octet, with flag P.
func vxlanGPE(b []byte) (Tunnel, uint8, []byte) {
	if len(b) < 8 || b[0]&0x0c != 0x0c {
		return NoTunnel, 0, nil
	}
	switch b[3] {
	case 1:
		return VXLAN, protoIPv4, b[8:]
	case 2:
		return VXLAN, protoIPv6, b[8:]
	case 3:
		return VXLAN, protoEthernet, b[8:]
	case 5:
		return VXLAN, protoMPLS, b[8:]
	}
	return NoTunnel, 0, nil
}

// geneve reads version 2 bits and option length 6 bits in words, flags u8, EtherType u16, network identifier [3], reserved
// u8, options (RFC 8926 §3.4).
func geneve(b []byte) (Tunnel, uint8, []byte) {
	if len(b) < 8 || b[0]>>6 != 0 {
		return NoTunnel, 0, nil
	}
	n := 8 + int(b[0]&0x3f)*4
	if len(b) < n {
		return NoTunnel, 0, nil
	}
	switch binary.BigEndian.Uint16(b[2:]) {
	case greEthernet:
		return Geneve, protoEthernet, b[n:]
	case etherIPv4:
		return Geneve, protoIPv4, b[n:]
	case etherIPv6:
		return Geneve, protoIPv6, b[n:]
	}
	return NoTunnel, 0, nil
}

// gtp reads a G-PDU: flags u8 (version 1, protocol type 1), message type u8, length u16, tunnel u32, and if a flag says so
// sequence u16, N-PDU u8 and the type of the first extension header (3GPP TS 29.281 §5.1).
func gtp(b []byte) (Tunnel, uint8, []byte) {
	const gpdu = 255
	if len(b) < 8 || b[0]>>4 != 3 || b[1] != gpdu {
		return NoTunnel, 0, nil
	}
	n := 8
	if b[0]&7 != 0 {
		if n = 12; len(b) < n {
			return NoTunnel, 0, nil
		}
		for next := b[11]; b[0]&4 != 0 && next != 0; { // extension headers: length in words, …, type of the next one
			if len(b) <= n || b[n] == 0 || len(b) < n+4*int(b[n]) {
				return NoTunnel, 0, nil
			}
			n += 4 * int(b[n])
			next = b[n-1]
		}
	}
	return byVersion(GTP, b[n:])
}

// teredo reads IPv6 behind an authentication and an origin indication, if they are there (RFC 4380 §5.1.1). The packet must
// fill the datagram, which is length bytes, since a port alone proves nothing.
func teredo(b []byte, length int) (Tunnel, uint8, []byte) {
	whole := len(b)
	if len(b) >= 4 && b[0] == 0 && b[1] == 1 { // client identifier and authentication value, nonce and confirmation
		n := 4 + int(b[2]) + int(b[3]) + 9
		if len(b) < n {
			return NoTunnel, 0, nil
		}
		b = b[n:]
	}
	if len(b) >= 8 && b[0] == 0 && b[1] == 0 {
		b = b[8:]
	}
	if len(b) < ipv6HeaderLen || b[0]>>4 != 6 || int(binary.BigEndian.Uint16(b[4:]))+ipv6HeaderLen != length-(whole-len(b)) {
		return NoTunnel, 0, nil
	}
	return Teredo, protoIPv6, b
}

// l2tp reads a data message of version 2: flags and version u16, then, as the flags say, length u16, tunnel and session
// u16 each, two sequence numbers, offset u16 with as many bytes (RFC 2661 §3.1). Control messages carry no packet.
func l2tp(b []byte) (Tunnel, uint8, []byte) {
	const control, length, sequence, offset = 0x8000, 0x4000, 0x0800, 0x0200
	if len(b) < 6 {
		return NoTunnel, 0, nil
	}
	flags := binary.BigEndian.Uint16(b)
	if flags&control != 0 || flags&0xf != 2 {
		return NoTunnel, 0, nil
	}
	n := 6
	if flags&length != 0 {
		n += 2
	}
	if flags&sequence != 0 {
		n += 4
	}
	if flags&offset != 0 {
		if len(b) < n+2 {
			return NoTunnel, 0, nil
		}
		n += 2 + int(binary.BigEndian.Uint16(b[n:]))
	}
	if len(b) <= n {
		return NoTunnel, 0, nil
	}
	return L2TP, protoPPP, b[n:]
}

// byVersion is what carries IP alone: the version says which.
func byVersion(through Tunnel, b []byte) (Tunnel, uint8, []byte) {
	if len(b) > 0 {
		switch b[0] >> 4 {
		case 4:
			return through, protoIPv4, b
		case 6:
			return through, protoIPv6, b
		}
	}
	return NoTunnel, 0, nil
}
