package store

import (
	"slices"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// value is what a column can hold.
type value interface {
	int64 | uint64 | uint32 | uint16 | uint8 | float64
}

// Column is one column of rows on their way into the database. Values are appended, never one by one through an
// interface; a row may be NULL. A column that is NULL in all rows costs nothing and is left out of the statement.
type Column[T value] struct {
	values []T
	valid  []byte // a bit a row, least significant first; nil while no row is NULL
	nulls  int
}

// Append adds one value.
func (c *Column[T]) Append(v T) {
	c.start(1)
	c.values = append(c.values, v)
	c.mark(1)
}

// AppendAll adds a copy of the values.
func (c *Column[T]) AppendAll(v []T) {
	if len(v) == 0 {
		return
	}
	c.start(len(v))
	c.values = append(c.values, v...)
	c.mark(len(v))
}

// Repeat adds the value n times.
func (c *Column[T]) Repeat(v T, n int) {
	for i, s := 0, c.Extend(n); i < n; i++ {
		s[i] = v
	}
}

// Extend adds n values, to be filled in by the caller before the next call.
func (c *Column[T]) Extend(n int) []T {
	if n == 0 {
		return nil
	}
	c.start(n)
	from := len(c.values)
	c.values = slices.Grow(c.values, n)[:from+n]
	c.mark(n)
	return c.values[from:]
}

// AppendNull adds n rows without a value.
func (c *Column[T]) AppendNull(n int) {
	if n == 0 {
		return
	}
	if len(c.values) == 0 {
		c.nulls += n // all NULL so far: nothing to store
		return
	}
	c.makeValid()
	c.zeros(n)
	c.nulls += n
	c.growValid()
}

// start makes room for what is NULL before the first value.
func (c *Column[T]) start(n int) {
	if len(c.values) > 0 || c.nulls == 0 {
		return
	}
	c.zeros(c.nulls)
	c.valid = slices.Grow(c.valid[:0], (c.nulls+n+7)/8)
	c.growValid()
}

// zeros adds n zeros.
func (c *Column[T]) zeros(n int) {
	from := len(c.values)
	c.values = slices.Grow(c.values, n)[:from+n]
	clear(c.values[from:])
}

// mark says that the last n rows have values.
func (c *Column[T]) mark(n int) {
	if len(c.valid) == 0 {
		return
	}
	c.growValid()
	for i := len(c.values) - n; i < len(c.values); i++ {
		c.valid[i>>3] |= 1 << (i & 7)
	}
}

// makeValid starts the bits of a column that has had a value in every row.
func (c *Column[T]) makeValid() {
	if len(c.valid) > 0 {
		return
	}
	n := len(c.values)
	c.growValid()
	for i := range c.valid {
		c.valid[i] = 0xff
	}
	if n%8 != 0 {
		c.valid[n/8] = 1<<(n%8) - 1
	}
}

func (c *Column[T]) growValid() {
	for len(c.valid) < (len(c.values)+7)/8 {
		c.valid = append(c.valid, 0)
	}
}

// Len is the number of rows.
func (c *Column[T]) Len() int { return max(len(c.values), c.nulls) }

// At is the value of a row that isn't NULL.
func (c *Column[T]) At(row int) T { return c.values[row] }

// reset empties the column and keeps its memory.
func (c *Column[T]) reset() { c.values, c.valid, c.nulls = c.values[:0], c.valid[:0], 0 }

// empty tells whether no row has a value.
func (c *Column[T]) empty() bool { return len(c.values) == 0 }

// array wraps the column without copying.
func (c *Column[T]) array(t arrow.DataType) arrow.Array {
	var valid *memory.Buffer
	if c.nulls > 0 {
		valid = memory.NewBufferBytes(c.valid)
	}
	return array.MakeFromData(array.NewData(t, len(c.values), []*memory.Buffer{valid, buffer(c.values)}, nil, c.nulls, 0))
}

// buffer views a slice of values as bytes.
func buffer[T any](s []T) *memory.Buffer {
	if len(s) == 0 {
		return memory.NewBufferBytes(nil)
	}
	return memory.NewBufferBytes(unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0]))))
}

// text is a column of strings.
type text struct {
	offsets []int32
	data    []byte
}

func (t *text) append(s string) {
	if len(t.offsets) == 0 {
		t.offsets = append(t.offsets, 0)
	}
	t.data = append(t.data, s...)
	t.offsets = append(t.offsets, int32(len(t.data)))
}

func (t *text) array() arrow.Array {
	return array.MakeFromData(array.NewData(arrow.BinaryTypes.String, max(len(t.offsets)-1, 0),
		[]*memory.Buffer{nil, buffer(t.offsets), memory.NewBufferBytes(t.data)}, nil, 0, 0))
}
