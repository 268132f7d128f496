package afpacket

import (
	"encoding/binary"

	"netstream/services/sampler/internal/capture"
)

// Layout of a block and of a packet in it (struct tpacket_block_desc, tpacket3_hdr and sockaddr_ll of linux/if_packet.h), in
// the byte order of the machine.
const (
	blockStatusAt = 8
	blockCountAt  = 12
	blockFirstAt  = 16
	blockHeader   = 48

	packetHeader = 48 + 20 // with the address behind it

	statusVLAN     = 1 << 4 // the tag's control information is set
	statusVLANTPID = 1 << 6 // its EtherType too

	packetOutgoing = 4 // in the address: the machine sends it

	tagLen = 4
)

// walker reads the packets of a block.
type walker struct {
	block    []byte
	at       int
	left     uint32 // packets
	linkType uint16
	iface    uint32
	wanted   [2]bool // directions
}

// start begins a block.
func (w *walker) start(block []byte) {
	w.block, w.at, w.left = block, 0, 0
	if len(block) >= blockHeader {
		w.left = binary.NativeEndian.Uint32(block[blockCountAt:])
		w.at = int(binary.NativeEndian.Uint32(block[blockFirstAt:]))
	}
}

// next delivers the next packet; false is the end of the block. The kernel is trusted to write what its header file says,
// but nothing outside the block is touched whatever it holds.
func (w *walker) next(p *capture.Packet) bool {
	for w.left > 0 {
		if w.at < 0 || w.at > len(w.block)-packetHeader {
			w.left = 0
			return false
		}
		b := w.block[w.at:]
		u32 := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
		step, status := int(u32(0)), u32(20)
		captured, mac := int(u32(12)), int(binary.NativeEndian.Uint16(b[24:]))
		if w.left--; step == 0 {
			w.left = 0
		}
		w.at += step
		if mac < packetHeader || captured < 0 || captured > len(b)-mac {
			w.left = 0
			return false
		}
		direction := uint8(0)
		if b[48+10] == packetOutgoing {
			direction = 1
		}
		if !w.wanted[direction] {
			continue
		}
		*p = capture.Packet{
			Time: int64(u32(4))*1e9 + int64(u32(8)), Data: b[mac : mac+captured : mac+captured], WireLen: u32(16),
			Interface: w.iface, LinkType: w.linkType, Direction: direction,
		}
		if status&statusVLAN != 0 && w.linkType == linkEthernet {
			retag(p, b[mac-tagLen:mac+captured:mac+captured], uint16(u32(32)), status&statusVLANTPID != 0, binary.NativeEndian.Uint16(b[36:]))
		}
		return true
	}
	return false
}

// retag puts a VLAN tag, which the kernel or the card has taken out, back into a frame; there is room for it before the
// frame.
func retag(p *capture.Packet, b []byte, tci uint16, hasTPID bool, tpid uint16) {
	const addresses = 12
	if len(b) < tagLen+addresses {
		return
	}
	if !hasTPID {
		tpid = 0x8100
	}
	copy(b, b[tagLen:tagLen+addresses])
	binary.BigEndian.PutUint16(b[addresses:], tpid)
	binary.BigEndian.PutUint16(b[addresses+2:], tci)
	p.Data = b
	p.WireLen += tagLen
}

// Link types, LINKTYPE_ values.
const (
	linkEthernet = 1
	linkRaw      = 101
)
