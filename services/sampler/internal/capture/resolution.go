package capture

import (
	"math"
	"math/bits"
)

// resolution turns the 64-bit ticks of a pcapng interface into nanoseconds since the epoch.
type resolution struct {
	mul    uint64 // nanoseconds of a tick, times div, times 2^shift
	div    uint64
	shift  uint8
	offset int64 // seconds added, if_tsoffset
}

// micro is the resolution of an interface that doesn't state one.
var micro = resolution{mul: 1000, div: 1}

// setUnit applies if_tsresol: a negative power of 10, or of 2 with the high bit set.
func (t *resolution) setUnit(tsresol byte) {
	e := tsresol &^ 0x80
	switch {
	case tsresol&0x80 != 0:
		t.mul, t.div, t.shift = 1e9, 1, e
	case e <= 9:
		t.mul, t.div, t.shift = pow10(9-e), 1, 0
	case e-9 <= 19:
		t.mul, t.div, t.shift = 1, pow10(e-9), 0
	default: // all 64 bits of ticks are less than a nanosecond
		t.mul, t.div, t.shift = 0, 1, 0
	}
}

func pow10(e byte) uint64 {
	p := uint64(1)
	for ; e > 0; e-- {
		p *= 10
	}
	return p
}

// time is ticks in nanoseconds, rounded down; ok is false when it had to be clamped to the range of int64.
func (t *resolution) time(ticks uint64) (ns int64, ok bool) {
	hi, lo := bits.Mul64(ticks, t.mul)
	if t.shift > 0 {
		hi, lo = shiftRight(hi, lo, t.shift)
	}
	if t.div > 1 { // then mul is 1 and hi 0
		lo /= t.div
	}
	if hi != 0 || lo > math.MaxInt64 {
		return math.MaxInt64, false
	}
	if t.offset == 0 {
		return int64(lo), true
	}
	return t.shifted(int64(lo))
}

// shifted adds the offset.
func (t *resolution) shifted(ns int64) (int64, bool) {
	const limit = math.MaxInt64 / int64(1e9)
	switch {
	case t.offset > limit:
		return math.MaxInt64, false
	case t.offset < -limit:
		return math.MinInt64, false
	}
	off := t.offset * 1e9
	if off > 0 && ns > math.MaxInt64-off {
		return math.MaxInt64, false
	}
	return ns + off, true // ns isn't negative
}

func shiftRight(hi, lo uint64, n uint8) (uint64, uint64) {
	if n >= 64 {
		return 0, hi >> (n - 64)
	}
	return hi >> n, lo>>n | hi<<(64-n)
}
