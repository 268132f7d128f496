package packet

import "encoding/binary"

// IP protocols whose ports, or type and code, belong to the key.
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

// tcpFlagsAt is the offset of the flags in a TCP header.
const tcpFlagsAt = 13

// transport reads the ports. All protocols with ports have them first.
func (h *Header) transport(b []byte) {
	switch h.Protocol {
	case protoTCP:
		if len(b) > tcpFlagsAt {
			h.TCPFlags = b[tcpFlagsAt]
		}
		fallthrough
	case protoUDP, protoDCCP, protoSCTP, protoUDPLite:
		if len(b) < 4 {
			h.Cut = true
			return
		}
		h.SrcPort = binary.BigEndian.Uint16(b)
		h.DstPort = binary.BigEndian.Uint16(b[2:])
	case protoICMP, protoICMPv6:
		if len(b) < 2 {
			h.Cut = true
			return
		}
		h.DstPort = binary.BigEndian.Uint16(b)
	}
}
