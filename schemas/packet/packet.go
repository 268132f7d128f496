// Package packet is what the sampler publishes: the headers of sampled packets, a schema per packet class.
package packet

import (
	"netstream/schemas/columns"
	"netstream/schemas/key"
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
	Keys key.Columns[K]
	Seen
	Bytes    []uint32
	TCPFlags []uint8
	schema   string
}

// NewIPv4 and NewIPv6 make empty rows of their class.
func NewIPv4() *Rows[key.IPv4] { return &Rows[key.IPv4]{Keys: &key.IPv4Columns{}, schema: SchemaIPv4} }
func NewIPv6() *Rows[key.IPv6] { return &Rows[key.IPv6]{Keys: &key.IPv6Columns{}, schema: SchemaIPv6} }

// Schema is the name of the class's schema.
func (r *Rows[K]) Schema() string { return r.schema }

// Append adds a row.
func (r *Rows[K]) Append(p *Row[K]) {
	r.append(p.Time, p.Window, p.Weight)
	r.Keys.Append(p.Key)
	r.Bytes = append(r.Bytes, p.Bytes)
	r.TCPFlags = append(r.TCPFlags, p.TCPFlags)
}

// Read puts row i into p.
func (r *Rows[K]) Read(i int, p *Row[K]) {
	r.Keys.Read(i, &p.Key)
	p.Time, p.Window, p.Weight = r.Time[i], r.WindowAt(i), r.weightAt(i)
	p.Bytes, p.TCPFlags = r.Bytes[i], r.TCPFlags[i]
}

// Reset empties the rows and keeps their memory.
func (r *Rows[K]) Reset() {
	r.reset()
	r.Keys.Reset()
	r.Bytes, r.TCPFlags = r.Bytes[:0], r.TCPFlags[:0]
}

// RowBytes is the size of a row on the bus, for cutting messages.
func (r *Rows[K]) RowBytes() int { return columns.RowBytes(r.Columns()) }

// Columns lists the columns.
func (r *Rows[K]) Columns() []columns.Column {
	cols := append(r.Keys.Columns(),
		columns.Of("time", &r.Time), columns.Of("bytes", &r.Bytes), columns.Of("tcp_flags", &r.TCPFlags))
	return append(cols, r.sparse()...)
}
