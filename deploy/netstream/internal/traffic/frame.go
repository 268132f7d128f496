package traffic

import "encoding/binary"

const (
	// headMax holds every header and what a payload starts with: Ethernet
	// with a tag 18, IPv6 40, TCP with options 32, the longest DNS answer 113.
	headMax = 256
	// minFrame is the shortest Ethernet frame without its checksum; shorter
	// ones are padded, as they are on the wire.
	minFrame = 60
)

// encode writes the headers of a packet into g.head and returns how many bytes
// of it are used, and the length of the frame on the wire. The rest of the
// frame is zero.
func (g *Generator) encode(f *flow, p *packet, iface uint8) (head, wire int) {
	b := &g.head
	switch f.shape {
	case shapeARP:
		return encodeARP(b[:], f, p), minFrame
	case shapeLLDP:
		head = encodeLLDP(b[:], iface)
		return head, max(head, minFrame)
	}

	side := p.dir // 0 when sent from the near side
	if !f.outward {
		side = 1 - side
	}
	dst, src := mac(iface, 1-side), mac(iface, side)
	if iface == datacentre { // hosts behind this port answer for themselves
		if side == 0 {
			dst[3] = f.low(1 - p.dir)
		} else {
			src[3] = f.low(p.dir)
		}
	}
	copy(b[0:6], dst[:])
	copy(b[6:12], src[:])
	off := 12
	if f.vlan != 0 && iface == datacentre {
		binary.BigEndian.PutUint16(b[12:], etherTypeVLAN)
		binary.BigEndian.PutUint16(b[14:], uint16(f.tos>>5)<<13|f.vlan) // priority follows DSCP
		off = 16
	}

	transport := transportLen(f, p)
	if f.v6 {
		binary.BigEndian.PutUint16(b[off:], etherTypeIPv6)
		off += 2
		encodeIPv6(b[off:off+40], f, p, transport+p.payload)
		off += 40
	} else {
		binary.BigEndian.PutUint16(b[off:], etherTypeIPv4)
		off += 2
		encodeIPv4(b[off:off+20], f, p, 20+transport+p.payload)
		off += 20
	}

	segment := off
	lead := encodeLead(b[off+transport:], f, p)
	head = off + transport + lead
	switch f.proto {
	case protoTCP:
		encodeTCP(b[segment:head], f, p, transport)
	case protoUDP:
		encodeUDP(b[segment:head], f, p)
	default:
		encodeEcho(b[segment:head], f, p)
	}
	return head, max(off+transport+p.payload, minFrame)
}

// transportLen is the length of the header after IP.
func transportLen(f *flow, p *packet) int {
	switch {
	case f.proto != protoTCP:
		return 8 // UDP and echo
	case p.flags&flagSYN != 0:
		return 32
	default:
		return 20
	}
}

// low is the last byte of an address, which servers also have in their MAC.
func (f *flow) low(end uint8) byte {
	if f.v6 {
		return f.addr[end][15]
	}
	return f.addr[end][3]
}

func encodeIPv4(b []byte, f *flow, p *packet, total int) {
	b[0], b[1] = 0x45, f.tos
	binary.BigEndian.PutUint16(b[2:], uint16(total))
	binary.BigEndian.PutUint16(b[4:], f.ipID[p.dir])
	f.ipID[p.dir]++
	binary.BigEndian.PutUint16(b[6:], 0x4000) // don't fragment
	b[8], b[9] = f.ttl[p.dir], f.proto
	b[10], b[11] = 0, 0
	copy(b[12:16], f.addr[p.dir][:4])
	copy(b[16:20], f.addr[1-p.dir][:4])
	binary.BigEndian.PutUint16(b[10:], ^fold(sum16(b[:20])))
}

func encodeIPv6(b []byte, f *flow, p *packet, payload int) {
	// Each direction has a label of its own (RFC 6437).
	label := (f.label + uint32(p.dir)*0x9e377) & 0xfffff
	binary.BigEndian.PutUint32(b[0:], 6<<28|uint32(f.tos)<<20|label)
	binary.BigEndian.PutUint16(b[4:], uint16(payload))
	b[6], b[7] = f.proto, f.ttl[p.dir]
	copy(b[8:24], f.addr[p.dir][:])
	copy(b[24:40], f.addr[1-p.dir][:])
}

func encodeTCP(b []byte, f *flow, p *packet, header int) {
	binary.BigEndian.PutUint16(b[0:], f.port[p.dir])
	binary.BigEndian.PutUint16(b[2:], f.port[1-p.dir])
	binary.BigEndian.PutUint32(b[4:], p.seq)
	binary.BigEndian.PutUint32(b[8:], p.ack)
	b[12], b[13] = byte(header/4)<<4, p.flags
	window := uint16(0xfaf0)
	if p.flags&flagRST != 0 {
		window = 0
	}
	binary.BigEndian.PutUint16(b[14:], window)
	clear(b[16:20]) // checksum, urgent pointer
	if header == 32 {
		mss := uint16(1460)
		if f.v6 {
			mss = 1440
		}
		// Maximum segment size, selective acknowledgements, window scale 7.
		copy(b[20:32], []byte{2, 4, byte(mss >> 8), byte(mss), 1, 1, 4, 2, 1, 3, 3, 7})
	}
	binary.BigEndian.PutUint16(b[16:], f.checksum(b, header+p.payload))
}

func encodeUDP(b []byte, f *flow, p *packet) {
	binary.BigEndian.PutUint16(b[0:], f.port[p.dir])
	binary.BigEndian.PutUint16(b[2:], f.port[1-p.dir])
	binary.BigEndian.PutUint16(b[4:], uint16(8+p.payload))
	b[6], b[7] = 0, 0
	sum := f.checksum(b, 8+p.payload)
	if sum == 0 {
		sum = 0xffff // zero would mean that there is none (RFC 768)
	}
	binary.BigEndian.PutUint16(b[6:], sum)
}

func encodeEcho(b []byte, f *flow, p *packet) {
	kind := [2]byte{8, 0}
	if f.v6 {
		kind = [2]byte{128, 129}
	}
	b[0], b[1], b[2], b[3] = kind[p.dir], 0, 0, 0
	binary.BigEndian.PutUint16(b[4:], uint16(f.label))
	binary.BigEndian.PutUint16(b[6:], uint16(p.seq))
	sum := ^fold(sum16(b))
	if f.v6 { // ICMPv6 covers the addresses, ICMP does not
		sum = f.checksum(b, 8+p.payload)
	}
	binary.BigEndian.PutUint16(b[2:], sum)
}

// checksum covers the pseudo header and a segment of length n of which b is
// all that is not zero.
func (f *flow) checksum(b []byte, n int) uint16 {
	return ^fold(sum16(b) + uint64(f.addrSum) + uint64(f.proto) + uint64(n))
}

// sum16 adds b as big-endian 16-bit words, an odd last byte padded with zero.
func sum16(b []byte) (sum uint64) {
	for len(b) >= 4 {
		w := binary.BigEndian.Uint32(b)
		sum += uint64(w>>16) + uint64(w&0xffff)
		b = b[4:]
	}
	if len(b) >= 2 {
		sum += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	return sum
}

// fold brings a sum of words back into 16 bits, carries added (RFC 1071).
func fold(sum uint64) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
