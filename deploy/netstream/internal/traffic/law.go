package traffic

import (
	"math"
	"math/rand/v2"
)

// law is a distribution between min and max: bounded Pareto with exponent
// alpha, or uniform when alpha is 0.
type law struct {
	min, max, alpha float64
}

func (l law) draw(rng *rand.Rand) float64 {
	u := rng.Float64()
	if l.alpha == 0 {
		return l.min + u*(l.max-l.min)
	}
	// Inverse of the bounded Pareto distribution function.
	return l.min * math.Pow(1-u*(1-math.Pow(l.min/l.max, l.alpha)), -1/l.alpha)
}

// mix is the finaliser of SplitMix64: a cheap, good hash of one word.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
