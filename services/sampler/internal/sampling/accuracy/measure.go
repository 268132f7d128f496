package main

import (
	"math"
	"math/rand/v2"

	"netstream/schemas/weight"
	"netstream/services/sampler/internal/sampling"
)

// outcome is how good the estimates of many repetitions were.
type outcome struct {
	biasPackets, biasBytes float64 // of all traffic, in % of the truth
	coverage               float64 // share of the 95 % intervals of classes' packets and bytes that hold the truth, in %
	average                float64 // what one average ratio makes of the packets of class 1, as a multiple of the truth
	own                    float64 // what the weights make of them
}

// sample estimates every class by its sampled packets.
func sample(s sampling.Sampler, packets []pkt) (sums [classes]weight.Sums, taken [classes]int) {
	var held pkt
	holds := false
	emit := func(p pkt, w uint32) {
		sums[p.class].AddPacket(w, p.length)
		taken[p.class]++
	}
	for _, p := range packets {
		d := s.Next(p.time)
		if d.Release != 0 && holds {
			emit(held, d.Release)
			holds = false
		}
		switch {
		case d.Keep && d.Weight != 0:
			emit(p, d.Weight)
		case d.Keep:
			held, holds = p, true
		}
	}
	if w := s.Close(); w != 0 && holds {
		emit(held, w)
	}
	return sums, taken
}

// measure repeats with other draws and, for the packet-regular mode, other starts. minimum is how many sampled packets a
// class must have for its interval to count: the normal distribution wants some.
func measure(settings sampling.Settings, traffic func(*rand.Rand, int) []pkt, n, repetitions int, seed uint64) outcome {
	const minimum = 30
	var o outcome
	var errP, errB, trueP, trueB, held, intervals, sumAverage, sumOwn float64
	rng := rand.New(rand.NewPCG(seed, 1))
	for r := range repetitions {
		packets := traffic(rng, n)
		settings.Seed = seed + uint64(r)
		if settings.Interval > 0 {
			settings.Start = 1 + rng.Uint32N(settings.Interval)
		}
		sums, taken := sample(sampling.New(settings, 1, 0), packets)
		var truth [classes]struct{ packets, bytes float64 }
		for _, p := range packets {
			truth[p.class].packets++
			truth[p.class].bytes += float64(p.length)
		}
		all := 0
		for c := range sums {
			errP += float64(sums[c].Packets) - truth[c].packets
			errB += float64(sums[c].Bytes) - truth[c].bytes
			trueP += truth[c].packets
			trueB += truth[c].bytes
			all += taken[c]
			if taken[c] < minimum {
				continue
			}
			intervals += 2
			held += within(float64(sums[c].Packets), truth[c].packets, sums[c].VarPackets.Hi, sums[c].VarPackets.Lo)
			held += within(float64(sums[c].Bytes), truth[c].bytes, sums[c].VarBytes.Hi, sums[c].VarBytes.Lo)
		}
		if truth[1].packets > 0 {
			sumAverage += float64(taken[1]) * float64(len(packets)) / float64(all) / truth[1].packets
			sumOwn += float64(sums[1].Packets) / truth[1].packets
		}
	}
	o.biasPackets, o.biasBytes = 100*errP/trueP, 100*errB/trueB
	o.coverage = 100 * held / intervals
	o.average, o.own = sumAverage/float64(repetitions), sumOwn/float64(repetitions)
	return o
}

func within(estimate, truth float64, hi, lo uint64) float64 {
	if math.Abs(estimate-truth) <= 1.96*math.Sqrt(math.Ldexp(float64(hi), 64)+float64(lo)) {
		return 1
	}
	return 0
}
