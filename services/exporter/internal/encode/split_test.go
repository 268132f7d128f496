package encode

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestShares(t *testing.T) {
	for _, tt := range []struct{ packets, bytes, want uint64 }{
		{0, 0, 1},
		{1, 40, 1},
		{1, math.MaxUint32, 1},
		{1, math.MaxUint32 + 1, 2},
		{2, 2 * math.MaxUint32, 2},
		{2, 2*math.MaxUint32 + 1, 3},
		{5 * math.MaxUint32, 40, 5},
		{math.MaxUint64, 0, 1<<32 + 1},
	} {
		if got := shares(tt.packets, tt.bytes); got != tt.want {
			t.Errorf("%d packets, %d bytes: %d records, want %d", tt.packets, tt.bytes, got, tt.want)
		}
	}
}

func TestSharesAddUp(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		packets, bytes := rnd.Uint64N(1<<40), rnd.Uint64N(1<<43)
		n := shares(packets, bytes)
		var p, b uint64
		for i := range n {
			sp, sb := share(packets, n, i), share(bytes, n, i)
			if sp > math.MaxUint32 || sb > math.MaxUint32 {
				t.Fatalf("share %d of %d of %d, %d is %d, %d: more than 32 bits", i, n, packets, bytes, sp, sb)
			}
			p, b = p+sp, b+sb
		}
		if p != packets || b != bytes {
			t.Fatalf("%d shares of %d, %d add up to %d, %d", n, packets, bytes, p, b)
		}
	}
}
