package capture

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestResolution(t *testing.T) {
	const day = 86400
	for _, tc := range []struct {
		name    string
		tsresol byte
		offset  int64
		ticks   uint64
		want    int64
		clamped bool
	}{
		{"largest time in µs", 6, 0, math.MaxInt64 / 1000, math.MaxInt64 / 1000 * 1000, false},
		{"one more", 6, 0, math.MaxInt64/1000 + 1, math.MaxInt64, true},
		{"largest time in ns", 9, 0, math.MaxInt64, math.MaxInt64, false},
		{"one more", 9, 0, 1 << 63, math.MaxInt64, true},
		{"10^-28 is a divisor of 10^19", 28, 0, math.MaxUint64, 1, false},
		{"10^-29 is always less than a nanosecond", 29, 0, math.MaxUint64, 0, false},
		{"10^-127", 127, 0, math.MaxUint64, 0, false},
		{"2^-0", 0x80, 0, 3, 3e9, false},
		{"2^-32, as NTP has it", 0x80 | 32, 0, 5<<32 | 1<<31, 5_500_000_000, false},
		{"2^-64", 0x80 | 64, 0, 1 << 63, 5e8, false},
		{"2^-127", 0x80 | 127, 0, math.MaxUint64, 0, false},
		{"offset", 6, day, 1, day*1e9 + 1000, false},
		{"before the epoch", 6, -day, 1, -day*1e9 + 1000, false},
		{"offset over the range", 6, math.MaxInt64, 1, math.MaxInt64, true},
		{"offset under the range", 6, math.MinInt64, 1, math.MinInt64, true},
		{"sum over the range", 9, math.MaxInt64 / 1_000_000_000, 1e9, math.MaxInt64, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := micro
			r.setUnit(tc.tsresol)
			r.offset = tc.offset
			got, ok := r.time(tc.ticks)
			if got != tc.want || ok == tc.clamped {
				t.Errorf("%d ns, ok %t; want %d, clamped %t", got, ok, tc.want, tc.clamped)
			}
		})
	}
}

// TestResolutionMatchesBig compares with numbers of any size.
func TestResolutionMatchesBig(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		unit, ticks := byte(rnd.Uint32()), rnd.Uint64()>>rnd.IntN(64)
		r := micro
		r.setUnit(unit)
		got, ok := r.time(ticks)

		base := int64(10)
		if unit&0x80 != 0 {
			base = 2
		}
		div := new(big.Int).Exp(big.NewInt(base), big.NewInt(int64(unit&0x7f)), nil)
		want := new(big.Int).Mul(new(big.Int).SetUint64(ticks), big.NewInt(1e9))
		want.Div(want, div)
		if !want.IsInt64() {
			if ok || got != math.MaxInt64 {
				t.Fatalf("%d ticks of unit %#x: %d, ok %t; want it clamped", ticks, unit, got, ok)
			}
		} else if !ok || got != want.Int64() {
			t.Fatalf("%d ticks of unit %#x: %d, ok %t; want %d", ticks, unit, got, ok, want)
		}
	}
}
