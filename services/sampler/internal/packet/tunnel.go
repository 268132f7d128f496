package packet

import "encoding/binary"

// Tunnel says by which encapsulation an inner IP header was reached.
type Tunnel uint8

// Tunnels.
const (
	NoTunnel     Tunnel = iota
	IPInIP              // IPv4 or IPv6 in either (RFC 2003, 2473, 4213)
	GRE                 // RFC 2784, 2890, with IP, Ethernet or MPLS inside; PPTP's variant with PPP (RFC 2637)
	ERSPAN              // a mirrored frame in GRE, types I, II and III
	EtherIP             // RFC 3378
	EthernetInIP        // protocol 143 (RFC 8986)
	MPLSInIP            // RFC 4023, over UDP RFC 7510
	VXLAN               // RFC 7348, and its generic extension
	Geneve              // RFC 8926
	GTP                 // user plane of mobile networks (3GPP TS 29.281)
	Teredo              // IPv6 in UDP (RFC 4380)
	L2TP                // version 2 with PPP (RFC 2661)
	Pseudowire          // Ethernet behind a label stack (RFC 4448)
	tunnels
)

var tunnelNames = [tunnels]string{
	"none", "ip_in_ip", "gre", "erspan", "etherip", "ethernet_in_ip", "mpls_in_ip", "vxlan", "geneve", "gtp", "teredo", "l2tp", "pseudowire",
}

// String is the tunnel in snake_case.
func (t Tunnel) String() string {
	if t < tunnels {
		return tunnelNames[t]
	}
	return tunnelNames[NoTunnel]
}

// maxLevels is how many tunnels inside one another are opened.
const maxLevels = 8

// Innermost finds the innermost IP header behind tunnels in the frame that h was parsed from. Where a tunnel is broken or
// cut it is the deepest that could be read; t is untouched and false returned if there is none.
func (h *Header) Innermost(data []byte, t *Tuple) (Tunnel, bool) {
	at, frame, via := *h, data, NoTunnel
	for range maxLevels {
		var inner Header
		through, b := at.open(frame, &inner)
		if through == NoTunnel {
			break
		}
		at, frame = inner, b
		if inner.Kind != None { // else the tunnel holds another one without an IP header between: a pseudowire
			*t, via = inner.Tuple, through
		}
	}
	return via, via != NoTunnel
}

// SRv6Inner finds the IP header inside SRv6: the packet that an outer IPv6 header carries, behind a segment routing header
// or directly, as protocol 4, 41 or 143 (RFC 8986). One level is opened (spec section 8.1).
func (h *Header) SRv6Inner(data []byte, t *Tuple) bool {
	if h.Kind != IPv6 {
		return false
	}
	protocol, b := payload(data[h.ip:])
	var inner Header
	if protocol != protoIPv4 && protocol != protoIPv6 && protocol != protoEthernet {
		return false
	}
	if inner.wrapped(protocol, b); inner.Kind == None {
		return false
	}
	*t = inner.Tuple
	return true
}

// open opens the outermost tunnel behind h, parsed from frame, into inner, parsed from b.
func (h *Header) open(frame []byte, inner *Header) (through Tunnel, b []byte) {
	if h.Kind == None {
		if h.behind == 0 {
			return NoTunnel, nil
		}
		return inner.pseudowire(frame[h.behind:])
	}
	protocol, b := payload(frame[h.ip:])
	switch protocol {
	case protoIPv4, protoIPv6:
		through = IPInIP
	case protoEthernet:
		through = EthernetInIP
	case protoMPLS:
		through = MPLSInIP
	case protoEtherIP:
		if len(b) < 2 || b[0]>>4 != 3 {
			return NoTunnel, nil
		}
		through, protocol, b = EtherIP, protoEthernet, b[2:]
	case protoGRE:
		through, protocol, b = gre(b)
	case protoUDP:
		through, protocol, b = udpTunnel(b)
	default:
		return NoTunnel, nil
	}
	if through == NoTunnel {
		return NoTunnel, nil
	}
	if inner.wrapped(protocol, b); inner.Kind == None && inner.behind == 0 {
		return NoTunnel, nil
	}
	return through, b
}

// wrapped reads what an IP protocol or a tunnel carries.
func (h *Header) wrapped(protocol uint8, b []byte) {
	*h = Header{size: int32(len(b))}
	switch protocol {
	case protoIPv4:
		h.ipv4(b)
	case protoIPv6:
		h.ipv6(b)
	case protoEthernet:
		h.ethernet(b)
	case protoMPLS:
		h.mpls(b)
	case protoPPP:
		h.pppFramed(b)
	}
}

// payload is the protocol that an IP packet carries and its bytes, as far as they are there. A fragment but the first
// carries none.
func payload(ip []byte) (protocol uint8, b []byte) {
	var t Tuple
	if ip[0]>>4 == 4 {
		if t.ipv4(ip) != OK || t.Fragment == LaterFragment {
			return 0, nil
		}
		end := min(int(t.Bytes), len(ip))
		return t.Protocol, ip[min(int(ip[0]&15)*4, end):end]
	}
	if len(ip) < ipv6HeaderLen {
		return 0, nil
	}
	end := len(ip)
	if n := int(binary.BigEndian.Uint16(ip[4:])); n > 0 {
		end = min(end, n+ipv6HeaderLen)
	}
	t.Protocol = ip[6]
	b = t.extensions(ip[ipv6HeaderLen:end])
	if t.Cut || t.Fragment == LaterFragment {
		return 0, nil
	}
	return t.Protocol, b
}

// pseudowire reads an Ethernet frame behind a label stack, with or without a control word. The stack doesn't say which:
// a control word begins with four zero bits, and so do many MAC addresses. So the one is taken that leads to an IP packet.
func (h *Header) pseudowire(b []byte) (Tunnel, []byte) {
	const controlWord = 4
	if len(b) == 0 || b[0]>>4 == 4 || b[0]>>4 == 6 { // an IP packet, and a broken one, or Parse had read it
		return NoTunnel, nil
	}
	for _, skip := range [...]int{controlWord, 0} {
		if len(b) < skip || skip > 0 && b[0]>>4 != 0 {
			continue
		}
		*h = Header{size: int32(len(b) - skip)}
		if h.ethernet(b[skip:]) == OK && !h.Cut && int(h.Bytes) <= len(b)+maxTrailer {
			return Pseudowire, b[skip:]
		}
	}
	return NoTunnel, nil
}

// maxTrailer is by how much an IP packet may be longer than what was captured of it for a pseudowire to be believed: that
// of a frame of 9,000 bytes.
const maxTrailer = 9000
