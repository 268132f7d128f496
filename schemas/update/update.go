// Package update is what a flow cache publishes: what one window added to one flow, possibly in parts.
package update

import (
	"fmt"

	"netstream/schemas/collect"
	"netstream/schemas/columns"
	"netstream/schemas/key"
	"netstream/schemas/weight"
	"netstream/schemas/window"
)

// Schema names, with the major version.
const (
	SchemaIPv4 = "update.ipv4/1"
	SchemaIPv6 = "update.ipv6/1"
	SchemaWide = "update.wide/1" // all other kinds
)

// Row is one partial update. The parts of a (flow, window) come in the order of its packets. A SYN after a FIN or RST
// begins a new flow; since a part may not know whether one was seen, a part is closed at each SYN that might be such,
// and StartsSYN says that its first packet has the flag.
type Row[K any] struct {
	Key         K
	Source      uint16 // index into the message's sources
	Monitor     uint8  // index into the message's monitors
	Window      int64  // start of the window, ns since the epoch
	First, Last int64  // ns since the epoch
	Packets     uint32
	Bytes       uint64
	TCPFlags    uint8 // OR over the packets
	StartsSYN   bool
	Sums        weight.Sums
	Values      *collect.Values // nil: the monitor collects none
}

// Rows holds partial updates, a slice a column.
type Rows[K any] struct {
	Keys        key.Columns[K]
	Source      []uint16
	Monitor     []uint8
	First, Last []int64
	Packets     []uint32
	Bytes       []uint64
	TCPFlags    []uint8
	StartsSYN   []uint8
	Window      []int64 // empty: each is of the window of its First
	Sums        weight.Columns
	Values      collect.Columns // of wide rows only; empty: no row has any
	schema      string
	wide        bool
	read        collect.Values // what Read points to
}

// NewIPv4, NewIPv6 and NewWide make empty rows of their class.
func NewIPv4() *Rows[key.IPv4] { return &Rows[key.IPv4]{Keys: &key.IPv4Columns{}, schema: SchemaIPv4} }
func NewIPv6() *Rows[key.IPv6] { return &Rows[key.IPv6]{Keys: &key.IPv6Columns{}, schema: SchemaIPv6} }
func NewWide() *Rows[key.Wide] {
	return &Rows[key.Wide]{Keys: key.NewWideColumns(""), Values: collect.NewColumns(), schema: SchemaWide, wide: true}
}

// Schema is the name of the class's schema.
func (r *Rows[K]) Schema() string { return r.schema }

// Len is the number of rows.
func (r *Rows[K]) Len() int { return len(r.First) }

// Append adds a row. Between two Resets either all rows are appended as sampled or none is.
func (r *Rows[K]) Append(u *Row[K], sampled bool) {
	if n := len(r.First); len(r.Window) > 0 || u.Window != window.Of(u.First) {
		for len(r.Window) < n {
			r.Window = append(r.Window, window.Of(r.First[len(r.Window)]))
		}
		r.Window = append(r.Window, u.Window)
	}
	r.Keys.Append(u.Key)
	r.Source = append(r.Source, u.Source)
	r.Monitor = append(r.Monitor, u.Monitor)
	r.First = append(r.First, u.First)
	r.Last = append(r.Last, u.Last)
	r.Packets = append(r.Packets, u.Packets)
	r.Bytes = append(r.Bytes, u.Bytes)
	r.TCPFlags = append(r.TCPFlags, u.TCPFlags)
	syn := uint8(0)
	if u.StartsSYN {
		syn = 1
	}
	r.StartsSYN = append(r.StartsSYN, syn)
	if sampled {
		r.Sums.Append(&u.Sums)
	}
	if r.wide {
		r.Values.Append(len(r.First)-1, u.Values)
	}
}

// WindowAt is the window of row i.
func (r *Rows[K]) WindowAt(i int) int64 {
	if len(r.Window) > 0 {
		return r.Window[i]
	}
	return window.Of(r.First[i])
}

// Read puts row i into u. Its values are valid until the next Read.
func (r *Rows[K]) Read(i int, u *Row[K]) {
	r.Keys.Read(i, &u.Key)
	u.Source, u.Monitor = r.Source[i], r.Monitor[i]
	u.Window, u.First, u.Last = r.WindowAt(i), r.First[i], r.Last[i]
	u.Packets, u.Bytes = r.Packets[i], r.Bytes[i]
	u.TCPFlags, u.StartsSYN = r.TCPFlags[i], r.StartsSYN[i] != 0
	u.Sums = r.Sums.Read(i, uint64(u.Packets), u.Bytes)
	u.Values = nil
	if r.Values.Has(i) {
		r.Values.Read(i, &r.read)
		u.Values = &r.read
	}
}

// Share returns the same rows for another goroutine to read: what Read points to is its own.
func (r *Rows[K]) Share() *Rows[K] {
	own := *r
	return &own
}

// Check refuses rows that point outside the message's lists or lack some of the sums.
func (r *Rows[K]) Check(sources, monitors int) error {
	for i := range r.Source {
		if int(r.Source[i]) >= sources || int(r.Monitor[i]) >= monitors {
			return fmt.Errorf("%s row %d: source %d of %d, monitor %d of %d", r.schema, i, r.Source[i], sources, r.Monitor[i], monitors)
		}
	}
	if r.wide && !r.Values.Complete() {
		return fmt.Errorf("%s: some columns of the collected values are missing", r.schema)
	}
	if !r.Sums.Complete() {
		return fmt.Errorf("%s: some columns of the weighted sums are missing", r.schema)
	}
	return nil
}

// Reset empties the rows and keeps their memory.
func (r *Rows[K]) Reset() {
	r.Keys.Reset()
	r.Source, r.Monitor = r.Source[:0], r.Monitor[:0]
	r.First, r.Last, r.Window = r.First[:0], r.Last[:0], r.Window[:0]
	r.Packets, r.Bytes = r.Packets[:0], r.Bytes[:0]
	r.TCPFlags, r.StartsSYN = r.TCPFlags[:0], r.StartsSYN[:0]
	r.Sums.Reset()
	if r.wide {
		r.Values.Reset()
	}
}

// RowBytes is the size of a row on the bus, for cutting messages.
func (r *Rows[K]) RowBytes() int { return columns.RowBytes(r.Columns()) }

// Columns lists the columns.
func (r *Rows[K]) Columns() []columns.Column {
	cols := append(r.Keys.Columns(),
		columns.Of("source", &r.Source), columns.Of("monitor", &r.Monitor),
		columns.Of("first", &r.First), columns.Of("last", &r.Last),
		columns.Of("packets", &r.Packets), columns.Of("bytes", &r.Bytes),
		columns.Of("tcp_flags", &r.TCPFlags), columns.Of("starts_syn", &r.StartsSYN),
		columns.Optional("window", &r.Window))
	cols = append(cols, r.Sums.Columns()...)
	if r.wide {
		cols = append(cols, r.Values.Columns()...)
	}
	return cols
}
