package sampler

import (
	"math/rand/v2"

	"netstream/schemas/key"
	"netstream/schemas/packet"
)

// Policies of overload: what a source does when the bus takes its messages too slowly.
const (
	OverloadWait = "wait" // it stops reading; for files, and inputs that can wait
	OverloadDrop = "drop" // packets are dropped, and counted
	OverloadThin = "thin" // fewer packets are taken, each standing for more
)

func validOverload(policy string) bool {
	return policy == OverloadWait || policy == OverloadDrop || policy == OverloadThin
}

// pressure is how a source meets overload.
type pressure struct {
	policy string
	factor uint32 // by which the intervals of sampling are longer than configured
	calm   int    // flushes in a row that found the bus quick
	random *rand.Rand
}

// Bounds of thinning.
const (
	// maxFactor is the most that intervals are lengthened: then one packet in 65,536 is taken of unsampled traffic.
	maxFactor = 1 << 16
	// calmFlushes is how many flushes in a row must find the bus quick before intervals are shortened again: a second of
	// them by default.
	calmFlushes = 10
)

func newPressure(policy string, seed uint64) pressure {
	return pressure{policy: policy, factor: 1, random: rand.New(rand.NewPCG(seed, 0))}
}

// roomFor tells whether a flush of all shards would not have to wait. Only this goroutine fills the queues, so that the
// answer holds until it does.
func (s *source) roomFor() bool {
	for _, sh := range s.shards {
		if len(sh.queue) == cap(sh.queue) || len(sh.free) == 0 {
			return false
		}
	}
	return true
}

// relieve makes room when what is filled can't be handed on: it gives up half of the packets, drawn at random, and lets
// the others stand for twice as many. Estimates stay unbiased, and nothing is lost without a trace: what is given up
// counts as not selected.
func (s *source) relieve() {
	s.thin(2 * s.pressure.factor)
	for n, sh := range s.shards {
		f, spare := sh.fill, sh.spareFlush()
		give := func(bytes, wire uint32) {
			s.books.out[n].sub(bytes)
			s.books.frames[n].sub(wire)
			s.books.unselected.add(wire)
		}
		halve(s.pressure.random, &f.ipv4, &spare.ipv4, func(r *packet.Row[key.IPv4]) (*uint32, uint32) { return &r.Weight, r.Bytes }, give)
		halve(s.pressure.random, &f.ipv6, &spare.ipv6, func(r *packet.Row[key.IPv6]) (*uint32, uint32) { return &r.Weight, r.Bytes }, give)
		halve(s.pressure.random, &f.wide, &spare.wide, func(r *packet.WideRow) (*uint32, uint32) { return &r.Weight, r.Bytes }, give)
		f.reset()
		sh.fill, sh.spare = spare, f
	}
}

// halve moves half of the rows, drawn at random, with twice their weight; give is told of the others.
func halve[R any](random *rand.Rand, from, to *class[R], of func(*R) (weight *uint32, bytes uint32), give func(bytes, wire uint32)) {
	var row R
	for i := range from.rows.Len() {
		from.rows.Read(i, &row)
		weight, bytes := of(&row)
		if random.Uint64()&1 == 0 {
			give(bytes, from.wire[i])
			continue
		}
		*weight = doubled(*weight)
		to.append(&row, from.wire[i])
	}
}

// doubled is twice a weight, as far as it fits.
func doubled(w uint32) uint32 { return uint32(min(2*uint64(w), 1<<32-1)) }

// thin sets the factor of all samplers; it holds from their next interval on.
func (s *source) thin(factor uint32) {
	factor = min(max(factor, 1), maxFactor)
	if factor == s.pressure.factor {
		return
	}
	if s.pressure.factor == 1 {
		s.log.Warn("the bus is too slow for this source: it takes fewer packets, each standing for more", "source", s.name)
	} else if factor == 1 {
		s.log.Info("the source takes packets as configured again", "source", s.name)
	}
	s.pressure.factor = factor
	s.metrics.thinned.WithLabelValues(s.name).Set(float64(factor))
	for _, p := range s.inOrder {
		p.sampler.Thin(factor)
	}
}

// watch follows the pressure at a flush: intervals are shortened again when the bus has been quick for a while, and
// lengthened already before there is no room.
func (s *source) watch() {
	if s.pressure.policy != OverloadThin {
		return
	}
	waiting := 0
	for _, sh := range s.shards {
		waiting = max(waiting, len(sh.queue))
	}
	switch {
	case 2*waiting > cap(s.shards[0].queue):
		s.pressure.calm = 0
		s.thin(2 * s.pressure.factor)
	case waiting > 0:
		s.pressure.calm = 0
	default:
		if s.pressure.calm++; s.pressure.calm >= calmFlushes {
			s.pressure.calm = 0
			s.thin(s.pressure.factor / 2)
		}
	}
}
