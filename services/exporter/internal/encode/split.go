package encode

import "math"

// maxShares bounds the records that one flow may become. It is reached at 2^48 bytes, more than a 400 Gbit/s line
// carries in an hour and a half; a flow beyond it is a fault and must not flood a collector.
const maxShares = 1 << 16

// shares is in how many records counters must leave so that each fits 32 bits.
func shares(packets, bytes uint64) uint64 {
	most := max(packets, bytes)
	if most <= math.MaxUint32 {
		return 1
	}
	return (most-1)/math.MaxUint32 + 1
}

// sharesOf is shares with counters of so many bytes, 4 or 8.
func sharesOf(length int, packets, bytes uint64) uint64 {
	if length == 8 {
		return 1
	}
	return shares(packets, bytes)
}

// share is part i of n of a counter. Parts differ by at most one and add up to the whole.
func share(total, n, i uint64) uint64 {
	if n == 1 {
		return total
	}
	part := total / n
	if i < total%n {
		part++
	}
	return part
}
