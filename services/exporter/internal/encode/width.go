package encode

import (
	"math"

	"netstream/schemas/wire/nsv5"
	"netstream/schemas/wire/nsv9"
)

// Widths are bits of fields, by which the templates of vendors differ; 0: as the format has them by itself.
type Widths struct {
	Index   int // of interfaces: 16 or 32; by itself 32
	AS      int // of AS numbers: 16 or 32; by itself 32
	Counter int // of packets, bytes and flows: 32 or 64; by itself 64 in IPFIX and in template 257, 32 in others of version 9
}

// dialect is what differs between the templates of version 9, its zero value, and of IPFIX, and between those of vendors.
type dialect struct {
	ipfix    bool // absolute times and counters of 64 bits; why the flow ended and its id are told
	selector bool // ipfix: flows name the sampler
	routes   bool // ipfix: routes are told of flows with an IP tuple
	widths   Widths
	reason   bool // version 9: why the flow ended is told
}

func newDialect(o *Options, ipfix bool) dialect {
	return dialect{ipfix: ipfix, selector: ipfix && o.Sampling > 0, routes: ipfix && o.Routes, widths: o.Widths, reason: o.EndReason || ipfix}
}

// length is the number of bytes of a field that has so many by itself.
func (d *dialect) length(t nsv9.FieldType, own int) int {
	bits := 0
	switch t {
	case nsv9.InputSNMP, nsv9.OutputSNMP:
		bits = d.widths.Index
	case nsv9.SrcAS, nsv9.DstAS:
		bits = d.widths.AS
	case nsv9.InBytes, nsv9.InPkts, nsv9.Flows:
		bits = d.widths.Counter
	}
	if bits == 0 {
		return own
	}
	return bits / 8
}

// counter is the number of bytes of counters.
func (d *dialect) counter() int {
	own := 4
	if d.ipfix {
		own = 8
	}
	return d.length(nsv9.InPkts, own)
}

// index is an interface as it is sent.
func (d *dialect) index(v uint32) uint64 {
	if d.widths.Index == 16 {
		narrow, _ := nsv5.IfIndex16(v)
		return uint64(narrow)
	}
	return uint64(v)
}

// as is an AS number as it is sent.
func (d *dialect) as(v uint32) uint64 {
	if d.widths.AS == 16 {
		return uint64(nsv5.AS16(v))
	}
	return uint64(v)
}

// countNarrowed counts a flow of which a number didn't fit.
func (d *dialect) countNarrowed(b *Batch, index, as uint32) {
	if d.widths.Index == 16 && index > math.MaxUint16 {
		b.Interfaces++
	}
	if d.widths.AS == 16 && as > math.MaxUint16 {
		b.WideAS++
	}
}

// resized is a template of version 9 with the fields of the dialect.
func (d *dialect) resized(t nsv9.Template) nsv9.Template {
	for i := range t.Fields {
		f := &t.Fields[i]
		f.Length = uint16(d.length(f.Type, int(f.Length)))
	}
	if d.reason {
		t.Fields = append(t.Fields, nsv9.Field{Type: nsv9.FlowEndReason, Length: 1})
	}
	return t
}
