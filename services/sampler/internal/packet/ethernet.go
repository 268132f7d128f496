package packet

import "encoding/binary"

// EtherTypes that Parse follows.
const (
	etherIPv4    = 0x0800
	etherVLAN    = 0x8100
	etherIPv6    = 0x86dd
	etherMPLS    = 0x8847
	etherMPLSUp  = 0x8848 // upstream-assigned labels
	etherPPPoE   = 0x8864 // session; the discovery stage is 0x8863
	etherQinQ    = 0x88a8
	etherQinQOld = 0x9100
	etherQinQ3   = 0x9200

	etherMin = 0x0600 // below it the field is the length of an 802.3 frame
)

func (h *Header) ethernet(b []byte) Verdict {
	if len(b) < 14 {
		return Short
	}
	h.Ethernet = true
	h.DstMAC, h.SrcMAC = [6]byte(b), [6]byte(b[6:])
	h.EtherType = binary.BigEndian.Uint16(b[12:])
	if h.EtherType == etherIPv4 { // saves the common frame the walk
		return h.ipv4(b[14:])
	}
	et, b, ok := h.tags(h.EtherType, b[14:])
	h.EtherType = et
	switch {
	case !ok:
		return Short
	case et < etherMin:
		return h.llc(b)
	}
	return h.payload(et, b)
}

// tags passes over a stack of VLAN tags and returns the EtherType behind it; ok is false where a tag is cut.
func (h *Header) tags(et uint16, b []byte) (uint16, []byte, bool) {
	for isTag(et) {
		if len(b) < 4 {
			return et, nil, false
		}
		switch h.VLANs {
		case 0:
			h.VLAN = binary.BigEndian.Uint16(b) & 0xfff
		case 1:
			h.InnerVLAN = binary.BigEndian.Uint16(b) & 0xfff
		}
		if h.VLANs < 255 {
			h.VLANs++
		}
		et, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	return et, b, true
}

func isTag(et uint16) bool {
	return et == etherVLAN || et == etherQinQ || et == etherQinQOld || et == etherQinQ3
}

// tagged is tags and payload, for links that have no Ethernet header before the EtherType.
func (h *Header) tagged(et uint16, b []byte) Verdict {
	et, b, ok := h.tags(et, b)
	if !ok {
		return Short
	}
	return h.payload(et, b)
}

// llc follows SNAP with an EtherType: DSAP and SSAP 0xaa, unnumbered information, organisation 0.
func (h *Header) llc(b []byte) Verdict {
	const snap = "\xaa\xaa\x03\x00\x00\x00"
	if len(b) < 8 || string(b[:6]) != snap {
		return NotIP
	}
	return h.payload(binary.BigEndian.Uint16(b[6:]), b[8:])
}

func (h *Header) payload(et uint16, b []byte) Verdict {
	switch et {
	case etherIPv4:
		return h.ipv4(b)
	case etherIPv6:
		return h.ipv6(b)
	case etherMPLS, etherMPLSUp:
		return h.mpls(b)
	case etherPPPoE:
		return h.pppoe(b)
	}
	if knownEtherType(et) {
		return NotIP
	}
	return UnknownEtherType
}

// knownEtherType tells whether an EtherType is one of the common ones that carry no IP packet (IANA and IEEE registries).
func knownEtherType(et uint16) bool {
	switch et {
	case 0x0806, 0x8035, // ARP, RARP
		0x8137,         // IPX
		0x809b, 0x80f3, // AppleTalk and its ARP
		0x8808, 0x8809, // flow control, slow protocols (LACP)
		0x8863,                                         // PPPoE discovery
		0x888e, 0x88e5, 0x88cc, 0x88f7, 0x88f5, 0x8902, // EAPOL, MACsec, LLDP, PTP, MVRP, CFM
		0x88a2, 0x8906, 0x8914, // ATA over Ethernet, FCoE and its initialisation
		0x22f3, 0x22f4, // TRILL, IS-IS over it
		0x8892, 0x88a4, 0x88ab, 0x88b8, 0x88ba, // industrial buses, IEC 61850
		0x9000: // loopback test
		return true
	}
	return false
}
