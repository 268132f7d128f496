package sampling

import (
	"math"
	"math/bits"
)

// packetRandom is packet-random sampling (random-packets N): of each N packets in a row, one, each with the same
// probability. The one stands for N. With N = 1 it takes every packet, the mode off.
type packetRandom struct {
	configured uint32
	n          uint32 // of the interval under way
	next       uint32 // of the one after it
	seen       uint32 // packets of the interval so far
	chosen     uint32 // 1..n
	interval   uint64
	draw       drawer
}

func newPacketRandom(n uint32, draw drawer) *packetRandom {
	s := &packetRandom{configured: n, next: n, draw: draw}
	s.begin()
	return s
}

// begin begins an interval: the draw is scaled by the high half of a product, whose bias is below N/2^64.
func (s *packetRandom) begin() {
	s.n, s.seen, s.chosen = s.next, 0, 1
	if s.n > 1 {
		hi, _ := bits.Mul64(s.draw(s.interval, 0), uint64(s.n))
		s.chosen = uint32(hi) + 1
	}
}

// Next implements Sampler.
func (s *packetRandom) Next(int64) Decision {
	if s.seen == s.n {
		s.interval++
		s.begin()
	}
	s.seen++
	if s.seen == s.chosen {
		return Decision{Weight: s.n, Keep: true}
	}
	return Decision{}
}

// Advance implements Sampler.
func (*packetRandom) Advance(int64) uint32 { return 0 }

// Close implements Sampler.
func (*packetRandom) Close() uint32 { return 0 }

// Thin implements Sampler.
func (s *packetRandom) Thin(factor uint32) { s.next = times(s.configured, factor) }

// times is n lengthened, as far as it fits.
func times(n, factor uint32) uint32 {
	return uint32(min(uint64(n)*uint64(max(factor, 1)), math.MaxUint32))
}
