package sampling

import (
	"encoding/binary"
	"math/bits"

	"github.com/zeebo/xxh3"
)

// PacketRandom is packet-random sampling (random-packets N): of each N packets in a row, one, each with the same
// probability. The one stands for N.
type PacketRandom struct {
	n          uint32
	seed       uint64
	interfaces map[uint32]*draw
	last       uint32 // interface of the latest packet, to spare the look-up
	draw       *draw
}

// draw is the state of one interface: the interval it is in and the packet that was drawn.
type draw struct {
	interval uint64
	seen     uint32 // packets of the interval so far
	chosen   uint32 // 1..N
}

// NewPacketRandom samples 1:n with draws from seed.
func NewPacketRandom(n uint32, seed uint64) *PacketRandom {
	return &PacketRandom{n: n, seed: seed, interfaces: map[uint32]*draw{}}
}

// Select returns N for the packet drawn in its interval, else 0.
func (s *PacketRandom) Select(iface uint32) uint32 {
	d := s.draw
	if d == nil || iface != s.last {
		d = s.of(iface)
		s.draw, s.last = d, iface
	}
	if d.seen == s.n {
		d.interval++
		d.seen, d.chosen = 0, s.choose(iface, d.interval)
	}
	d.seen++
	if d.seen == d.chosen {
		return s.n
	}
	return 0
}

func (s *PacketRandom) of(iface uint32) *draw {
	d := s.interfaces[iface]
	if d == nil {
		d = &draw{chosen: s.choose(iface, 0)}
		s.interfaces[iface] = d
	}
	return d
}

// choose draws one of 1..N: XXH3-64 with the seed of interface, direction (0) and interval, scaled by the high half of a
// product, whose bias is below N/2^64.
func (s *PacketRandom) choose(iface uint32, interval uint64) uint32 {
	var b [13]byte
	binary.BigEndian.PutUint32(b[0:], iface)
	binary.BigEndian.PutUint64(b[5:], interval)
	h := xxh3.HashSeed(b[:], s.seed)
	hi, _ := bits.Mul64(h, uint64(s.n))
	return uint32(hi) + 1
}
