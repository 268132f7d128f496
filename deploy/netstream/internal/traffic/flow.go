package traffic

// flow is one conversation or one attacker: who, over what, and how far it
// has got. It holds no pointers; flows live in a slab and are reused.
type flow struct {
	// Index 0 is the client, who speaks first, and 1 the server.
	addr  [2]address
	port  [2]uint16
	seq   [2]uint32 // TCP: next sequence number; streams: packets sent
	ipID  [2]uint16
	ttl   [2]uint8
	iface [2]uint8 // the tap that sees what this end sends

	addrSum uint32 // both addresses as 16-bit words, for the checksums
	label   uint32 // hash of the conversation: flow label, DNS name, identifiers
	vlan    uint16
	mss     uint16
	proto   uint8
	tos     uint8
	v6      bool
	outward bool // the client is on the near side of its tap

	shape   shape
	app     uint8
	lead    lead
	state   uint8
	dir     uint8 // who sends the present burst
	unacked uint8 // data packets since the last acknowledgement
	tries   uint8 // unanswered openings left; 0: somebody answers
	resets  bool  // ends with RST

	burst  int32 // bytes left in the present burst
	rounds int32 // rounds, packets or probes left
	gap    int64 // mean time between packets of a burst, ns
	rtt    int64 // ns
	until  int64 // events: when they end, Unix ns
}

// packet is what a step decides about the next frame of a flow.
type packet struct {
	dir     uint8 // index of the sender
	flags   uint8 // TCP
	lead    lead
	seq     uint32
	ack     uint32
	payload int // bytes after the transport header
}

// finished is returned by a step in place of a wait when the flow has sent
// its last packet.
const finished = int64(-1)

// step decides the next packet of f and returns the time until the one after
// it in ns, or finished.
func (g *Generator) step(f *flow, p *packet) int64 {
	*p = packet{}
	switch f.shape {
	case shapeTCP:
		return g.stepTCP(f, p)
	case shapeDatagram:
		return g.stepDatagram(f, p)
	case shapeExchange:
		return g.stepExchange(f, p)
	case shapeStream:
		return g.stepStream(f, p)
	case shapeScan:
		return g.stepScan(f, p)
	case shapeReflection:
		return g.stepReflection(f, p)
	case shapeSYNFlood:
		return g.stepSYNFlood(f, p)
	case shapeARP:
		return g.stepARP(f, p)
	default:
		return lldpInterval
	}
}

// setAddr changes an end of f and keeps the checksum's share of it.
func (f *flow) setAddr(end int, a address) {
	f.addr[end] = a
	n := 4
	if f.v6 {
		n = 16
	}
	f.addrSum = uint32(sum16(f.addr[0][:n]) + sum16(f.addr[1][:n]))
}

// exp returns a random time with the given mean, never zero.
func (g *Generator) exp(mean int64) int64 {
	return 1 + int64(g.rng.ExpFloat64()*float64(mean))
}

// high returns a port of the dynamic range (RFC 6335).
func (g *Generator) high() uint16 {
	return uint16(49152 + g.rng.Uint32N(65536-49152))
}
