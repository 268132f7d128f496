package sampling

import "time"

// timeRegular is time-regular sampling (fix-time T): the first packet at or after each tick. It stands for the packets up to
// the next tick; a tick without a packet before the next one is lost (spec section 7.1).
type timeRegular struct{ window }

func newTimeRegular(period time.Duration, offset int64) *timeRegular {
	return &timeRegular{newWindow(period, offset)}
}

// Next implements Sampler. Packets before the very first tick are passed over.
func (s *timeRegular) Next(t int64) Decision {
	if max(s.last, t) < s.offset {
		s.last = max(s.last, t)
		return Decision{}
	}
	fresh, counted := s.enter(t)
	return Decision{Release: counted, Keep: fresh}
}

// Advance implements Sampler.
func (s *timeRegular) Advance(t int64) uint32 { return s.advance(t) }

// Close implements Sampler.
func (s *timeRegular) Close() uint32 { return s.leave() }

// Thin implements Sampler.
func (s *timeRegular) Thin(factor uint32) { s.thin(factor) }
