package sampling

// packetRegular is packet-regular sampling (fix-packets N): with start s the packets s, s+N, s+2N, … (spec section 7.1). Each
// stands for N.
type packetRegular struct {
	configured uint32
	next       uint32 // packets of the interval that begins next
	left       uint32 // packets to pass over before the next one is taken
	n          uint32 // what that one stands for
}

func newPacketRegular(n, start uint32) *packetRegular {
	return &packetRegular{configured: n, next: n, left: start - 1, n: n}
}

// Next implements Sampler.
func (s *packetRegular) Next(int64) Decision {
	if s.left > 0 {
		s.left--
		return Decision{}
	}
	d := Decision{Weight: s.n, Keep: true}
	s.n, s.left = s.next, s.next-1
	return d
}

// Advance implements Sampler.
func (*packetRegular) Advance(int64) uint32 { return 0 }

// Close implements Sampler.
func (*packetRegular) Close() uint32 { return 0 }

// Thin implements Sampler.
func (s *packetRegular) Thin(factor uint32) { s.next = times(s.configured, factor) }
