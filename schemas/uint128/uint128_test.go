package uint128_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"netstream/schemas/uint128"
)

var modulus = new(big.Int).Lsh(big.NewInt(1), 128)

func toBig(u uint128.Uint128) *big.Int {
	b := new(big.Int).SetUint64(u.Hi)
	return b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(u.Lo))
}

// random takes words that are often at an edge.
func random(r *rand.Rand) uint128.Uint128 {
	word := func() uint64 {
		switch r.IntN(4) {
		case 0:
			return 0
		case 1:
			return math.MaxUint64
		case 2:
			return 1 << r.IntN(64)
		}
		return r.Uint64()
	}
	return uint128.Uint128{Hi: word(), Lo: word()}
}

func TestAgainstBig(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		u, v := random(r), random(r)
		a, b := toBig(u), toBig(v)
		want := new(big.Int).Add(a, b)
		if got := u.Add(v); toBig(got).Cmp(want.Mod(want, modulus)) != 0 {
			t.Fatalf("%s + %s = %s, want %x", u, v, got, want)
		}
		want = new(big.Int).Sub(a, b)
		if got := u.Sub(v); toBig(got).Cmp(want.Mod(want, modulus)) != 0 {
			t.Fatalf("%s - %s = %s, want %x", u, v, got, want)
		}
		want = new(big.Int).Mul(new(big.Int).SetUint64(u.Hi), new(big.Int).SetUint64(v.Lo))
		if got := uint128.Mul(u.Hi, v.Lo); toBig(got).Cmp(want) != 0 {
			t.Fatalf("%x * %x = %s, want %x", u.Hi, v.Lo, got, want)
		}
		if got, _ := new(big.Float).SetInt(a).Float64(); got != u.Float64() {
			t.Fatalf("%s is %v as a float64, want %v", u, u.Float64(), got)
		}
	}
}

func TestString(t *testing.T) {
	u := uint128.Uint128{Hi: 0x123, Lo: 0xabc}
	if got, want := u.String(), "0000000000000123"+"0000000000000abc"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
