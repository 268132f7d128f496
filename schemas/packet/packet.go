// Package packet is what the sampler publishes: the headers of sampled packets, a schema per packet class.
package packet

import (
	"netstream/schemas/columns"
	"netstream/schemas/key"
	"netstream/schemas/window"
)

// Schema names, with the major version.
const (
	SchemaIPv4 = "packet.ipv4/1"
	SchemaIPv6 = "packet.ipv6/1"
)

// Row is one sampled packet.
type Row[K any] struct {
	Key      K
	Time     int64  // ns since the epoch
	Window   int64  // start of the window it is filed under, ns since the epoch
	Bytes    uint32 // layer-3 bytes (spec section 8.1)
	Weight   uint32 // packets of the population it stands for; 1 when unsampled
	TCPFlags uint8
}

// Rows holds sampled packets, a slice a column.
type Rows[K any] struct {
	Keys     key.Columns[K]
	Time     []int64
	Bytes    []uint32
	TCPFlags []uint8
	Weight   []uint32 // empty: all 1
	Window   []int64  // empty: each is filed under its own time
	schema   string
}

// NewIPv4 and NewIPv6 make empty rows of their class.
func NewIPv4() *Rows[key.IPv4] { return &Rows[key.IPv4]{Keys: &key.IPv4Columns{}, schema: SchemaIPv4} }
func NewIPv6() *Rows[key.IPv6] { return &Rows[key.IPv6]{Keys: &key.IPv6Columns{}, schema: SchemaIPv6} }

// Schema is the name of the class's schema.
func (r *Rows[K]) Schema() string { return r.schema }

// Len is the number of rows.
func (r *Rows[K]) Len() int { return len(r.Time) }

// Append adds a row.
func (r *Rows[K]) Append(p *Row[K]) {
	n := len(r.Time)
	if len(r.Weight) > 0 || p.Weight != 1 {
		for len(r.Weight) < n {
			r.Weight = append(r.Weight, 1)
		}
		r.Weight = append(r.Weight, p.Weight)
	}
	if len(r.Window) > 0 || p.Window != window.Of(p.Time) {
		for len(r.Window) < n {
			r.Window = append(r.Window, window.Of(r.Time[len(r.Window)]))
		}
		r.Window = append(r.Window, p.Window)
	}
	r.Keys.Append(p.Key)
	r.Time = append(r.Time, p.Time)
	r.Bytes = append(r.Bytes, p.Bytes)
	r.TCPFlags = append(r.TCPFlags, p.TCPFlags)
}

// Read puts row i into p.
func (r *Rows[K]) Read(i int, p *Row[K]) {
	r.Keys.Read(i, &p.Key)
	p.Time, p.Bytes, p.TCPFlags, p.Weight = r.Time[i], r.Bytes[i], r.TCPFlags[i], 1
	if len(r.Weight) > 0 {
		p.Weight = r.Weight[i]
	}
	if len(r.Window) > 0 {
		p.Window = r.Window[i]
	} else {
		p.Window = window.Of(p.Time)
	}
}

// Reset empties the rows and keeps their memory.
func (r *Rows[K]) Reset() {
	r.Keys.Reset()
	r.Time, r.Bytes, r.TCPFlags, r.Weight, r.Window = r.Time[:0], r.Bytes[:0], r.TCPFlags[:0], r.Weight[:0], r.Window[:0]
}

// RowBytes is the size of a row on the bus, for cutting messages.
func (r *Rows[K]) RowBytes() int { return columns.RowBytes(r.Columns()) }

// Columns lists the columns.
func (r *Rows[K]) Columns() []columns.Column {
	return append(r.Keys.Columns(),
		columns.Of("time", &r.Time), columns.Of("bytes", &r.Bytes), columns.Of("tcp_flags", &r.TCPFlags),
		columns.Optional("weight", &r.Weight), columns.Optional("window", &r.Window))
}
