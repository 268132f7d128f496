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

// IP protocols that carry packets.
const (
	protoIPv4     = 4
	protoIPv6     = 41
	protoGRE      = 47
	protoEtherIP  = 97
	protoMPLS     = 137
	protoEthernet = 143
	protoPPP      = 255 // reserved by IANA; stands for PPP inside tunnels
)

// tcpFlagsAt is the offset of the flags in a TCP header.
const tcpFlagsAt = 13

// transport reads the ports. All protocols with ports have them first.
func (t *Tuple) transport(b []byte) {
	switch t.Protocol {
	case protoTCP:
		if len(b) > tcpFlagsAt {
			t.TCPFlags = b[tcpFlagsAt]
		}
		fallthrough
	case protoUDP, protoDCCP, protoSCTP, protoUDPLite:
		if len(b) < 4 {
			t.Cut = true
			return
		}
		t.SrcPort = binary.BigEndian.Uint16(b)
		t.DstPort = binary.BigEndian.Uint16(b[2:])
	case protoICMP, protoICMPv6:
		if len(b) < 2 {
			t.Cut = true
			return
		}
		t.DstPort = binary.BigEndian.Uint16(b)
	}
}
