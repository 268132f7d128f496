// Package columns turns typed slices into Arrow record batches and back without copying values one by one.
//
// A row set (packet.IPv4, update.IPv4, flow.IPv4, …) is a struct of slices, one a column. Its Columns method lists
// them; Append wraps the slices as Arrow arrays and writes one Arrow IPC stream with one record batch; Read points the
// slices at the bytes of such a stream.
package columns

import "github.com/apache/arrow-go/v18/arrow"

// Value is what a column can hold: fixed-width values, with [16]byte for IPv6 addresses.
type Value interface {
	int64 | uint64 | uint32 | uint16 | uint8 | [16]byte
}

// Column binds a column name to the slice that holds its values.
type Column struct {
	Name     string
	optional bool
	slice    storage
}

// Of is a column that is always present.
func Of[T Value](name string, s *[]T) Column {
	return Column{Name: name, slice: &fixed[T]{s}}
}

// Optional is a column that is left out when its slice is empty; after Read an absent column is an empty slice.
// What absence means (a weight of 1, the window of the row's own time) is said where the column is defined.
func Optional[T Value](name string, s *[]T) Column {
	return Column{Name: name, optional: true, slice: &fixed[T]{s}}
}

// Type is the Arrow name of the column's type: int64, uint8, fixed_size_binary[16], binary.
func (c Column) Type() string { return c.slice.layout().String() }

// Required tells whether the column is there even if it holds nothing but what its absence would mean.
func (c Column) Required() bool { return !c.optional }

// RowBytes is the size of one row of the columns that are present, 0 for byte strings.
func RowBytes(cols []Column) int {
	n := 0
	for _, c := range cols {
		if w, ok := c.slice.arrowType().(arrow.FixedWidthDataType); ok && c.slice.len() > 0 {
			n += w.Bytes()
		}
	}
	return n
}

// Bytes is a column of byte strings of any length.
func Bytes(name string, s *Binary) Column {
	return Column{Name: name, slice: &variable{s}}
}

// Binary holds byte strings of any length in one buffer; string i is Data[Offsets[i]:Offsets[i+1]].
type Binary struct {
	Offsets []int32
	Data    []byte
}

// Len is the number of strings.
func (b *Binary) Len() int { return max(len(b.Offsets)-1, 0) }

// At is string i; it is valid as long as the buffer is.
func (b *Binary) At(i int) []byte { return b.Data[b.Offsets[i]:b.Offsets[i+1]] }

// Append adds a copy of v.
func (b *Binary) Append(v []byte) {
	if len(b.Offsets) == 0 {
		b.Offsets = append(b.Offsets, 0)
	}
	b.Data = append(b.Data, v...)
	b.Offsets = append(b.Offsets, int32(len(b.Data)))
}

// Reset empties b and keeps its memory.
func (b *Binary) Reset() { b.Offsets, b.Data = b.Offsets[:0], b.Data[:0] }
