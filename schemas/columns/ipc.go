package columns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// ErrSchema is met when a stream lacks a column, or has it in another type.
var ErrSchema = errors.New("schema mismatch")

// ErrMalformed is met when the bytes are not one Arrow IPC stream with one record batch.
var ErrMalformed = errors.New("malformed Arrow stream")

// Append appends the rows to dst as one Arrow IPC stream. All present columns must have the same length.
func Append(dst []byte, cols []Column) ([]byte, error) {
	fields := make([]arrow.Field, 0, len(cols))
	arrays := make([]arrow.Array, 0, len(cols))
	rows := -1
	for _, c := range cols {
		if c.optional && c.slice.len() == 0 {
			continue
		}
		if rows >= 0 && c.slice.len() != rows {
			return dst, fmt.Errorf("column %s has %d rows, want %d", c.Name, c.slice.len(), rows)
		}
		rows = c.slice.len()
		fields = append(fields, arrow.Field{Name: c.Name, Type: c.slice.arrowType()})
		arrays = append(arrays, array.MakeFromData(c.slice.wrap()))
	}
	schema := arrow.NewSchema(fields, nil)
	batch := array.NewRecordBatch(schema, arrays, int64(max(rows, 0)))
	sink := appender{dst}
	w := ipc.NewWriter(&sink, ipc.WithSchema(schema))
	if err := w.Write(batch); err != nil {
		return dst, fmt.Errorf("write Arrow stream: %w", err)
	}
	if err := w.Close(); err != nil {
		return dst, fmt.Errorf("write Arrow stream: %w", err)
	}
	return sink.b, nil
}

// Read points the columns at the rows of the Arrow IPC stream b and returns how many there are. The slices alias b and
// live as long as it does. A column that cols does not name is passed over; an absent optional one is left empty.
func Read(b []byte, cols []Column) (rows int, err error) {
	defer func() { // the bytes come from outside; a panic in the decoder is a malformed stream
		if r := recover(); r != nil {
			rows, err = 0, fmt.Errorf("%w: %v", ErrMalformed, r)
		}
	}()
	r, err := ipc.NewReaderFromMessageReader(&messages{b: b})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	defer r.Release()
	batch, err := r.Read()
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	for _, c := range cols {
		c.slice.clear()
		i := batch.Schema().FieldIndices(c.Name)
		if len(i) == 0 && c.optional {
			continue
		}
		if len(i) != 1 {
			return 0, fmt.Errorf("%w: %d columns named %s, want one", ErrSchema, len(i), c.Name)
		}
		col := batch.Column(i[0])
		if !arrow.TypeEqual(col.DataType(), c.slice.arrowType()) {
			return 0, fmt.Errorf("%w: column %s is %s, want %s", ErrSchema, c.Name, col.DataType(), c.slice.arrowType())
		}
		if col.NullN() != 0 || col.Data().Offset() != 0 || int64(col.Len()) != batch.NumRows() {
			return 0, fmt.Errorf("%w: column %s has nulls, an offset or another length", ErrSchema, c.Name)
		}
		if err := c.slice.point(col.Data()); err != nil {
			return 0, fmt.Errorf("%w: column %s: %w", ErrMalformed, c.Name, err)
		}
	}
	rows = int(batch.NumRows())
	if _, err := r.Read(); err == nil {
		return 0, fmt.Errorf("%w: more than one record batch", ErrMalformed)
	}
	return rows, nil
}

// appender is an io.Writer that appends.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// messages hands out the IPC messages of b without copying their bodies.
type messages struct{ b []byte }

func (m *messages) Retain()  {}
func (m *messages) Release() {}

// Message returns the next message, framed as continuation marker, metadata length, metadata, body
// (Arrow columnar format, "Encapsulated message format").
func (m *messages) Message() (*ipc.Message, error) {
	if len(m.b) < 8 {
		return nil, io.EOF
	}
	if binary.LittleEndian.Uint32(m.b) != 0xffffffff {
		return nil, errors.New("no continuation marker")
	}
	n := int64(binary.LittleEndian.Uint32(m.b[4:]))
	if n == 0 {
		return nil, io.EOF
	}
	m.b = m.b[8:]
	if n > int64(len(m.b)) {
		return nil, errors.New("metadata cut short")
	}
	meta := m.b[:n:n]
	body, err := bodyLength(meta)
	if err != nil {
		return nil, err
	}
	m.b = m.b[n:]
	if body < 0 || body > int64(len(m.b)) {
		return nil, errors.New("body cut short")
	}
	msg := ipc.NewMessage(memory.NewBufferBytes(meta), memory.NewBufferBytes(m.b[:body:body]))
	m.b = m.b[body:]
	return msg, nil
}

// bodyLength reads Message.bodyLength, field 3 of the flatbuffer, from the metadata.
func bodyLength(meta []byte) (int64, error) {
	errShort := errors.New("metadata is no flatbuffer")
	if len(meta) < 8 {
		return 0, errShort
	}
	table := int64(binary.LittleEndian.Uint32(meta))
	if table+4 > int64(len(meta)) {
		return 0, errShort
	}
	vtable := table - int64(int32(binary.LittleEndian.Uint32(meta[table:])))
	if vtable < 0 || vtable+4 > int64(len(meta)) {
		return 0, errShort
	}
	const slot = 4 + 2*3
	if int64(binary.LittleEndian.Uint16(meta[vtable:])) < slot+2 || vtable+slot+2 > int64(len(meta)) {
		return 0, nil // absent: the default, no body
	}
	field := int64(binary.LittleEndian.Uint16(meta[vtable+slot:]))
	if field == 0 {
		return 0, nil
	}
	if table+field+8 > int64(len(meta)) {
		return 0, errShort
	}
	return int64(binary.LittleEndian.Uint64(meta[table+field:])), nil
}
