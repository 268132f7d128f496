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
