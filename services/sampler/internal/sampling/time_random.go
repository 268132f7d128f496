package sampling

import (
	"math/bits"
	"time"
)

// timeRandom is time-random sampling (random-time T): of the packets of each window one, each with the same probability, as a
// reservoir of one. It stands for the packets of its window (spec section 7.1).
type timeRandom struct {
	window
	draw drawer
}

func newTimeRandom(period time.Duration, offset int64, draw drawer) *timeRandom {
	return &timeRandom{newWindow(period, offset), draw}
}

// Next implements Sampler. Packet i of a window takes the place of the held one with probability 1/i.
func (s *timeRandom) Next(t int64) Decision {
	fresh, counted := s.enter(t)
	if fresh {
		return Decision{Release: counted, Keep: true}
	}
	hi, _ := bits.Mul64(s.draw(uint64(s.number), s.count), uint64(s.count))
	return Decision{Keep: hi == 0}
}

// Advance implements Sampler.
func (s *timeRandom) Advance(t int64) uint32 { return s.advance(t) }

// Close implements Sampler.
func (s *timeRandom) Close() uint32 { return s.leave() }

// Thin implements Sampler.
func (s *timeRandom) Thin(factor uint32) { s.thin(factor) }
