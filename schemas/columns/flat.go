package columns

import "encoding/binary"

// flat is flatbuffer metadata from outside. Every access is checked against the bytes in hand; the first one that fails
// sets bad and yields zero, so that a walk needs one check at its end. Nothing is allocated.
type flat struct {
	b   []byte
	bad bool
}

// table is a flatbuffer table: where it starts, and the bytes of its vtable.
type table struct {
	f      *flat
	pos    int
	vtable []byte // offsets of the fields, two bytes each; nil reads as a table without fields
}

// span is b[pos:pos+n], or nil and bad.
func (f *flat) span(pos, n int) []byte {
	if pos < 0 || n < 0 || pos > len(f.b) || n > len(f.b)-pos {
		f.bad = true
		return nil
	}
	return f.b[pos : pos+n]
}

func (f *flat) u16(pos int) int {
	if s := f.span(pos, 2); s != nil {
		return int(binary.LittleEndian.Uint16(s))
	}
	return 0
}

func (f *flat) u32(pos int) int {
	if s := f.span(pos, 4); s != nil {
		return int(binary.LittleEndian.Uint32(s))
	}
	return 0
}

func (f *flat) i64(pos int) int64 {
	if s := f.span(pos, 8); s != nil {
		return int64(binary.LittleEndian.Uint64(s))
	}
	return 0
}

// root is the table that the metadata begins with.
func (f *flat) root() table { return f.table(f.u32(0)) }

// table reads the table at pos: a signed distance back to its vtable, which begins with its own length in bytes and the
// length of the table.
func (f *flat) table(pos int) table {
	at := pos - int(int32(f.u32(pos)))
	size := f.u16(at)
	if f.bad || size < 4 {
		f.bad = true
		return table{f: f}
	}
	return table{f: f, pos: pos, vtable: f.span(at+4, size-4)}
}

// at is where field i lies, 0 when it is absent.
func (t table) at(i int) int {
	if 2*i+2 > len(t.vtable) {
		return 0
	}
	offset := int(binary.LittleEndian.Uint16(t.vtable[2*i:]))
	if offset == 0 {
		return 0
	}
	return t.pos + offset
}

// byteAt, i16At, i32At and i64At read a number; absent is 0.
func (t table) byteAt(i int) uint8 {
	if p := t.at(i); p != 0 {
		if s := t.f.span(p, 1); s != nil {
			return s[0]
		}
	}
	return 0
}

func (t table) i16At(i int) int {
	if p := t.at(i); p != 0 {
		return int(int16(t.f.u16(p)))
	}
	return 0
}

func (t table) i32At(i int) int {
	if p := t.at(i); p != 0 {
		return int(int32(t.f.u32(p)))
	}
	return 0
}

func (t table) i64At(i int) int64 {
	if p := t.at(i); p != 0 {
		return t.f.i64(p)
	}
	return 0
}

// tableAt follows a field to another table; absent is a table without fields and false.
func (t table) tableAt(i int) (table, bool) {
	p := t.at(i)
	if p == 0 {
		return table{f: t.f}, false
	}
	return t.f.table(p + t.f.u32(p)), true
}

// vectorAt is the vector of n elements of size bytes each at a field; absent is empty.
func (t table) vectorAt(i, size int) vector {
	p := t.at(i)
	if p == 0 {
		return vector{f: t.f}
	}
	p += t.f.u32(p)
	n := t.f.u32(p)
	if t.f.span(p+4, n*size) == nil {
		n = 0
	}
	return vector{f: t.f, pos: p + 4, n: n, size: size}
}

// stringAt is a field's string; it aliases the metadata.
func (t table) stringAt(i int) []byte {
	v := t.vectorAt(i, 1)
	return v.f.span(v.pos, v.n)
}

// vector is a flatbuffer vector whose elements are known to be there.
type vector struct {
	f            *flat
	pos, n, size int
}

// tableAt follows element i, an offset.
func (v vector) tableAt(i int) table {
	p := v.pos + i*v.size
	return v.f.table(p + v.f.u32(p))
}

// pairAt reads element i, a struct of two 64-bit numbers.
func (v vector) pairAt(i int) (int64, int64) {
	if i >= v.n {
		v.f.bad = true
		return 0, 0
	}
	return v.f.i64(v.pos + i*v.size), v.f.i64(v.pos + i*v.size + 8)
}
