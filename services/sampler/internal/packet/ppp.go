package packet

import "encoding/binary"

// PPP protocols that Parse follows, RFC 1661 §2 and its registry.
const (
	pppIPv4   = 0x0021
	pppIPv6   = 0x0057
	pppMPLS   = 0x0281
	pppMPLSUp = 0x0283
)

// pppoe reads a session header: version and type u8, code u8, session u16, length u16 (RFC 2516 §4).
func (h *Header) pppoe(b []byte) Verdict {
	if len(b) < 6 {
		return Short
	}
	if b[1] != 0 {
		return NotIP // a discovery code
	}
	return h.ppp(b[6:])
}

// pppFramed reads PPP as captures of serial lines have it: with or without the address and control
// bytes of RFC 1662, or with the Cisco framing that shares the link types.
func (h *Header) pppFramed(b []byte) Verdict {
	if len(b) >= 2 {
		switch binary.BigEndian.Uint16(b) {
		case 0xff03:
			return h.ppp(b[2:])
		case 0x0f00, 0x8f00: // Cisco unicast, multicast
			return h.ciscoHDLC(b)
		}
	}
	return h.ppp(b)
}

// ciscoHDLC reads address u8, control u8 and an EtherType.
func (h *Header) ciscoHDLC(b []byte) Verdict {
	if len(b) < 4 {
		return Short
	}
	return h.payload(binary.BigEndian.Uint16(b[2:]), b[4:])
}

// ppp reads the protocol, which is one byte where that byte is odd (RFC 1661 §6.5).
func (h *Header) ppp(b []byte) Verdict {
	if len(b) == 0 {
		return Short
	}
	protocol, n := uint16(b[0]), 1
	if protocol&1 == 0 {
		if len(b) < 2 {
			return Short
		}
		protocol, n = binary.BigEndian.Uint16(b), 2
	}
	switch protocol {
	case pppIPv4:
		return h.ipv4(b[n:])
	case pppIPv6:
		return h.ipv6(b[n:])
	case pppMPLS, pppMPLSUp:
		return h.mpls(b[n:])
	}
	return NotIP
}
