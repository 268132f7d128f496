package columns

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrSchema is met when a stream lacks a column, or has it in another type.
var ErrSchema = errors.New("schema mismatch")

// ErrMalformed is met when the bytes are not one Arrow IPC stream with one record batch.
var ErrMalformed = errors.New("malformed Arrow stream")

// Read points the columns at the rows of the Arrow IPC stream b and returns how many there are. The slices alias b and
// live as long as it does; only a column that lies at an address its type can't have is copied. A column that cols does
// not name is passed over; an absent optional one is left empty. After an error all columns are empty.
//
// The metadata is walked here and not by the Arrow library: the library allocates what lengths in the bytes announce.
func Read(b []byte, cols []Column) (rows int, err error) {
	for _, c := range cols {
		c.slice.clear()
	}
	rows, err = read(b, cols)
	if err != nil {
		for _, c := range cols {
			c.slice.clear()
		}
		return 0, err
	}
	return rows, nil
}

// Types of message headers (Arrow columnar format, Message.fbs).
const (
	headerSchema = 1
	headerBatch  = 3
)

// minVersion is metadata version V4, the oldest with today's layout of buffers.
const minVersion = 3

func read(b []byte, cols []Column) (int, error) {
	schema, rest, err := next(b)
	if err != nil {
		return 0, err
	}
	batch, rest, err := next(rest)
	if err != nil {
		return 0, err
	}
	if schema.kind != headerSchema || batch.kind != headerBatch {
		return 0, fmt.Errorf("%w: message types %d and %d, want a schema and a record batch", ErrMalformed, schema.kind, batch.kind)
	}
	if end, rest, err := next(rest); err != nil || end.kind != 0 || len(rest) > 0 {
		return 0, fmt.Errorf("%w: it goes on after one record batch", ErrMalformed)
	}
	r, err := openBatch(&batch)
	if err != nil {
		return 0, err
	}
	if err := r.point(&schema, cols); err != nil {
		return 0, err
	}
	if schema.meta.bad || batch.meta.bad {
		return 0, fmt.Errorf("%w: metadata points outside itself", ErrMalformed)
	}
	return int(r.rows), nil
}

// ipcMessage is one message of a stream; kind 0 is the end of the stream.
type ipcMessage struct {
	kind   uint8
	meta   flat
	header int // where the header's table is in meta
	body   []byte
}

// next cuts the first message off b. It is framed as continuation marker, metadata length, metadata, body (Arrow
// columnar format, "Encapsulated message format"); a length of 0, or nothing at all, is the end.
func next(b []byte) (m ipcMessage, rest []byte, err error) {
	if len(b) == 0 {
		return m, nil, nil
	}
	if len(b) < 8 || binary.LittleEndian.Uint32(b) != 0xffffffff {
		return m, nil, fmt.Errorf("%w: no message begins where one should", ErrMalformed)
	}
	n := uint64(binary.LittleEndian.Uint32(b[4:]))
	if b = b[8:]; n == 0 {
		return m, b, nil
	}
	if n > uint64(len(b)) {
		return m, nil, fmt.Errorf("%w: metadata of %d bytes with %d left", ErrMalformed, n, len(b))
	}
	m.meta.b, b = b[:n], b[n:]
	root := m.meta.root()
	version, body := root.i16At(0), root.i64At(3)
	m.kind = root.byteAt(1)
	if header := root.at(2); header != 0 {
		m.header = header + m.meta.u32(header)
	}
	switch {
	case m.meta.bad || m.header == 0 || m.kind == 0:
		return m, nil, fmt.Errorf("%w: metadata points outside itself or lacks a header", ErrMalformed)
	case version < minVersion:
		return m, nil, fmt.Errorf("%w: metadata version %d, want %d or later", ErrMalformed, version, minVersion)
	case body < 0 || body > int64(len(b)):
		return m, nil, fmt.Errorf("%w: body of %d bytes with %d left", ErrMalformed, body, len(b))
	}
	m.body = b[:body:body]
	return m, b[body:], nil
}

// batchReader walks the columns of a record batch in order.
type batchReader struct {
	rows           int64
	nodes, buffers vector
	body           []byte
}

func openBatch(m *ipcMessage) (*batchReader, error) {
	t := m.meta.table(m.header)
	r := &batchReader{rows: t.i64At(0), nodes: t.vectorAt(1, 16), buffers: t.vectorAt(2, 16), body: m.body}
	if _, compressed := t.tableAt(3); compressed {
		return nil, fmt.Errorf("%w: compressed body", ErrSchema)
	}
	// A row has a byte at least, so that a row count without rows behind it goes no further.
	if r.rows < 0 || r.rows > int64(len(m.body)) {
		return nil, fmt.Errorf("%w: %d rows in a body of %d bytes", ErrMalformed, r.rows, len(m.body))
	}
	return r, nil
}

// point points the columns at the batch.
func (r *batchReader) point(schema *ipcMessage, cols []Column) error {
	t := schema.meta.table(schema.header)
	if t.i16At(0) != 0 {
		return fmt.Errorf("%w: big-endian", ErrSchema)
	}
	fields, buffer := t.vectorAt(1, 4), 0
	if fields.n != r.nodes.n {
		return fmt.Errorf("%w: %d fields, %d columns", ErrMalformed, fields.n, r.nodes.n)
	}
	found := make([]bool, len(cols))
	for i := range fields.n {
		f := fields.tableAt(i)
		name, kind := f.stringAt(0), layoutOf(f)
		first := buffer
		if buffer += kind.buffers(); schema.meta.bad || buffer == first || buffer > r.buffers.n {
			return fmt.Errorf("%w: column %q of type %s can't be told apart", ErrSchema, name, kind)
		}
		c := named(cols, name)
		if c < 0 {
			continue
		}
		if found[c] {
			return fmt.Errorf("%w: two columns named %s", ErrSchema, name)
		}
		found[c] = true
		if err := r.column(i, first, kind, cols[c]); err != nil {
			return err
		}
	}
	for i, c := range cols {
		if !found[i] && !c.optional {
			return fmt.Errorf("%w: no column named %s", ErrSchema, c.Name)
		}
	}
	return nil
}

// column points a column at node i, whose buffers begin with number first.
func (r *batchReader) column(i, first int, kind layout, c Column) error {
	if kind != c.slice.layout() {
		return fmt.Errorf("%w: column %s is %s, want %s", ErrSchema, c.Name, kind, c.slice.layout())
	}
	rows, nulls := r.nodes.pairAt(i)
	if nulls != 0 || rows != r.rows {
		return fmt.Errorf("%w: column %s has %d rows with %d nulls, want %d without", ErrSchema, c.Name, rows, nulls, r.rows)
	}
	var values [2][]byte // the first buffer of each is the validity bitmap
	for n := range kind.buffers() - 1 {
		offset, length := r.buffers.pairAt(first + 1 + n)
		if offset < 0 || length < 0 || offset > int64(len(r.body)) || length > int64(len(r.body))-offset {
			return fmt.Errorf("%w: column %s lies outside the body", ErrMalformed, c.Name)
		}
		values[n] = r.body[offset : offset+length : offset+length]
	}
	if err := c.slice.point(int(rows), values); err != nil {
		return fmt.Errorf("%w: column %s: %w", ErrMalformed, c.Name, err)
	}
	return nil
}

// named is the index of the column of that name, -1 if there is none.
func named(cols []Column, name []byte) int {
	for i := range cols {
		if cols[i].Name == string(name) {
			return i
		}
	}
	return -1
}
