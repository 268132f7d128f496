package flows

import (
	"cmp"

	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/uint128"
)

// compare is the canonical order of flows that end together: last, first, key. Only flows of one key with the same times
// tie there (FIN and the next SYN with one time stamp), and the rest of the columns decides. So the order is a function
// of the flows alone, whatever their order in the table.
func compare[K key.Key[K]](a, b *flow.Row[K]) int {
	if c := cmp.Compare(a.Last, b.Last); c != 0 {
		return c
	}
	if c := cmp.Compare(a.First, b.First); c != 0 {
		return c
	}
	if c := a.Key.Compare(b.Key); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(a.Packets, b.Packets), cmp.Compare(a.Bytes, b.Bytes),
		cmp.Compare(a.TCPFlags, b.TCPFlags), cmp.Compare(a.Reason, b.Reason),
		cmp.Compare(a.Sums.Packets, b.Sums.Packets), cmp.Compare(a.Sums.Bytes, b.Sums.Bytes),
		compare128(a.Sums.VarPackets, b.Sums.VarPackets), compare128(a.Sums.VarBytes, b.Sums.VarBytes),
		compareValues(a, b),
	)
}

func compareValues[K any](a, b *flow.Row[K]) int {
	if a.Values == nil || b.Values == nil {
		return 0 // of one monitor both have some or neither has
	}
	return a.Values.Compare(b.Values)
}

func compare128(a, b uint128.Uint128) int {
	return cmp.Or(cmp.Compare(a.Hi, b.Hi), cmp.Compare(a.Lo, b.Lo))
}
