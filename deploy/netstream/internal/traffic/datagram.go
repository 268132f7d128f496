package traffic

// States of a datagram conversation.
const (
	quicHello uint8 = iota
	quicHelloBack
	quicFinish
	quicData
	quicAck
)

// quicInitial is the least a client may send first (RFC 9000 §14.1).
const quicInitial = 1200

// stepDatagram plays a QUIC connection: long headers while it opens, then
// rounds of bursts with sparse acknowledgements, and silence at the end.
func (g *Generator) stepDatagram(f *flow, p *packet) int64 {
	p.dir, p.lead = f.dir, f.lead
	switch f.state {
	case quicHello:
		p.payload, p.lead = quicInitial, leadQUICOpen
		if f.tries > 0 {
			if f.tries--; f.tries == 0 {
				return finished
			}
			return 3e9 >> f.tries
		}
		f.state = quicHelloBack
		return f.rtt
	case quicHelloBack:
		p.dir, p.payload, p.lead = 1, quicInitial+int(f.label%52), leadQUICOpen
		f.state = quicFinish
		return f.rtt / 2
	case quicFinish:
		p.payload = 90
		g.ask(f)
		f.state = quicData
		return 200_000
	case quicData:
		n := min(f.burst, int32(f.mss))
		p.payload = int(n)
		if f.burst -= n; f.burst < minPayload {
			f.burst = 0
		}
		f.unacked++
		switch {
		case f.burst == 0 && f.dir == 0:
			g.answer(f)
			return f.rtt + g.exp(f.rtt/8)
		case f.burst == 0 || f.unacked >= apps[f.app].ackEvery:
			f.state = quicAck
			return f.gap/8 + 1000
		default:
			return g.exp(f.gap)
		}
	default: // quicAck
		p.dir, p.payload = 1-f.dir, minPayload+int(f.label%8)
		f.state, f.unacked = quicData, 0
		if f.burst > 0 {
			return g.exp(f.gap)
		}
		if f.rounds--; f.rounds <= 0 {
			return finished
		}
		g.ask(f)
		return g.exp(int64(apps[f.app].think))
	}
}

// stepExchange asks and answers: DNS, NTP, SNMP and echo.
func (g *Generator) stepExchange(f *flow, p *packet) int64 {
	a := &apps[f.app]
	p.dir, p.lead = f.dir, f.lead
	p.seq = f.seq[0]
	if f.lead == leadDNS {
		p.payload = dnsLen(f.label+f.seq[0], f.dir == 1)
	} else if f.dir == 0 {
		f.burst = int32(a.request.draw(g.rng))
		p.payload = int(f.burst)
	} else {
		p.payload = int(a.response.draw(g.rng))
	}
	if f.dir == 0 && g.rng.Uint32N(50) != 0 {
		f.dir = 1
		return f.rtt
	}
	f.dir = 0
	f.seq[0]++
	if f.rounds--; f.rounds <= 0 {
		return finished
	}
	return g.exp(int64(a.think))
}

// stepStream lets both sides send in turn at a steady rate: telephony and games.
func (g *Generator) stepStream(f *flow, p *packet) int64 {
	a := &apps[f.app]
	p.dir, p.lead, p.seq = f.dir, f.lead, f.seq[f.dir]
	size := &a.request
	if f.dir == 1 {
		size = &a.response
	}
	p.payload = int(size.draw(g.rng))
	f.seq[f.dir]++
	f.dir = 1 - f.dir
	if f.rounds--; f.rounds <= 0 {
		return finished
	}
	// A clock with a little jitter, not a Poisson process.
	return f.gap - f.gap/32 + int64(g.rng.Uint64N(uint64(f.gap/16)+1))
}
