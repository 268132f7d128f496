package encode

import (
	"slices"

	"netstream/schemas/wire/nsv9"
)

// newRecordForm makes the form of a template of version 9 in a dialect, and tells the size of its records. It is nil where the dialect changes nothing:
// nsv9 writes such records faster.
func newRecordForm(standard nsv9.Template, in dialect) (f *form[nsv9.Record], t nsv9.Template, length int) {
	fields := slices.Clone(standard.Fields)
	t = in.resized(standard)
	if length, _ = t.RecordLen(); slices.Equal(fields, t.Fields) {
		return nil, t, length
	}
	f = &form[nsv9.Record]{template: nsv9.Template{ID: t.ID}}
	for _, field := range t.Fields {
		addRecordField(f, field.Type, int(field.Length), in)
	}
	return f, t, length
}

// addRecordField adds a field of template 256 or 257, or the reason of the end.
func addRecordField(f *form[nsv9.Record], t nsv9.FieldType, length int, in dialect) {
	address := func(value func(*nsv9.Record) *[16]byte) {
		f.add(t, length, func(to []byte, r *nsv9.Record) { copy(to, value(r)[16-length:]) })
	}
	number := func(value func(*nsv9.Record) uint64) { f.number(t, length, value) }
	switch t {
	case nsv9.IPv4SrcAddr, nsv9.IPv6SrcAddr:
		address(func(r *nsv9.Record) *[16]byte { return &r.SrcAddr })
	case nsv9.IPv4DstAddr, nsv9.IPv6DstAddr:
		address(func(r *nsv9.Record) *[16]byte { return &r.DstAddr })
	case nsv9.IPv4NextHop, nsv9.IPv6NextHop:
		address(func(r *nsv9.Record) *[16]byte { return &r.NextHop })
	case nsv9.BGPIPv4NextHop, nsv9.BGPIPv6NextHop:
		address(func(r *nsv9.Record) *[16]byte { return &r.BGPNextHop })
	case nsv9.InBytes:
		number(func(r *nsv9.Record) uint64 { return r.Bytes })
	case nsv9.InPkts:
		number(func(r *nsv9.Record) uint64 { return r.Packets })
	case nsv9.InputSNMP:
		number(func(r *nsv9.Record) uint64 { return in.index(r.InIf) })
	case nsv9.OutputSNMP:
		number(func(r *nsv9.Record) uint64 { return in.index(r.OutIf) })
	case nsv9.FirstSwitched:
		number(func(r *nsv9.Record) uint64 { return uint64(r.FirstUptime) })
	case nsv9.LastSwitched:
		number(func(r *nsv9.Record) uint64 { return uint64(r.LastUptime) })
	case nsv9.SrcAS:
		number(func(r *nsv9.Record) uint64 { return in.as(r.SrcAS) })
	case nsv9.DstAS:
		number(func(r *nsv9.Record) uint64 { return in.as(r.DstAS) })
	case nsv9.IPv6FlowLabel:
		number(func(r *nsv9.Record) uint64 { return uint64(r.FlowLabel) })
	case nsv9.L4SrcPort:
		number(func(r *nsv9.Record) uint64 { return uint64(r.SrcPort) })
	case nsv9.L4DstPort:
		number(func(r *nsv9.Record) uint64 { return uint64(r.DstPort) })
	case nsv9.Protocol:
		number(func(r *nsv9.Record) uint64 { return uint64(r.Protocol) })
	case nsv9.SrcTOS:
		number(func(r *nsv9.Record) uint64 { return uint64(r.TOS) })
	case nsv9.TCPFlags:
		number(func(r *nsv9.Record) uint64 { return uint64(r.TCPFlags) })
	case nsv9.SrcMask, nsv9.IPv6SrcMask:
		number(func(r *nsv9.Record) uint64 { return uint64(r.SrcMask) })
	case nsv9.DstMask, nsv9.IPv6DstMask:
		number(func(r *nsv9.Record) uint64 { return uint64(r.DstMask) })
	case nsv9.Direction:
		number(func(r *nsv9.Record) uint64 { return uint64(r.Direction) })
	case nsv9.ForwardingStatus:
		number(func(r *nsv9.Record) uint64 { return uint64(r.ForwardingStatus) })
	case nsv9.FlowSamplerID:
		number(func(r *nsv9.Record) uint64 { return r.SamplerID })
	case nsv9.FlowEndReason:
		number(func(r *nsv9.Record) uint64 { return uint64(r.FlowEndReason) })
	default:
		panic("encode: no record has field " + t.String())
	}
}
