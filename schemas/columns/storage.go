package columns

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// storage is the slice behind a column, whatever its type.
type storage interface {
	len() int
	clear()
	arrowType() arrow.DataType
	layout() layout
	wrap() arrow.ArrayData
	point(rows int, values [2][]byte) error
}

// fixed stores values of one width.
type fixed[T Value] struct{ s *[]T }

func (f *fixed[T]) len() int { return len(*f.s) }
func (f *fixed[T]) clear()   { *f.s = nil }

func (f *fixed[T]) arrowType() arrow.DataType {
	var v T
	switch any(v).(type) {
	case int64:
		return arrow.PrimitiveTypes.Int64
	case uint64:
		return arrow.PrimitiveTypes.Uint64
	case uint32:
		return arrow.PrimitiveTypes.Uint32
	case uint16:
		return arrow.PrimitiveTypes.Uint16
	case uint8:
		return arrow.PrimitiveTypes.Uint8
	default:
		return &arrow.FixedSizeBinaryType{ByteWidth: 16}
	}
}

func (f *fixed[T]) layout() layout {
	var v T
	switch any(v).(type) {
	case int64:
		return layout{typeInt, 64, true}
	case [16]byte:
		return layout{typeFixedSizeBinary, 16, false}
	default:
		return layout{typeInt, 8 * int(unsafe.Sizeof(v)), false}
	}
}

func (f *fixed[T]) wrap() arrow.ArrayData {
	return array.NewData(f.arrowType(), len(*f.s), []*memory.Buffer{nil, bytesOf(*f.s)}, nil, 0, 0)
}

func (f *fixed[T]) point(rows int, values [2][]byte) (err error) {
	*f.s, err = slice[T](values[0], rows)
	return err
}

// variable stores byte strings.
type variable struct{ b *Binary }

func (v *variable) len() int                  { return v.b.Len() }
func (v *variable) clear()                    { *v.b = Binary{} }
func (v *variable) arrowType() arrow.DataType { return arrow.BinaryTypes.Binary }
func (v *variable) layout() layout            { return layout{kind: typeBinary} }

func (v *variable) wrap() arrow.ArrayData {
	offsets := v.b.Offsets
	if len(offsets) == 0 {
		offsets = []int32{0}
	}
	return array.NewData(v.arrowType(), v.b.Len(), []*memory.Buffer{nil, bytesOf(offsets), memory.NewBufferBytes(v.b.Data)}, nil, 0, 0)
}

func (v *variable) point(rows int, values [2][]byte) error {
	if rows == 0 {
		return nil // the offsets of no rows may be left out
	}
	offsets, err := slice[int32](values[0], rows+1)
	if err != nil {
		return err
	}
	data, last := values[1], int32(0)
	for _, o := range offsets {
		if o < last || int(o) > len(data) {
			return fmt.Errorf("string offset %d outside its %d bytes or out of order", o, len(data))
		}
		last = o
	}
	v.b.Offsets, v.b.Data = offsets, data
	return nil
}

// bytesOf views a slice of values as a buffer.
func bytesOf[T any](s []T) *memory.Buffer {
	var v T
	if len(s) == 0 {
		return memory.NewBufferBytes(nil)
	}
	return memory.NewBufferBytes(unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(v))))
}

// slice views the first n values of a buffer, without room to append in place.
func slice[T any](b []byte, n int) ([]T, error) {
	var v T
	if n == 0 {
		return nil, nil
	}
	size := int(unsafe.Sizeof(v))
	if len(b)/size < n {
		return nil, fmt.Errorf("buffer of %d bytes, too short for %d rows", len(b), n)
	}
	p := unsafe.Pointer(&b[0])
	if uintptr(p)%unsafe.Alignof(v) != 0 {
		// The message lies at an odd address, as after a header of odd length: copy this one column.
		out := make([]T, n)
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&out[0])), n*size), b)
		return out, nil
	}
	return unsafe.Slice((*T)(p), n), nil
}
