package message

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"netstream/schemas/columns"
)

// ErrBody is met when a body is not what its header says.
var ErrBody = errors.New("bad body")

// ErrVersion is met when a message has a schema of a major version this program does not know. Nothing of it is used.
var ErrVersion = errors.New("unknown schema version")

// Body builds a body; its buffer is reused after Reset.
type Body struct {
	buf   []byte
	index []byte
}

// Reset empties the body and keeps its memory.
func (b *Body) Reset() { b.buf, b.index = b.buf[:0], b.index[:0] }

// Add appends the rows as a stream of that schema.
func (b *Body) Add(schema string, cols []columns.Column) error {
	n := len(b.buf)
	buf, err := columns.Append(b.buf, cols)
	if err != nil {
		return fmt.Errorf("%s: %w", schema, err)
	}
	b.buf = buf
	if len(b.index) > 0 {
		b.index = append(b.index, ' ')
	}
	b.index = append(append(b.index, schema...), ':')
	b.index = strconv.AppendInt(b.index, int64(len(b.buf)-n), 10)
	return nil
}

// Len is the size of the body so far.
func (b *Body) Len() int { return len(b.buf) }

// Bytes is the body; it is valid until Reset.
func (b *Body) Bytes() []byte { return b.buf }

// Streams is the value of the header field of that name.
func (b *Body) Streams() string { return string(b.index) }

// Part is one stream of a body.
type Part struct {
	Schema string // name and major version: "packet.ipv4/1"
	Data   []byte // aliases the body
}

// Read points the columns at the part's rows, which alias the body.
func (p Part) Read(cols []columns.Column) error {
	if _, err := columns.Read(p.Data, cols); err != nil {
		return fmt.Errorf("%s: %w", p.Schema, err)
	}
	return nil
}

// Parts cuts a body into its streams. known lists the schemas the reader understands: another version of one of them is
// ErrVersion, and so is any name it doesn't know, since rows would be lost without a word.
func Parts(h Header, body []byte, known ...string) ([]Part, error) {
	fields := h.List(Streams)
	parts := make([]Part, 0, len(fields))
	for _, f := range fields {
		name, length, _ := strings.Cut(f, ":")
		n, err := strconv.Atoi(length)
		if err != nil || n < 0 || n > len(body) {
			return nil, fmt.Errorf("%w: %s: length %q with %d bytes left", ErrBody, name, length, len(body))
		}
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%w: %s, want one of %s", ErrVersion, name, strings.Join(known, ", "))
		}
		parts = append(parts, Part{Schema: name, Data: body[:n:n]})
		body = body[n:]
	}
	if len(body) > 0 {
		return nil, fmt.Errorf("%w: %d bytes beyond the streams of the header", ErrBody, len(body))
	}
	return parts, nil
}
