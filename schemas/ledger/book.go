package ledger

import (
	"cmp"
	"slices"
)

// Book keeps the latest entry of each counter, in order of their keys, so that equal books are written as equal bytes.
type Book struct{ entries []Entry }

// Put takes an entry over unless the book has a later one.
func (b *Book) Put(e Entry) {
	i, found := slices.BinarySearchFunc(b.entries, e, compare)
	switch {
	case !found:
		b.entries = slices.Insert(b.entries, i, e)
	case !e.Before(&b.entries[i]):
		b.entries[i] = e
	}
}

// Append appends all entries to rows.
func (b *Book) Append(rows *Rows) {
	for i := range b.entries {
		rows.Append(&b.entries[i])
	}
}

func compare(a, b Entry) int {
	return cmp.Or(
		cmp.Compare(a.Source, b.Source), cmp.Compare(a.Hop, b.Hop), cmp.Compare(a.Shard, b.Shard),
		cmp.Compare(a.Monitor, b.Monitor), cmp.Compare(a.Name, b.Name),
	)
}
