// Package packet finds the flow key in a captured frame.
//
// Parse walks from the link layer to the first IP header and the ports behind it, in place and without
// allocation:
//
//	Ethernet, 802.1Q, LLC/SNAP, PPPoE, PPP, HDLC, cooked, loopback, raw, MPLS
//	    -> IPv4 (options, fragments) | IPv6 (extension headers)
//	        -> TCP, UDP, UDP-Lite, DCCP, SCTP, ICMP, ICMPv6
//
// The key of a tunnelled packet is that of its outer IP header. Innermost and SRv6Inner open tunnels, for monitors that
// want it.
package packet

// Kind says which IP key a Header holds.
type Kind uint8

const (
	None Kind = iota // no IP key
	IPv4
	IPv6
)

// Fragment says which part of a fragmented datagram a packet is.
type Fragment uint8

const (
	Whole         Fragment = iota // not a fragment, or the only one (an atomic fragment)
	FirstFragment                 // offset 0 with more to come: it has the ports
	LaterFragment                 // any other offset: ports are 0
)

// Tuple is what is read of an IP header and of the transport header behind it. Fields that a packet doesn't have are zero.
type Tuple struct {
	Kind     Kind
	Fragment Fragment
	Cut      bool // Kind is set, but the transport or an extension header is cut short

	Protocol uint8 // behind the IPv6 extension headers; of a cut one the last known
	TOS      uint8 // or traffic class, all 8 bits
	TTL      uint8 // or hop limit
	TCPFlags uint8 // the low 8 bits

	SrcPort   uint16 // 0 for ICMP
	DstPort   uint16 // type*256 + code for ICMP and ICMPv6
	Bytes     uint32 // IPv4 total length, IPv6 40 + payload length; if that field is 0, captured bytes from the IP header on
	Src4      uint32 // IPv4 addresses, first byte highest
	Dst4      uint32
	FlowLabel uint32 // 20 bits
	Src6      [16]byte
	Dst6      [16]byte
}

// MaxLabels is how many labels of a stack are kept.
const MaxLabels = 10

// Header is what Parse reads from one frame, down to its first IP header. Whatever the verdict, what is set was read
// soundly: a frame whose IP header is broken still has MAC addresses, tags and labels.
type Header struct {
	Tuple
	Ethernet bool  // MACs and EtherType are set
	VLANs    uint8 // number of tags, 255 stands for that many or more

	VLAN      uint16 // id of the outermost tag, 12 bits
	InnerVLAN uint16 // id of the second tag
	EtherType uint16 // behind all tags; in an 802.3 frame it is the length
	SrcMAC    [6]byte
	DstMAC    [6]byte

	Labels      uint16            // depth of the MPLS stack
	Label       [MaxLabels]uint32 // outermost first, without traffic class and TTL
	BottomLabel uint32            // the last of the stack

	size   int32 // of the frame as captured
	ip     int32 // where the IP header begins
	behind int32 // where the label stack ends
}

// Parse overwrites h with what it finds in a frame of the given link type. The verdict is OK exactly if
// h.Kind isn't None. It keeps no reference to data.
func Parse(link uint16, data []byte, h *Header) Verdict {
	*h = Header{size: int32(len(data))}
	switch link {
	case LinkEthernet:
		return h.ethernet(data)
	case LinkNull, LinkLoop:
		return h.loopback(data)
	case LinkRaw, linkRawBSD, linkRawOpenBSD:
		return h.raw(data)
	case LinkIPv4:
		return h.ipv4(data)
	case LinkIPv6:
		return h.ipv6(data)
	case LinkSLL:
		return h.cooked(data)
	case LinkSLL2:
		return h.cooked2(data)
	case LinkPPP, LinkPPPHDLC:
		return h.pppFramed(data)
	case LinkPPPoE:
		return h.pppoe(data)
	case LinkCiscoHDLC:
		return h.ciscoHDLC(data)
	case LinkMPLS:
		return h.mpls(data)
	}
	return UnknownLink
}

// ipv4 and ipv6 read the first IP header of the frame, which begins at b.
func (h *Header) ipv4(b []byte) Verdict {
	h.ip = h.size - int32(len(b))
	return h.Tuple.ipv4(b)
}

func (h *Header) ipv6(b []byte) Verdict {
	h.ip = h.size - int32(len(b))
	return h.Tuple.ipv6(b)
}

// LabelPayload is how many bytes of a frame of that length on the wire lie behind its label stack.
func (h *Header) LabelPayload(wireLen uint32) uint32 {
	return wireLen - min(uint32(h.behind), wireLen)
}
