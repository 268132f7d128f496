// Package checkpoint is the file in which an ager keeps its state: a tar archive that any tool opens, with a description in JSON
// and the live flows, the updates of open windows and the books as Arrow IPC streams.
//
//	checkpoint.json
//	flows/flow.ipv4/1/000001.arrows      live flows; their reason is 0
//	updates/update.ipv4/1/000002.arrows  of windows still open, in the order of a flow's packets
//	ledger/ledger/2/000003.arrows
//
// The columns source and monitor count through the lists of the description.
package checkpoint

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"netstream/schemas/columns"
	"netstream/schemas/message"
)

// Version is that of the format. A reader refuses any other.
const Version = 1

// Sections of the archive.
const (
	Flows   = "flows"
	Updates = "updates"
	Ledger  = "ledger"
)

// ErrCheckpoint is met when an archive can't be used.
var ErrCheckpoint = errors.New("bad checkpoint")

// Description says what a checkpoint is of, and holds what isn't rows.
type Description struct {
	Version  int       `json:"version"`
	Shard    int       `json:"shard"`
	Stream   string    `json:"stream"`         // of the updates
	Created  time.Time `json:"stream_created"` // another one of that name has other messages
	Position uint64    `json:"position"`       // sequence of the commit whose step it comes after
	Number   uint64    `json:"number"`         // of the last flow that had ended
	Replay   [2]uint64 `json:"replay"`         // the same two where nothing was held last
	Monitors []string  `json:"monitors"`       // definitions
	Sources  []Source  `json:"sources"`
}

// Source is what is known of one, but for its flows.
type Source struct {
	Name  string `json:"name"`
	Clock int64  `json:"clock"`
	Idle  int64  `json:"idle"`  // time that the clock was moved on to while the source was silent
	Marks []Mark `json:"marks"` // by packet shard
}

// Mark is a watermark.
type Mark struct {
	Time  int64 `json:"time"`
	Ended bool  `json:"ended"`
	Live  bool  `json:"live"` // of a live source
}

const describer = "checkpoint.json"

// Writer writes a checkpoint.
type Writer struct {
	tar   *tar.Writer
	buf   []byte
	count int
}

// NewWriter begins a checkpoint with its description.
func NewWriter(w io.Writer, d *Description) (*Writer, error) {
	cw := &Writer{tar: tar.NewWriter(w)}
	d.Version = Version
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

// NewReader opens a checkpoint and returns its description.
func NewReader(r io.Reader) (*Reader, *Description, error) {
	cr := &Reader{tar.NewReader(r)}
	name, text, err := cr.entry()
	if err != nil {
		return nil, nil, err
	}
	var d Description
	if name != describer {
		return nil, nil, fmt.Errorf("%w: it begins with %q, want %s", ErrCheckpoint, name, describer)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, nil, fmt.Errorf("%w: %s: %w", ErrCheckpoint, describer, err)
	}
	if d.Version != Version {
		return nil, nil, fmt.Errorf("%w: version %d, this program knows %d", ErrCheckpoint, d.Version, Version)
	}
	return cr, &d, nil
}

// Next returns the next rows, which are the caller's, or io.EOF. known are the schemas that the caller can read.
func (r *Reader) Next(known ...string) (section string, part message.Part, err error) {
	name, data, err := r.entry()
	if err != nil {
		return "", part, err
	}
	section, rest, _ := strings.Cut(name, "/")
	end := max(strings.LastIndex(rest, "/"), 0)
	part = message.Part{Schema: rest[:end], Data: data}
	if section != Flows && section != Updates && section != Ledger || !slices.Contains(known, part.Schema) {
		return "", part, fmt.Errorf("%w: %s: want rows of %s", ErrCheckpoint, name, strings.Join(known, ", "))
	}
	return section, part, nil
}

// entry reads one entry whole.
func (r *Reader) entry() (string, []byte, error) {
	h, err := r.tar.Next()
	if errors.Is(err, io.EOF) {
		return "", nil, io.EOF
	}
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	if h.Size > maxEntry {
		return "", nil, fmt.Errorf("%w: %s has %d bytes, want at most %d", ErrCheckpoint, h.Name, h.Size, maxEntry)
	}
	data := make([]byte, h.Size)
	if _, err := io.ReadFull(r.tar, data); err != nil {
		return "", nil, fmt.Errorf("%w: %s: %w", ErrCheckpoint, h.Name, err)
	}
	return h.Name, data, nil
}
