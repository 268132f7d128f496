package packet

import "encoding/binary"

// Link types that Parse opens, LINKTYPE_ values of tcpdump.org/linktypes.html.
const (
	LinkNull       = 0 // BSD loopback, address family in the byte order of the host
	LinkEthernet   = 1
	LinkPPP        = 9
	linkRawBSD     = 12 // DLT_RAW of some systems found its way into files
	linkRawOpenBSD = 14
	LinkPPPHDLC    = 50
	LinkPPPoE      = 51
	LinkRaw        = 101 // IPv4 or IPv6 by its version
	LinkCiscoHDLC  = 104
	LinkLoop       = 108 // OpenBSD loopback, address family in network byte order
	LinkSLL        = 113 // Linux cooked
	LinkMPLS       = 219
	LinkIPv4       = 228
	LinkIPv6       = 229
	LinkSLL2       = 276 // Linux cooked, version 2
)

// SupportedLinkType tells whether Parse opens frames of a LINKTYPE_ value.
func SupportedLinkType(link uint16) bool {
	switch link {
	case LinkNull, LinkEthernet, LinkPPP, linkRawBSD, linkRawOpenBSD, LinkPPPHDLC, LinkPPPoE, LinkRaw,
		LinkCiscoHDLC, LinkLoop, LinkSLL, LinkMPLS, LinkIPv4, LinkIPv6, LinkSLL2:
		return true
	}
	return false
}

// loopback reads an address family and the packet. Files of either byte order are about, so both are tried.
func (h *Header) loopback(b []byte) Verdict {
	if len(b) < 4 {
		return Short
	}
	family := binary.LittleEndian.Uint32(b)
	if family > 0xffff {
		family = binary.BigEndian.Uint32(b)
	}
	switch family {
	case 2:
		return h.ipv4(b[4:])
	case 10, 23, 24, 28, 30: // AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS
		return h.ipv6(b[4:])
	}
	return NotIP
}

func (h *Header) raw(b []byte) Verdict {
	if len(b) == 0 {
		return Short
	}
	switch b[0] >> 4 {
	case 4:
		return h.ipv4(b)
	case 6:
		return h.ipv6(b)
	}
	return NotIP
}

// ARPHRD_ values of cooked frames whose protocol field isn't an EtherType.
const (
	arphrdRadiotap = 803
	arphrdNetlink  = 824
)

// cooked reads a Linux cooked header: packet type u16, ARPHRD u16, address length u16, address [8], protocol u16.
func (h *Header) cooked(b []byte) Verdict {
	if len(b) < 16 {
		return Short
	}
	switch binary.BigEndian.Uint16(b[2:]) {
	case arphrdRadiotap, arphrdNetlink:
		return NotIP
	}
	return h.tagged(binary.BigEndian.Uint16(b[14:]), b[16:])
}

// cooked2 reads version 2: protocol u16, reserved u16, interface u32, ARPHRD u16, type u8, length u8, address [8].
func (h *Header) cooked2(b []byte) Verdict {
	if len(b) < 20 {
		return Short
	}
	return h.tagged(binary.BigEndian.Uint16(b), b[20:])
}
