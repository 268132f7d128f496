package window_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"netstream/schemas/window"
)

func TestOf(t *testing.T) {
	const s = window.Length
	for _, c := range []struct {
		name    string
		t, want int64
	}{
		{"the epoch", 0, 0},
		{"just after it", 1, 0},
		{"the last of a window", s - 1, 0},
		{"the first of the next", s, s},
		{"just before the epoch", -1, -s},
		{"a window before it", -s, -s},
		{"just before that", -s - 1, -2 * s},
		{"today", 1_700_000_000_123_456_789, 1_700_000_000_000_000_000},
		{"the end of time", math.MaxInt64, math.MaxInt64 - math.MaxInt64%s},
		{"the beginning of time", math.MinInt64, math.MinInt64 + 854_775_808},
	} {
		if got := window.Of(c.t); got != c.want {
			t.Errorf("%s: window of %d is %d, want %d", c.name, c.t, got, c.want)
		}
	}
}

func TestOfAnyTime(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		v := int64(r.Uint64()) >> 1
		if w := window.Of(v); w%window.Length != 0 || v < w || v-w >= window.Length {
			t.Fatalf("window of %d is %d", v, w)
		}
	}
}
