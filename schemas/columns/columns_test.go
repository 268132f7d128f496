package columns_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netstream/schemas/columns"
)

// every has a column of each type.
type every struct {
	I64   []int64
	U64   []uint64
	U32   []uint32
	U16   []uint16
	U8    []uint8
	Addr  [][16]byte
	Text  columns.Binary
	Maybe []uint32
}

func (e *every) columns() []columns.Column {
	return []columns.Column{
		columns.Of("i64", &e.I64), columns.Of("u64", &e.U64), columns.Of("u32", &e.U32), columns.Of("u16", &e.U16),
		columns.Of("u8", &e.U8), columns.Of("addr", &e.Addr), columns.Bytes("text", &e.Text),
		columns.Optional("maybe", &e.Maybe),
	}
}

// rows makes n rows with the extremes of each type among them.
func rows(n int, maybe bool) *every {
	e := &every{}
	for i := range n {
		e.I64 = append(e.I64, -1<<63+int64(i))
		e.U64 = append(e.U64, 1<<64-1-uint64(i))
		e.U32 = append(e.U32, 1<<32-1-uint32(i))
		e.U16 = append(e.U16, 1<<16-1-uint16(i))
		e.U8 = append(e.U8, 255-uint8(i))
		e.Addr = append(e.Addr, [16]byte{0: 0x20, 15: byte(i)})
		e.Text.Append(bytes.Repeat([]byte{byte(i)}, i%5))
		if maybe {
			e.Maybe = append(e.Maybe, uint32(i))
		}
	}
	return e
}

