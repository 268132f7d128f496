package key_test

import (
	"encoding/binary"
	"math/bits"
	"testing"

	"github.com/zeebo/xxh3"
)

// xxh3Ref is XXH3-64 with a seed for inputs of 1 to 128 bytes, written down from the description of the algorithm
// (xxhash.com) with no thought of speed: the judge of the hash that the line uses.
func xxh3Ref(b []byte, seed uint64) uint64 {
	const (
		prime32x1 = 0x9E3779B1
		prime32x2 = 0x85EBCA77
		prime32x3 = 0xC2B2AE3D
		prime64x1 = 0x9E3779B185EBCA87
		prime64x2 = 0xC2B2AE3D27D4EB4F
		prime64x3 = 0x165667B19E3779F9
		mix1      = 0x165667919E3779F9
		mix2      = 0x9FB21C651E98DF25
	)
	s64 := func(i int) uint64 { return binary.LittleEndian.Uint64(xxh3Secret[i:]) }
	s32 := func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(xxh3Secret[i:])) }
	u64 := func(i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }
	u32 := func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(b[i:])) }
	fold := func(x, y uint64) uint64 {
		hi, lo := bits.Mul64(x, y)
		return hi ^ lo
	}
	avalanche := func(h uint64) uint64 {
		h ^= h >> 37
		h *= mix1
		return h ^ h>>32
	}
	n := len(b)
	switch {
	case n <= 3:
		c := uint64(b[0])<<16 | uint64(b[n/2])<<24 | uint64(b[n-1]) | uint64(n)<<8
		h := c ^ (s32(0) ^ s32(4) + seed)
		h ^= h >> 33
		h *= prime64x2
		h ^= h >> 29
		h *= prime64x3
		return h ^ h>>32
	case n <= 8:
		seed ^= uint64(bits.ReverseBytes32(uint32(seed))) << 32
		h := (u32(n-4) + u32(0)<<32) ^ ((s64(8) ^ s64(16)) - seed)
		h ^= bits.RotateLeft64(h, 49) ^ bits.RotateLeft64(h, 24)
		h *= mix2
		h ^= h>>35 + uint64(n)
		h *= mix2
		return h ^ h>>28
	case n <= 16:
		lo := u64(0) ^ ((s64(24) ^ s64(32)) + seed)
		hi := u64(n-8) ^ ((s64(40) ^ s64(48)) - seed)
		return avalanche(uint64(n) + bits.ReverseBytes64(lo) + hi + fold(lo, hi))
	case n <= 128:
		mix := func(i, s int) uint64 { return fold(u64(i)^(s64(s)+seed), u64(i+8)^(s64(s+8)-seed)) }
		h := uint64(n) * prime64x1
		for i := (n - 1) / 32; i >= 0; i-- {
			h += mix(16*i, 32*i) + mix(n-16*(i+1), 32*i+16)
		}
		return avalanche(h)
	}
	panic("xxh3Ref: input too long")
}

// xxh3Secret is the beginning of the algorithm's default secret.
var xxh3Secret = []byte{
	0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
	0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
	0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
	0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
	0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
	0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
	0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
	0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
}

// TestHashIsXXH3 holds the reference to vectors published with the algorithm, and the library to the reference.
func TestHashIsXXH3(t *testing.T) {
	const prime = 0x9E3779B185EBCA8D // seed of the published vectors, and step of their input
	input := make([]byte, 128)
	for i, gen := 0, uint64(0x9E3779B1); i < len(input); i++ {
		input[i] = byte(gen >> 56)
		gen *= prime
	}
	for _, c := range []struct {
		n          int
		seed, want uint64
	}{
		{1, 0, 0xC44BDFF4074EECDB}, {1, prime, 0x032BE332DD766EF8},
		{6, 0, 0x27B56A84CD2D7325}, {6, prime, 0x84589C116AB59AB9},
		{12, 0, 0xA713DAF0DFBB77E7}, {12, prime, 0xE7303E1B2336DE0E},
		{24, 0, 0xA3FE70BF9D3510EB}, {24, prime, 0x850E80FC35BDD690},
		{48, 0, 0x397DA259ECBA1F11}, {48, prime, 0xADC2CBAA44ACC616},
		{80, 0, 0xBCDEFBBB2C47C90A}, {80, prime, 0xC6DD0CB699532E73},
	} {
		if got := xxh3Ref(input[:c.n], c.seed); got != c.want {
			t.Errorf("reference of %d bytes, seed %x: %016X, want %016X", c.n, c.seed, got, c.want)
		}
	}
	for n := 1; n <= len(input); n++ {
		for _, seed := range []uint64{0, 1, prime, 1<<64 - 1} {
			if got, want := xxh3.HashSeed(input[:n], seed), xxh3Ref(input[:n], seed); got != want {
				t.Errorf("%d bytes, seed %x: %016x, want %016x", n, seed, got, want)
			}
		}
	}
}
