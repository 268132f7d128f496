package checkpoints

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"netstream/schemas/columns"
	"netstream/schemas/message"
)

// ErrBad is met when an archive can't be used.
var ErrBad = errors.New("bad checkpoint")

const describer = "checkpoint.json"

// Writer writes a checkpoint as a tar archive, which any tool opens: a description in JSON, then rows as Arrow IPC streams.
//
//	checkpoint.json
//	flows/flow.ipv4/1/000001.arrows
//	<section>/<schema>/<number>.arrows
type Writer struct {
	tar   *tar.Writer
	buf   []byte
	count int
}

// NewWriter begins a checkpoint with its description, which is anything that JSON can hold.
func NewWriter(w io.Writer, d any) (*Writer, error) {
	cw := &Writer{tar: tar.NewWriter(w)}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, err
	}
	return cw, cw.add(describer, text)
}

// Add adds rows to a section.
func (w *Writer) Add(section, schema string, cols []columns.Column) (err error) {
	if w.buf, err = columns.Append(w.buf[:0], cols); err != nil {
		return fmt.Errorf("%s: %w", schema, err)
	}
	w.count++
	return w.add(fmt.Sprintf("%s/%s/%06d.arrows", section, schema, w.count), w.buf)
}

func (w *Writer) add(name string, data []byte) error {
	if err := w.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err := w.tar.Write(data)
	return err
}

// Close ends the archive.
func (w *Writer) Close() error { return w.tar.Close() }

// Reader reads a checkpoint.
type Reader struct{ tar *tar.Reader }

// maxEntry bounds the memory that an entry may ask for, whatever its header says.
const maxEntry = 1 << 30

// NewReader opens a checkpoint and reads its description.
func NewReader(r io.Reader, d any) (*Reader, error) {
	cr := &Reader{tar.NewReader(r)}
	name, text, err := cr.entry()
	if err != nil {
		return nil, err
	}
	if name != describer {
		return nil, fmt.Errorf("%w: it begins with %q, want %s", ErrBad, name, describer)
	}
	if err := json.Unmarshal(text, d); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrBad, describer, err)
	}
	return cr, nil
}

// Next returns the next rows, which are the caller's, or io.EOF. known are the rows that the caller can read, as section/schema.
func (r *Reader) Next(known ...string) (section string, part message.Part, err error) {
	name, data, err := r.entry()
	if err != nil {
		return "", part, err
	}
	of := name[:max(strings.LastIndex(name, "/"), 0)]
	if !slices.Contains(known, of) {
		return "", part, fmt.Errorf("%w: %s: want rows of %s", ErrBad, name, strings.Join(known, ", "))
	}
	section, schema, _ := strings.Cut(of, "/")
	return section, message.Part{Schema: schema, Data: data}, nil
}

// entry reads one entry whole.
func (r *Reader) entry() (string, []byte, error) {
	h, err := r.tar.Next()
	if errors.Is(err, io.EOF) {
		return "", nil, io.EOF
	}
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrBad, err)
	}
	if h.Size > maxEntry {
		return "", nil, fmt.Errorf("%w: %s has %d bytes, want at most %d", ErrBad, h.Name, h.Size, maxEntry)
	}
	data := make([]byte, h.Size)
	if _, err := io.ReadFull(r.tar, data); err != nil {
		return "", nil, fmt.Errorf("%w: %s: %w", ErrBad, h.Name, err)
	}
	return h.Name, data, nil
}
