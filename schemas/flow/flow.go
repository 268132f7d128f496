// Package flow is what an ager publishes: expired flows, with the reason why each ended.
package flow

import (
	"fmt"

	"netstream/schemas/collect"
	"netstream/schemas/columns"
	"netstream/schemas/key"
	"netstream/schemas/weight"
)

// Schema names, with the major version.
const (
	SchemaIPv4 = "flow.ipv4/1"
	SchemaIPv6 = "flow.ipv6/1"
	SchemaWide = "flow.wide/1" // all other kinds
)

// Row is one expired flow.
type Row[K any] struct {
	Key            K
	Source         uint16 // index into the message's sources
	Monitor        uint8  // index into the message's monitors
	First, Last    int64  // ns since the epoch
	Packets, Bytes uint64 // as sampled
	TCPFlags       uint8  // OR over the packets
	Reason         Reason
	Sums           weight.Sums
	Values         *collect.Values // nil: the monitor collects none
}

// Rows holds expired flows, a slice a column.
type Rows[K any] struct {
	Keys           key.Columns[K]
	Source         []uint16
	Monitor        []uint8
	First, Last    []int64
	Packets, Bytes []uint64
	TCPFlags       []uint8
	Reason         []uint8
	Sums           weight.Columns  // empty: all unsampled
	Values         collect.Columns // of wide rows only; empty: no row has any
	schema         string
	wide           bool
	read           collect.Values // what Read points to
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
func (r *Rows[K]) Append(f *Row[K], sampled bool) {
	r.Keys.Append(f.Key)
	r.Source = append(r.Source, f.Source)
	r.Monitor = append(r.Monitor, f.Monitor)
	r.First = append(r.First, f.First)
	r.Last = append(r.Last, f.Last)
	r.Packets = append(r.Packets, f.Packets)
	r.Bytes = append(r.Bytes, f.Bytes)
	r.TCPFlags = append(r.TCPFlags, f.TCPFlags)
	r.Reason = append(r.Reason, uint8(f.Reason))
	if sampled {
		r.Sums.Append(&f.Sums)
	}
	if r.wide {
		r.Values.Append(len(r.First)-1, f.Values)
	}
}

// Read puts row i into f. Its values are valid until the next Read.
func (r *Rows[K]) Read(i int, f *Row[K]) {
	r.Keys.Read(i, &f.Key)
	f.Source, f.Monitor = r.Source[i], r.Monitor[i]
	f.First, f.Last = r.First[i], r.Last[i]
	f.Packets, f.Bytes = r.Packets[i], r.Bytes[i]
	f.TCPFlags, f.Reason = r.TCPFlags[i], Reason(r.Reason[i])
	f.Sums = r.Sums.Read(i, f.Packets, f.Bytes)
	f.Values = nil
	if r.Values.Has(i) {
		r.Values.Read(i, &r.read)
		f.Values = &r.read
	}
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
	r.First, r.Last = r.First[:0], r.Last[:0]
	r.Packets, r.Bytes = r.Packets[:0], r.Bytes[:0]
	r.TCPFlags, r.Reason = r.TCPFlags[:0], r.Reason[:0]
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
		columns.Of("tcp_flags", &r.TCPFlags), columns.Of("reason", &r.Reason))
	cols = append(cols, r.Sums.Columns()...)
	if r.wide {
		cols = append(cols, r.Values.Columns()...)
	}
	return cols
}
