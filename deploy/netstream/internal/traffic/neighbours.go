package traffic

import "encoding/binary"

// lldpInterval is the usual time between two announcements.
const lldpInterval = int64(30e9)

// arpInterval is the mean time between two questions on the datacentre port.
const arpInterval = int64(800e6)

var (
	etherBroadcast = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	etherLLDP      = [6]byte{0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e} // IEEE 802.1AB §7.1
)

const (
	etherTypeIPv4 = 0x0800
	etherTypeARP  = 0x0806
	etherTypeVLAN = 0x8100
	etherTypeIPv6 = 0x86dd
	etherTypeLLDP = 0x88cc
)

// mac returns the address of one end of a tapped link: side 0 is the core
// router, 1 what it is linked to. All are locally administered.
func mac(iface, side uint8) [6]byte { return [6]byte{0x02, 0x4e, 0x53, 0x00, iface, side + 1} }

// neighbours starts the talk of the links themselves.
func (g *Generator) neighbours(now int64) {
	id, f := g.take()
	*f = flow{shape: shapeARP, iface: [2]uint8{datacentre, datacentre}}
	f.addr[0] = address{10, 200, 0, 1} // the router
	g.queue.push(entry{now + g.exp(arpInterval), id})
	for _, i := range Interfaces() {
		id, f := g.take()
		*f = flow{shape: shapeLLDP, iface: [2]uint8{uint8(i.Index), uint8(i.Index)}}
		g.queue.push(entry{now + int64(g.rng.Uint64N(uint64(lldpInterval))), id})
	}
}

// stepARP asks for a server's address and answers.
func (g *Generator) stepARP(f *flow, p *packet) int64 {
	p.dir = f.dir
	f.dir = 1 - f.dir
	if p.dir == 1 {
		return g.exp(arpInterval)
	}
	f.addr[1] = networks[serverFarm].host(g.rng.Uint64N(networks[serverFarm].hosts), false)
	return 400_000
}

// encodeARP writes a request or reply (RFC 826) and returns its length.
func encodeARP(b []byte, f *flow, p *packet) int {
	asker, owner := mac(datacentre, 0), mac(datacentre, 1)
	owner[3] = f.addr[1][3]
	src, dst := asker, etherBroadcast
	if p.dir == 1 {
		src, dst = owner, asker
	}
	copy(b[0:6], dst[:])
	copy(b[6:12], src[:])
	binary.BigEndian.PutUint16(b[12:], etherTypeARP)
	binary.BigEndian.PutUint16(b[14:], 1) // Ethernet
	binary.BigEndian.PutUint16(b[16:], etherTypeIPv4)
	b[18], b[19] = 6, 4
	binary.BigEndian.PutUint16(b[20:], uint16(p.dir)+1)
	copy(b[22:28], src[:])
	copy(b[28:32], f.addr[p.dir][:4])
	clear(b[32:38])
	if p.dir == 1 {
		copy(b[32:38], asker[:])
	}
	copy(b[38:42], f.addr[1-p.dir][:4])
	return 42
}

// encodeLLDP writes what the far end of a link says of itself (IEEE 802.1AB
// §8) and returns its length.
func encodeLLDP(b []byte, iface uint8) int {
	far := mac(iface, 1)
	copy(b[0:6], etherLLDP[:])
	copy(b[6:12], far[:])
	binary.BigEndian.PutUint16(b[12:], etherTypeLLDP)
	b = b[:14]
	b = append(b, 1<<1, 7, 4) // chassis: a MAC address
	b = append(b, far[:]...)
	b = append(b, 2<<1, 4, 5, 'e', 't', '0'+iface) // port: its name
	b = append(b, 3<<1, 2, 0, 120)                 // lives for 120 s
	b = append(b, 5<<1, 5, 'e', 'd', 'g', 'e', '0'+iface)
	b = append(b, 0, 0)
	return len(b)
}