func encode(t testing.TB, cols []columns.Column) []byte {
	t.Helper()
	b, err := columns.Append(nil, cols)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{1, 2, 63, 64, 65, 1000} {
		for _, maybe := range []bool{false, true} {
			want, got := rows(n, maybe), rows(3, true) // what was there before must go
			b := encode(t, want.columns())
			count, err := columns.Read(b, got.columns())
			if err != nil || count != n {
				t.Fatalf("%d rows, optional %v: read %d rows, error %v", n, maybe, count, err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%d rows, optional %v (-want +got):\n%s", n, maybe, diff)
			}
		}
	}
}

func TestNoRows(t *testing.T) {
	got := rows(3, true)
	count, err := columns.Read(encode(t, (&every{}).columns()), got.columns())
	if err != nil || count != 0 {
		t.Fatalf("read %d rows, error %v", count, err)
	}
	if diff := cmp.Diff(&every{}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReadAtAnyAddress(t *testing.T) {
	want := rows(100, true)
	b := encode(t, want.columns())
	for shift := range 16 {
		moved := append(make([]byte, shift, shift+len(b)), b...)[shift:]
		got := &every{}
		if _, err := columns.Read(moved, got.columns()); err != nil {
			t.Fatalf("shifted by %d: %v", shift, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("shifted by %d (-want +got):\n%s", shift, diff)
		}
	}
}

func TestReadAliasesAlignedBytes(t *testing.T) {
	b, got := encode(t, rows(100, true).columns()), &every{}
	if _, err := columns.Read(b, got.columns()); err != nil {
		t.Fatal(err)
	}
	at := uintptr(unsafe.Pointer(&got.U64[0]))
	if first := uintptr(unsafe.Pointer(&b[0])); at < first || at >= first+uintptr(len(b)) {
		t.Error("an aligned column was copied")
	}
	if cap(got.U64) != len(got.U64) {
		t.Error("an append would overwrite the message")
	}
}

func TestColumnsOfDifferentLengthsAreNotWritten(t *testing.T) {
	e := rows(3, false)
	e.U16 = e.U16[:2]
	dst := []byte("before")
	b, err := columns.Append(dst, e.columns())
	if err == nil || string(b) != "before" {
		t.Errorf("got %q, error %v", b, err)
	}
}

// TestPlainArrowReadsIt makes sure that any Arrow program can read what is on the bus.
func TestPlainArrowReadsIt(t *testing.T) {
	want := rows(10, true)
	r, err := ipc.NewReader(bytes.NewReader(encode(t, want.columns())))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	wantSchema := "i64: int64 u64: uint64 u32: uint32 u16: uint16 u8: uint8 addr: fixed_size_binary[16] text: binary maybe: uint32 "
	schema := ""
	for _, f := range r.Schema().Fields() {
		schema += fmt.Sprintf("%s: %s ", f.Name, f.Type)
	}
	if schema != wantSchema {
		t.Errorf("schema %s\nwant %s", schema, wantSchema)
	}
	if !r.Next() {
		t.Fatal("no record batch")
	}
	b := r.RecordBatch()
	if diff := cmp.Diff(want.I64, b.Column(0).(*array.Int64).Int64Values()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want.Addr[7][:], b.Column(5).(*array.FixedSizeBinary).Value(7)); diff != "" {
		t.Error(diff)
	}
	for i := range want.Text.Len() {
		if !bytes.Equal(want.Text.At(i), b.Column(6).(*array.Binary).Value(i)) {
			t.Errorf("text %d differs", i)
		}
	}
	if r.Next() {
		t.Error("more than one record batch")
	}
}

// foreign writes a stream with the Arrow library, as another program would.
func foreign(t testing.TB, batches int, fields []arrow.Field, build func(*array.RecordBuilder), opts ...ipc.Option) []byte {
	t.Helper()
	schema := arrow.NewSchema(fields, nil)
	rb := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer rb.Release()
	var out bytes.Buffer
	w := ipc.NewWriter(&out, append(opts, ipc.WithSchema(schema))...)
	for range batches {
		build(rb)
		rec := rb.NewRecordBatch()
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		rec.Release()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReadForeign(t *testing.T) {
	u32 := arrow.Field{Name: "v", Type: arrow.PrimitiveTypes.Uint32, Nullable: true}
	text := arrow.Field{Name: "note", Type: arrow.BinaryTypes.String}
	float := arrow.Field{Name: "f", Type: arrow.PrimitiveTypes.Float64}
	list := arrow.Field{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Uint8)}
	dictionary := arrow.Field{Name: "d", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}}
	add := func(b *array.RecordBuilder, v ...uint32) {
		for _, f := range b.Fields() {
			switch f := f.(type) {
			case *array.Uint32Builder:
				f.AppendValues(v, nil)
			case *array.StringBuilder:
				f.AppendValues([]string{"one", "two"}, nil)
			case *array.Float64Builder:
				f.AppendValues([]float64{1, 2}, nil)
			case *array.ListBuilder:
				f.AppendEmptyValues(2)
			case *array.BinaryDictionaryBuilder:
				_ = f.AppendString("one")
				_ = f.AppendString("two")
			}
		}
	}
	two := func(b *array.RecordBuilder) { add(b, 7, 8) }
	for _, c := range []struct {
		name  string
		bytes []byte
		want  []uint32
		err   error
	}{
		{"one column", foreign(t, 1, []arrow.Field{u32}, two), []uint32{7, 8}, nil},
		{"others around it", foreign(t, 1, []arrow.Field{text, float, u32, text}, two), []uint32{7, 8}, nil},
		{"no rows", foreign(t, 1, []arrow.Field{u32}, func(*array.RecordBuilder) {}), nil, nil},
		{"nulls", foreign(t, 1, []arrow.Field{u32}, func(b *array.RecordBuilder) { b.Field(0).AppendNull() }), nil, columns.ErrSchema},
		{"column missing", foreign(t, 1, []arrow.Field{text}, two), nil, columns.ErrSchema},
		{"column twice", foreign(t, 1, []arrow.Field{u32, u32}, two), nil, columns.ErrSchema},
		{"another width", foreign(t, 1, []arrow.Field{{Name: "v", Type: arrow.PrimitiveTypes.Uint64}}, func(b *array.RecordBuilder) { b.Field(0).AppendEmptyValue() }), nil, columns.ErrSchema},
		{"signed", foreign(t, 1, []arrow.Field{{Name: "v", Type: arrow.PrimitiveTypes.Int32}}, func(b *array.RecordBuilder) { b.Field(0).AppendEmptyValue() }), nil, columns.ErrSchema},
		{"nested before it", foreign(t, 1, []arrow.Field{list, u32}, two), nil, columns.ErrMalformed}, // more nodes than fields
		{"dictionary before it", foreign(t, 1, []arrow.Field{dictionary, u32}, two), nil, columns.ErrMalformed},
		{"compressed", foreign(t, 1, []arrow.Field{u32}, two, ipc.WithZstd()), nil, columns.ErrSchema},
		{"two batches", foreign(t, 2, []arrow.Field{u32}, two), nil, columns.ErrMalformed},
		{"no batch", foreign(t, 0, []arrow.Field{u32}, two), nil, columns.ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := []uint32{99}
			n, err := columns.Read(c.bytes, []columns.Column{columns.Of("v", &got)})
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if n != len(c.want) {
				t.Errorf("%d rows, want %d", n, len(c.want))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReadCutShort(t *testing.T) {
	b := encode(t, rows(5, true).columns())
	for n := range b {
		got := &every{}
		count, err := columns.Read(b[:n], got.columns())
		whole := n == len(b)-8 // the stream may end without its end marker
		if whole != (err == nil) {
			t.Errorf("%d of %d bytes: %d rows, error %v", n, len(b), count, err)
		}
		if diff := cmp.Diff(&every{}, got); err != nil && diff != "" {
			t.Errorf("%d of %d bytes: rows beside an error:\n%s", n, len(b), diff)
		}
	}
	if _, err := columns.Read(append(b, 0), (&every{}).columns()); !errors.Is(err, columns.ErrMalformed) {
		t.Errorf("a byte beyond the end: %v", err)
	}
}

// TestReadFlipped turns each bit in turn: there may be no panic, and rows are either all there or none.
func TestReadFlipped(t *testing.T) {
	b := encode(t, rows(5, true).columns())
	for i := range 8 * len(b) {
		b[i/8] ^= 1 << (i % 8)
		check(t, b)
		b[i/8] ^= 1 << (i % 8)
	}
}

// check reads b and looks whether the rows are as many as said.
func check(t *testing.T, b []byte) {
	t.Helper()
	got := &every{}
	n, err := columns.Read(b, got.columns())
	if err != nil {
		if diff := cmp.Diff(&every{}, got); diff != "" {
			t.Fatalf("rows beside an error:\n%s", diff)
		}
		return
	}
	for name, length := range map[string]int{
		"i64": len(got.I64), "u64": len(got.U64), "u32": len(got.U32), "u16": len(got.U16), "u8": len(got.U8),
		"addr": len(got.Addr), "text": got.Text.Len(),
	} {
		if length != n {
			t.Fatalf("column %s has %d rows of %d", name, length, n)
		}
	}
	if m := len(got.Maybe); m != 0 && m != n {
		t.Fatalf("optional column has %d rows of %d", m, n)
	}
	for i := range got.Text.Len() {
		_ = got.Text.At(i)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(encode(f, rows(5, true).columns()))
	f.Add(encode(f, rows(2, false).columns()))
	f.Add(encode(f, (&every{}).columns()))
	f.Add(foreign(f, 1, []arrow.Field{{Name: "u32", Type: arrow.PrimitiveTypes.Uint32}}, func(b *array.RecordBuilder) {
		b.Field(0).AppendEmptyValue()
	}, ipc.WithLZ4()))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}

// TestReadAllocatesWhatItHolds reads streams that announce enormous sizes.
func TestReadAllocatesWhatItHolds(t *testing.T) {
	b := encode(t, rows(5, true).columns())
	cols := (&every{}).columns()
	limit := testing.AllocsPerRun(10, func() {
		if _, err := columns.Read(b, cols); err != nil {
			t.Fatal(err)
		}
	})
	if limit > 8 {
		t.Errorf("reading allocates %v times", limit)
	}
	for i := 0; i+4 <= len(b); i += 4 {
		forged := bytes.Clone(b)
		copy(forged[i:], []byte{0xff, 0xff, 0xff, 0x7f})
		check(t, forged)
		copy(forged[i:], []byte{0, 0, 0, 0x10})
		check(t, forged)
	}
}

func TestRowBytes(t *testing.T) {
	e := rows(1, false)
	if got, want := columns.RowBytes(e.columns()), 8+8+4+2+1+16; got != want {
		t.Errorf("without the optional column: %d, want %d", got, want)
	}
	e = rows(1, true)
	if got, want := columns.RowBytes(e.columns()), 8+8+4+2+1+16+4; got != want {
		t.Errorf("with the optional column: %d, want %d", got, want)
	}
}
