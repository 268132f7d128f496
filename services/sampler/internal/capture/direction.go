package capture

import (
	"encoding/binary"

	"netstream/services/sampler/internal/packet"
)

// optFlags is the option of a packet block that tells its direction in bits 0 and 1 (draft-ietf-opsawg-pcapng, epb_flags
// and pack_flags).
const (
	optFlags      = 2
	flagsInbound  = 1
	flagsOutbound = 2
)

// flags takes the direction of a packet from the options behind it. Without the option, or where it doesn't know, the
// packet keeps the direction it has.
func (f *pcapng) flags(p *Packet, b []byte) {
	for len(b) >= 4 {
		code, length := f.u16(b), int(f.u16(b[2:]))
		if code == optEnd || length > len(b)-4 {
			return // options are hints; a broken list ends them, not the capture
		}
		if code == optFlags && length == 4 {
			switch f.u32(b[4:]) & 3 {
			case flagsInbound:
				p.Direction = Ingress
			case flagsOutbound:
				p.Direction = Egress
			}
			return
		}
		b = b[min(4+(length+3)&^3, len(b)):]
	}
}

// packetOutgoing is PACKET_OUTGOING of Linux, the packet type of frames the machine sent.
const packetOutgoing = 4

func isCooked(link uint16) bool { return link == packet.LinkSLL || link == packet.LinkSLL2 }

// cookedDirection reads the packet type of a Linux cooked header: its first 16 bits in version 1, byte 10 in version 2.
// A header that is cut before it says nothing.
func cookedDirection(link uint16, b []byte) uint8 {
	switch {
	case link == packet.LinkSLL && len(b) >= 2 && binary.BigEndian.Uint16(b) == packetOutgoing,
		link == packet.LinkSLL2 && len(b) >= 11 && b[10] == packetOutgoing:
		return Egress
	}
	return Ingress
}
