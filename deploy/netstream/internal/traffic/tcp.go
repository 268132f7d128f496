package traffic

// TCP flags.
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
)

// States of a TCP connection, in the order in which they are passed.
const (
	tcpSYN uint8 = iota
	tcpSYNACK
	tcpOpen
	tcpData // bursts, to and fro
	tcpAck  // the receiver acknowledges
	tcpFIN
	tcpFINBack
	tcpLastAck
	tcpReset
)

const (
	// A segment in so many is sent again.
	lossOneIn = 400
	// A burst's last bytes are dropped when fewer are left, so that every
	// payload has room for what it starts with.
	minPayload = 32
)

// stepTCP plays a connection: handshake, rounds of request and response, each
// a burst of segments that the other side acknowledges, then FIN or RST.
func (g *Generator) stepTCP(f *flow, p *packet) int64 {
	p.dir, p.flags = f.dir, flagACK
	switch f.state {
	case tcpSYN:
		p.flags = flagSYN
		p.seq = f.seq[0]
		if f.tries > 0 { // nobody answers
			if f.tries--; f.tries == 0 {
				return finished
			}
			return 3e9 >> f.tries // 0.75 s, 1.5 s
		}
		f.seq[0]++
		f.state = tcpSYNACK
		return f.rtt / 2
	case tcpSYNACK:
		p.dir, p.flags = 1, flagSYN|flagACK
		p.seq, p.ack = f.seq[1], f.seq[0]
		f.seq[1]++
		f.state = tcpOpen
		return f.rtt / 2
	case tcpOpen:
		g.ask(f)
		f.state = tcpData
		p.seq, p.ack = f.seq[0], f.seq[1]
		return 50_000
	case tcpData:
		return g.stepData(f, p)
	case tcpAck:
		p.dir = 1 - f.dir
		p.seq, p.ack = f.seq[p.dir], f.seq[f.dir]
		f.state, f.unacked = tcpData, 0
		if f.burst > 0 {
			return g.exp(f.gap)
		}
		return g.nextRound(f)
	case tcpFIN:
		p.flags |= flagFIN
		p.seq, p.ack = f.seq[f.dir], f.seq[1-f.dir]
		f.seq[f.dir]++
		f.state = tcpFINBack
		return f.rtt / 2
	case tcpFINBack:
		p.dir = 1 - f.dir
		p.flags |= flagFIN
		p.seq, p.ack = f.seq[p.dir], f.seq[f.dir]
		f.seq[p.dir]++
		f.state = tcpLastAck
		return f.rtt / 2
	case tcpLastAck:
		p.seq, p.ack = f.seq[f.dir], f.seq[1-f.dir]
		return finished
	default: // tcpReset
		p.flags |= flagRST
		p.seq, p.ack = f.seq[f.dir], f.seq[1-f.dir]
		return finished
	}
}

// stepData sends one segment of the burst.
func (g *Generator) stepData(f *flow, p *packet) int64 {
	n := min(f.burst, int32(f.mss))
	p.seq, p.ack = f.seq[f.dir], f.seq[1-f.dir]
	p.payload, p.lead = int(n), f.lead
	if g.rng.Uint32N(lossOneIn) == 0 {
		return f.rtt + f.gap // lost behind the tap: the same bytes come again
	}
	f.seq[f.dir] += uint32(n)
	if f.burst -= n; f.burst < minPayload {
		f.burst = 0
		p.flags |= flagPSH
	}
	f.unacked++
	switch {
	case f.burst == 0 && f.dir == 0: // the response acknowledges the request
		g.answer(f)
		return f.rtt + g.exp(f.rtt/8)
	case f.burst == 0 || f.unacked >= apps[f.app].ackEvery:
		f.state = tcpAck
		return f.gap/8 + 1000
	default:
		return g.exp(f.gap)
	}
}

// nextRound is reached when a response has been acknowledged.
func (g *Generator) nextRound(f *flow) int64 {
	if f.rounds--; f.rounds > 0 {
		g.ask(f)
		return g.exp(int64(apps[f.app].think))
	}
	f.dir = uint8(g.rng.Uint32N(2)) // either side may close
	f.state = tcpFIN
	if f.resets {
		f.state = tcpReset
	}
	return g.exp(f.rtt)
}

// ask begins the burst of a request.
func (g *Generator) ask(f *flow) {
	f.dir, f.unacked = 0, 0
	f.burst = max(minPayload, int32(apps[f.app].request.draw(g.rng)))
}

// answer begins the burst of a response.
func (g *Generator) answer(f *flow) {
	f.dir, f.unacked = 1, 0
	f.burst = max(minPayload, int32(apps[f.app].response.draw(g.rng)))
}
