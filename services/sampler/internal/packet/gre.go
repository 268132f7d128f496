package packet

import "encoding/binary"

// Protocols of GRE beside EtherTypes.
const (
	grePPP      = 0x880b
	greEthernet = 0x6558
	greERSPAN   = 0x88be // types I and II
	greERSPAN3  = 0x22eb
)

// gre reads a GRE header and says what it carries: flags and version u16, protocol u16, then checksum, key and sequence
// number of 4 bytes each as the flags say (RFC 2784 §2, RFC 2890 §2; version 1: RFC 2637 §4.1).
func gre(b []byte) (through Tunnel, protocol uint8, payload []byte) {
	const checksum, routing, key, sequence, acknowledgment = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
	if len(b) < 4 {
		return NoTunnel, 0, nil
	}
	flags, et := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	n, version := 4, flags&7
	for _, bit := range [...]uint16{checksum, key, sequence} {
		if flags&bit != 0 {
			n += 4
		}
	}
	switch {
	case version == 0 && flags&routing == 0:
	case version == 1 && et == grePPP && flags&sequence != 0: // without a sequence number there is no payload
		if flags&acknowledgment != 0 {
			n += 4
		}
	default: // source routing went out of use with RFC 2784
		return NoTunnel, 0, nil
	}
	if len(b) < n {
		return NoTunnel, 0, nil
	}
	b = b[n:]
	switch et {
	case etherIPv4:
		return GRE, protoIPv4, b
	case etherIPv6:
		return GRE, protoIPv6, b
	case etherMPLS, etherMPLSUp:
		return GRE, protoMPLS, b
	case greEthernet:
		return GRE, protoEthernet, b
	case grePPP:
		if version == 1 {
			return GRE, protoPPP, b
		}
	case greERSPAN, greERSPAN3:
		return erspan(b, et, flags&sequence != 0)
	}
	return NoTunnel, 0, nil
}

// erspan passes over the header of a mirrored frame: none in type I, which has no sequence number; 8 bytes in type II; 12 in
// type III and 8 more if its last bit says so.
func erspan(b []byte, et uint16, sequence bool) (Tunnel, uint8, []byte) {
	n := 8
	switch {
	case et == greERSPAN && !sequence:
		n = 0
	case len(b) < 12:
		return NoTunnel, 0, nil
	case et == greERSPAN && b[0]>>4 != 1, et == greERSPAN3 && b[0]>>4 != 2: // version
		return NoTunnel, 0, nil
	case et == greERSPAN3:
		if n = 12; b[11]&1 != 0 {
			n = 20
		}
	}
	if len(b) < n {
		return NoTunnel, 0, nil
	}
	return ERSPAN, protoEthernet, b[n:]
}
