package packet

import (
	"netstream/schemas/columns"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
)

// SchemaWide is the schema of packets of which some monitor needs more than the key of an IP flow.
const SchemaWide = "packet.wide/1"

// WideRow is one sampled packet with all that monitors may ask for. Fields that none needs are zero.
type WideRow struct {
	Time       int64          // ns since the epoch
	Window     int64          // start of the window it is filed under, ns since the epoch
	Weight     uint32         // packets of the population it stands for; 1 when unsampled
	Bytes      uint32         // monitor.Layer3
	FrameBytes uint32         // monitor.FrameBytes
	Layers     monitor.Layers // what the packet has
	Outer      key.Wide       // its first IP header and all before it
	SRv6       Inner          // the IP header inside SRv6
	Inner      Inner          // the innermost IP header behind tunnels
}

// Inner is an inner IP header: of its key only the fields of an IP flow, TTL and TCP flags are set.
type Inner struct {
	Key   key.Wide
	Bytes uint32 // length of the inner packet by that header
}

// Measured are the bytes of the packet as a monitor counts them.
func (r *WideRow) Measured(m monitor.Measure) uint32 {
	switch m {
	case monitor.FrameBytes:
		return r.FrameBytes
	case monitor.SRv6Bytes:
		return r.SRv6.Bytes
	case monitor.InnerBytes:
		return r.Inner.Bytes
	}
	return r.Bytes
}

// KeyOf is the headers that a kind of monitor takes its key from.
func (r *WideRow) KeyOf(k monitor.Kind) *key.Wide {
	switch k {
	case monitor.SRv6Inner:
		return &r.SRv6.Key
	case monitor.TunnelInner:
		return &r.Inner.Key
	}
	return &r.Outer
}

// Wide holds sampled packets, a slice a column.
type Wide struct {
	Seen
	Bytes      []uint32
	FrameBytes []uint32 // empty: no monitor counts frames
	Layers     []uint8
	outer      *key.WideColumns
	srv6       *key.WideColumns
	srv6Bytes  []uint32
	inner      *key.WideColumns
	innerBytes []uint32
}

// NewWide makes empty rows.
func NewWide() *Wide {
	return &Wide{outer: key.NewWideColumns(""), srv6: key.NewWideColumns("srv6_"), inner: key.NewWideColumns("inner_")}
}

// Schema is the name of the schema.
func (r *Wide) Schema() string { return SchemaWide }

// Append adds a row; inner headers that its layers don't name are not looked at.
func (r *Wide) Append(p *WideRow) {
	n := r.Len()
	r.append(p.Time, p.Window, p.Weight)
	r.Bytes = append(r.Bytes, p.Bytes)
	r.FrameBytes = columns.AppendSparse(r.FrameBytes, n, p.FrameBytes)
	r.Layers = append(r.Layers, uint8(p.Layers))
	r.outer.Append(p.Outer)
	if p.Layers&monitor.SRv6 != 0 {
		r.srv6.Append(p.SRv6.Key)
		r.srv6Bytes = columns.AppendSparse(r.srv6Bytes, n, p.SRv6.Bytes)
	} else {
		r.srv6.Skip()
	}
	if p.Layers&monitor.Tunnelled != 0 {
		r.inner.Append(p.Inner.Key)
		r.innerBytes = columns.AppendSparse(r.innerBytes, n, p.Inner.Bytes)
	} else {
		r.inner.Skip()
	}
}

// Read puts row i into p. What its layers don't name is zero.
func (r *Wide) Read(i int, p *WideRow) {
	p.Time, p.Window, p.Weight = r.Time[i], r.WindowAt(i), r.weightAt(i)
	p.Bytes, p.FrameBytes, p.Layers = r.Bytes[i], columns.At(r.FrameBytes, i), monitor.Layers(r.Layers[i])
	r.outer.Read(i, &p.Outer)
	p.SRv6, p.Inner = Inner{}, Inner{}
	if p.Layers&monitor.SRv6 != 0 {
		r.srv6.Read(i, &p.SRv6.Key)
		p.SRv6.Bytes = columns.At(r.srv6Bytes, i)
	}
	if p.Layers&monitor.Tunnelled != 0 {
		r.inner.Read(i, &p.Inner.Key)
		p.Inner.Bytes = columns.At(r.innerBytes, i)
	}
}

// Reset empties the rows and keeps their memory.
func (r *Wide) Reset() {
	r.reset()
	r.Bytes, r.FrameBytes, r.Layers = r.Bytes[:0], r.FrameBytes[:0], r.Layers[:0]
	r.srv6Bytes, r.innerBytes = r.srv6Bytes[:0], r.innerBytes[:0]
	r.outer.Reset()
	r.srv6.Reset()
	r.inner.Reset()
}

// RowBytes is the size of a row on the bus, for cutting messages.
func (r *Wide) RowBytes() int { return columns.RowBytes(r.Columns()) }

// Columns lists the columns.
func (r *Wide) Columns() []columns.Column {
	for _, s := range []*[]uint32{&r.FrameBytes, &r.srv6Bytes, &r.innerBytes} {
		columns.Pad(s, r.Len())
	}
	cols := []columns.Column{
		columns.Of("time", &r.Time), columns.Of("bytes", &r.Bytes), columns.Of("layers", &r.Layers),
		columns.Optional("frame_bytes", &r.FrameBytes),
	}
	cols = append(cols, r.sparse()...)
	cols = append(cols, r.outer.Columns()...)
	cols = append(append(cols, r.srv6.Columns()...), columns.Optional("srv6_bytes", &r.srv6Bytes))
	return append(append(cols, r.inner.Columns()...), columns.Optional("inner_bytes", &r.innerBytes))
}
