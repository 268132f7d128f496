package main

import (
	"math"
	"math/rand/v2"
)

// pkt is one packet of generated traffic.
type pkt struct {
	time   int64 // ns
	length uint32
	class  int
}

// classes is how many classes of traffic there are; an estimate is made of each.
const classes = 4

// realistic is bursty traffic of heavy-tailed flows with mixed packet sizes, n packets at about 100,000 a second.
func realistic(rng *rand.Rand, n int) []pkt {
	packets := make([]pkt, 0, n)
	type flow struct {
		class, left int
		size        uint32
	}
	sizes := []uint32{40, 52, 120, 576, 1500, 1500}
	var live []flow
	now := int64(0)
	for len(packets) < n {
		for len(live) < 60 {
			left := int(math.Min(2*math.Pow(rng.Float64(), -1/1.2), 20_000)) // Pareto
			class := 0
			for class < classes-1 && rng.IntN(3) == 0 {
				class++
			}
			live = append(live, flow{class, left, sizes[rng.IntN(len(sizes))]})
		}
		i := rng.IntN(len(live))
		f := &live[i]
		burst := min(1+rng.IntN(6), f.left, n-len(packets))
		for range burst {
			now += 1000 + rng.Int64N(1000)
			length := f.size
			if rng.IntN(4) == 0 {
				length = 40
			}
			packets = append(packets, pkt{now, length, f.class})
		}
		now += rng.Int64N(30_000)
		if f.left -= burst; f.left <= 0 {
			live[i] = live[len(live)-1]
			live = live[:len(live)-1]
		}
	}
	return packets
}

// periodic repeats the same 100 packets at the same distances: the first of each hundred are of class 1, large, the others
// of class 0. A regular sampler with an interval that divides or is a multiple of 100 always meets the same place.
func periodic(_ *rand.Rand, n int) []pkt {
	packets := make([]pkt, n)
	for i := range packets {
		p := pkt{time: int64(i) * 10_000, length: 100}
		if i%100 < 10 {
			p.class, p.length = 1, 1500
		}
		packets[i] = p
	}
	return packets
}

// busyQuiet alternates two seconds of 118,000 packets a second of class 0 with eighteen seconds of 4,000 of class 1, and so on for n
// packets.
func busyQuiet(rng *rand.Rand, n int) []pkt {
	packets := make([]pkt, 0, n)
	now := rng.Int64N(1e9)
	for len(packets) < n {
		for end := now + 2e9; now < end && len(packets) < n; now += 4_237 + rng.Int64N(8_475) {
			packets = append(packets, pkt{now, 1000, 0})
		}
		for end := now + 18e9; now < end && len(packets) < n; now += 125_000 + rng.Int64N(250_000) {
			packets = append(packets, pkt{now, 200, 1})
		}
	}
	return packets
}

// traffics are those of the table.
var traffics = []struct {
	name string
	make func(*rand.Rand, int) []pkt
}{{"realistic", realistic}, {"periodic", periodic}}
