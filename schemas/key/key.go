// Package key defines the flow keys of each record kind, their canonical bytes, order and hash, and the columns that
// carry them.
package key

import "netstream/schemas/columns"

// Key is a flow key of any kind: a comparable value without pointers.
type Key[K any] interface {
	comparable
	// Hash is the flow hash: flow shard, table slot and flow id come from it.
	Hash(seed uint64) uint64
	// AppendBytes appends the canonical form to dst.
	AppendBytes(dst []byte) []byte
	// Compare orders keys by their canonical bytes.
	Compare(K) int
}

// Columns holds keys of one kind, a slice a field.
type Columns[K any] interface {
	Len() int
	Append(K)
	Read(i int, k *K)
	Reset()
	Columns() []columns.Column
}

// sparse adds v as value n of a column that stays empty as long as all its values are zero.
func sparse[T comparable](s []T, n int, v T) []T {
	var zero T
	if len(s) == 0 {
		if v == zero {
			return s
		}
		s = append(s, make([]T, n)...)
	}
	return append(s, v)
}

// at is value i of a column that may be empty because all its values are zero.
func at[T any](s []T, i int) (v T) {
	if len(s) > 0 {
		return s[i]
	}
	return v
}
