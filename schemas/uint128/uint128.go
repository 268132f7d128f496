// Package uint128 is an unsigned 128-bit integer for sums that must be exact whatever the order of adding: 64 bits
// overflow for sums of squares, and floating point depends on the order.
package uint128

import (
	"fmt"
	"math"
	"math/bits"
)

// Uint128 is Hi*2^64 + Lo; it wraps modulo 2^128.
type Uint128 struct{ Hi, Lo uint64 }

// Add returns u + v.
func (u Uint128) Add(v Uint128) Uint128 {
	lo, carry := bits.Add64(u.Lo, v.Lo, 0)
	hi, _ := bits.Add64(u.Hi, v.Hi, carry)
	return Uint128{hi, lo}
}

// Sub returns u - v.
func (u Uint128) Sub(v Uint128) Uint128 {
	lo, borrow := bits.Sub64(u.Lo, v.Lo, 0)
	hi, _ := bits.Sub64(u.Hi, v.Hi, borrow)
	return Uint128{hi, lo}
}

// Mul returns the full product a*b.
func Mul(a, b uint64) Uint128 {
	hi, lo := bits.Mul64(a, b)
	return Uint128{hi, lo}
}

// Float64 is the nearest float64, ties to even.
func (u Uint128) Float64() float64 {
	if u.Hi == 0 {
		return float64(u.Lo)
	}
	// The upper 64 bits from the first one set, the last of them set if anything below is: rounding them is rounding
	// the whole, since a float64 keeps 53.
	shift := bits.LeadingZeros64(u.Hi)
	top, rest := u.Hi<<shift|u.Lo>>(64-shift), u.Lo<<shift
	if rest != 0 {
		top |= 1
	}
	return math.Ldexp(float64(top), 64-shift)
}

// String is 32 hexadecimal digits.
func (u Uint128) String() string { return fmt.Sprintf("%016x%016x", u.Hi, u.Lo) }
