package traffic

// begin starts a conversation of application i. When the slab is full the
// user goes away: memory matters more than one visit.
func (g *Generator) begin(i int, now int64) {
	if g.full() {
		return
	}
	id, f := g.take()
	a := &apps[i]
	client, server := a.clients.pick(g.rng), a.servers.pick(g.rng)
	clientRank := g.popular[client].Uint64()
	// Each application has its own favourites among the servers.
	serverRank := (g.popular[server].Uint64() + uint64(i)*37) % networks[server].hosts
	if a.pool > 0 {
		serverRank %= a.pool
	}
	if i == crowdApp {
		serverRank = g.crowdRank
	}
	if client == server && clientRank == serverRank {
		serverRank = (serverRank + 1) % networks[server].hosts
	}

	s := a.service(g)
	*f = flow{
		shape: a.shape, app: uint8(i), proto: a.proto, lead: s.lead,
		v6:     g.rng.Float64() < a.v6,
		tos:    a.dscp << 2,
		vlan:   a.vlan,
		label:  g.rng.Uint32(),
		mss:    1460,
		resets: g.rng.Float64() < a.reset,
		rounds: int32(a.rounds.draw(g.rng) + 0.5),
		gap:    int64(1e9 / a.rate.draw(g.rng)),
	}
	if f.v6 {
		f.mss = 1440
		if f.proto == protoICMP {
			f.proto = protoICMPv6
		}
	}
	if a.shape == shapeDatagram {
		f.mss = 1250 // QUIC stays below every path's MTU
	}
	f.port[0], f.port[1] = g.high(), s.port
	if s.port == 0 {
		f.port[1] = g.high()
	}
	if s.lead == leadNTP { // daemons ask from their own port
		f.port[0] = s.port
	}
	f.seq[0], f.seq[1] = g.rng.Uint32(), g.rng.Uint32()
	f.ipID[0], f.ipID[1] = uint16(f.seq[0]>>8), uint16(f.seq[1]>>8)
	f.setAddr(0, networks[client].host(clientRank, f.v6))
	f.setAddr(1, networks[server].host(serverRank, f.v6))
	f.route(client, server)
	f.rtt = f.roundTrip(client, server)
	if g.rng.Uint32N(100) == 0 {
		f.tries = 3
	}
	g.queue.push(entry{now, id})
}

func (a *app) service(g *Generator) service {
	n := int(g.rng.Uint32N(100))
	for _, s := range a.services {
		if n -= int(s.weight); n < 0 {
			return s
		}
	}
	return a.services[len(a.services)-1]
}

// route chooses the taps and the hop limits left at them.
func (f *flow) route(client, server int) {
	c, s := networks[client].place, networks[server].place
	if c != internet && s != internet {
		f.iface = [2]uint8{datacentre, datacentre}
		f.outward = c != servers
	} else {
		f.outward = c != internet
		remote := f.remote()
		h := mix(uint64(f.addrSum)*31 + uint64(remote[1])<<8 + uint64(remote[2]))
		up := uplinkOf(h)
		f.iface = [2]uint8{up, up}
		if h>>32%8 == 0 { // the other network prefers another way back
			back := uint8(uplinkA + uplinkB - up)
			if f.outward {
				f.iface[1] = back
			} else {
				f.iface[0] = back
			}
		}
	}
	f.ttl = [2]uint8{hopsLeft(c, &f.addr[0]), hopsLeft(s, &f.addr[1])}
}

// remote returns the address on the far side of an uplink.
func (f *flow) remote() *address {
	if f.outward {
		return &f.addr[1]
	}
	return &f.addr[0]
}

// uplinkOf puts three fifths of the Internet behind uplink A.
func uplinkOf(h uint64) uint8 {
	if h%100 < 60 {
		return uplinkA
	}
	return uplinkB
}

// hopsLeft is the TTL or hop limit of what a host sends, as its tap sees it:
// the system's initial value less the routers on the way.
func hopsLeft(p place, a *address) uint8 {
	h := mix(uint64(sum16(a[:])) + uint64(a[3])<<20 + uint64(a[15]))
	switch p {
	case access:
		initial := uint8(64)
		if h%10 < 6 {
			initial = 128
		}
		return initial - 1 - uint8(h>>8%4)
	case servers:
		return 64 - 1 - uint8(h>>8%2)
	default:
		initial := uint8(64)
		if h%10 < 2 {
			initial = 128
		}
		return initial - 5 - uint8(h>>8%14)
	}
}

// roundTrip is the same for all conversations of two hosts: below 4 ms inside
// the network, 5 to 20 ms to the caches, up to 180 ms to the world.
func (f *flow) roundTrip(client, server int) int64 {
	h := int64(mix(uint64(f.addrSum)) >> 1)
	switch {
	case f.iface[0] == datacentre:
		return 300_000 + h%4_000_000
	case server == content || client == content:
		return 5_000_000 + h%15_000_000
	default:
		return 12_000_000 + h%168_000_000
	}
}
