package traffic

import "encoding/binary"

// attack puts an attacker of the present event into the queue: from a host at
// the exchange to a hosted site, until the caller changes that.
func (g *Generator) attack(s shape, proto uint8, perSecond float64) *flow {
	id, f := g.take()
	*f = flow{
		shape: s, proto: proto, label: g.rng.Uint32(),
		gap: int64(1e9 / perSecond), until: g.plan.end,
	}
	f.setAddr(0, networks[exchange].host(g.rng.Uint64N(networks[exchange].hosts), false))
	f.setAddr(1, networks[hosting].host(g.rng.Uint64N(networks[hosting].hosts), false))
	f.route(exchange, hosting)
	g.queue.push(entry{g.now, id})
	return f
}

// pace is the wait before the next packet of an attack.
func (g *Generator) pace(f *flow) int64 {
	wait := g.exp(f.gap)
	if g.now+wait >= f.until {
		return finished
	}
	return wait
}

// States of a scan.
const (
	scanProbe uint8 = iota
	scanRefused
	scanOpen
	scanLeave
)

// stepScan tries one port after the other in a scattered order. Most answer
// with RST, an open one with SYN-ACK, some are filtered and say nothing.
func (g *Generator) stepScan(f *flow, p *packet) int64 {
	switch f.state {
	case scanProbe:
		f.port[0] = g.high()
		f.port[1] = uint16(uint32(f.rounds)*40503 + f.label) // odd: every port once
		f.rounds++
		f.seq[0], f.seq[1] = g.rng.Uint32(), g.rng.Uint32()
		p.flags, p.seq = flagSYN, f.seq[0]
		switch h := mix(uint64(f.port[1]) + uint64(f.label)); {
		case f.port[1] == 22 || f.port[1] == 80 || f.port[1] == 443:
			f.state = scanOpen
		case h%10 < 7:
			f.state = scanRefused
		default:
			return g.pace(f)
		}
		return 1 + f.gap/8 // the tap is near the target
	case scanRefused:
		f.state = scanProbe
		p.dir, p.flags, p.ack = 1, flagRST|flagACK, f.seq[0]+1
		return g.pace(f)
	case scanOpen:
		f.state = scanLeave
		p.dir, p.flags, p.seq, p.ack = 1, flagSYN|flagACK, f.seq[1], f.seq[0]+1
		return 1 + f.gap/8
	default: // scanLeave
		f.state = scanProbe
		p.flags, p.seq = flagRST, f.seq[0]+1
		return g.pace(f)
	}
}

// reflectors is how many open resolvers or time servers take part.
const reflectors = 500

// stepReflection sends one large answer from one of many servers.
func (g *Generator) stepReflection(f *flow, p *packet) int64 {
	g.from(f, 1, g.rng.Uint32N(reflectors)*263%131070) // scattered over the Internet
	p.dir, p.lead = 1, f.lead
	p.payload = 440 // six entries of monlist
	if f.lead == leadDNSAnswer {
		p.payload = 1100 + int(g.rng.Uint32N(372))
	}
	return g.pace(f)
}

// stepSYNFlood opens from an invented source; the victim answers while it can.
func (g *Generator) stepSYNFlood(f *flow, p *packet) int64 {
	if f.state == 1 {
		f.state = 0
		p.dir, p.flags, p.seq, p.ack = 1, flagSYN|flagACK, f.seq[1], f.seq[0]+1
		return g.pace(f)
	}
	g.from(f, 0, g.rng.Uint32N(131070))
	f.port[0] = g.high()
	f.seq[0], f.seq[1] = g.rng.Uint32(), g.rng.Uint32()
	p.flags, p.seq = flagSYN, f.seq[0]
	if g.rng.Uint32N(8) == 0 {
		f.state = 1
		return 1 + f.gap/8
	}
	return g.pace(f)
}

// from gives one end of an attack another address of the Internet, west and
// east taken as the one range they are, and the tap it is behind.
func (g *Generator) from(f *flow, end int, offset uint32) {
	base := networks[west].V4.Addr().As4()
	var a address
	binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(base[:])+1+offset)
	f.setAddr(end, a)
	up := uplinkOf(mix(uint64(offset) + 1))
	f.iface = [2]uint8{up, up}
	f.ttl[end] = hopsLeft(internet, &a)
}
