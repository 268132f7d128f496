package encode

import (
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter/internal/aggregate"
	"netstream/services/exporter/internal/clock"
)

// Aggregates makes datagrams of version 9 or IPFIX with aggregates, by a template for each mode and IP version (spec section 3.5).
type Aggregates struct {
	templated
	v9      v9Datagram
	message ipfixMessage
	forms   [aggregate.Modes][2]*form[aggregateRecord] // for IPv4, or all, and for IPv6; nil: not wanted
	record  aggregateRecord
}

// aggregateRecord is an aggregate on its way into a record.
type aggregateRecord struct {
	*aggregate.Aggregate
	flows, packets, bytes uint64 // of this record
	first, last           uint64 // ms since the boot or, for IPFIX, since 1970
}

// NewV9Aggregates makes an encoder for version 9 that goes on at a cursor.
func NewV9Aggregates(o Options, at Cursor) *Aggregates {
	e := &Aggregates{v9: newV9Datagram(&o)}
	e.templated = newTemplated(o, at, newDialect(&o, false), &e.v9)
	e.defineForms()
	return e
}

// NewIPFIXAggregates makes an encoder for IPFIX that goes on at a cursor.
func NewIPFIXAggregates(o Options, at Cursor) *Aggregates {
	e := &Aggregates{message: newIPFIXMessage(&o)}
	e.templated = newTemplated(o, at, newDialect(&o, true), &e.message)
	e.defineForms()
	return e
}

// Define implements Encoder; aggregates don't point to monitors.
func (e *Aggregates) Define([]Monitor) {}

func (e *Aggregates) defineForms() {
	var templates []*nsv9.Template
	keys := map[uint16]uint64{}
	for _, m := range e.options.Modes {
		e.forms[m][0] = newAggregateForm(m, 4, e.dialect)
		templates = append(templates, &e.forms[m][0].template)
		if m.HasIPv6() {
			e.forms[m][1] = newAggregateForm(m, 6, e.dialect)
			templates = append(templates, &e.forms[m][1].template)
		}
		addKeys(keys, e.forms[m][:]...)
	}
	e.defineTemplates(templates, keys)
}

// newAggregateForm makes the form of a mode for an IP version. Counters and times come first, as in the golden datagrams.
func newAggregateForm(m aggregate.Mode, version uint8, in dialect) *form[aggregateRecord] {
	f := &form[aggregateRecord]{template: nsv9.Template{ID: m.Template(version)}}
	length, first, last := 4, nsv9.FirstSwitched, nsv9.LastSwitched
	if in.ipfix {
		length, first, last = 8, nsv9.FlowStartMilliseconds, nsv9.FlowEndMilliseconds
	}
	f.number(nsv9.Flows, in.counter(), func(a *aggregateRecord) uint64 { return a.flows })
	f.number(nsv9.InPkts, in.counter(), func(a *aggregateRecord) uint64 { return a.packets })
	f.number(nsv9.InBytes, in.counter(), func(a *aggregateRecord) uint64 { return a.bytes })
	f.number(first, length, func(a *aggregateRecord) uint64 { return a.first })
	f.number(last, length, func(a *aggregateRecord) uint64 { return a.last })
	keys := len(f.fields)
	for _, field := range m.Fields() {
		addKeyField(f, field, version, in)
	}
	if version == 6 && !m.Has(aggregate.SrcPrefix) && !m.Has(aggregate.DstPrefix) && !m.Has(aggregate.BGPNextHop) {
		// Nothing else tells it from that for IPv4.
		f.number(nsv9.IPProtocolVersion, 1, func(a *aggregateRecord) uint64 { return uint64(a.Version) })
	}
	f.keysFrom(keys)
	if in.reason {
		f.number(nsv9.FlowEndReason, 1, func(a *aggregateRecord) uint64 { return uint64(a.Reason.FlowEndReason()) })
	}
	return f
}

// addKeyField adds a field of a mode's key.
func addKeyField(f *form[aggregateRecord], field aggregate.Field, version uint8, in dialect) {
	address := func(ipv4, ipv6 nsv9.FieldType, value func(*aggregateRecord) *[16]byte) {
		if version == 6 {
			f.add(ipv6, 16, func(to []byte, a *aggregateRecord) { copy(to, value(a)[:]) })
		} else {
			f.add(ipv4, 4, func(to []byte, a *aggregateRecord) { copy(to, value(a)[12:]) })
		}
	}
	mask := func(ipv4, ipv6 nsv9.FieldType, value func(*aggregateRecord) uint64) {
		if version == 6 {
			ipv4 = ipv6
		}
		f.number(ipv4, 1, value)
	}
	switch field {
	case aggregate.SrcAS:
		f.number(nsv9.SrcAS, in.length(nsv9.SrcAS, 4), func(a *aggregateRecord) uint64 { return in.as(a.SrcAS) })
	case aggregate.DstAS:
		f.number(nsv9.DstAS, in.length(nsv9.DstAS, 4), func(a *aggregateRecord) uint64 { return in.as(a.DstAS) })
	case aggregate.SrcMask:
		mask(nsv9.SrcMask, nsv9.IPv6SrcMask, func(a *aggregateRecord) uint64 { return uint64(a.SrcMask) })
	case aggregate.DstMask:
		mask(nsv9.DstMask, nsv9.IPv6DstMask, func(a *aggregateRecord) uint64 { return uint64(a.DstMask) })
	case aggregate.SrcPrefix:
		address(nsv9.IPv4SrcPrefix, nsv9.SrcIPv6Prefix, func(a *aggregateRecord) *[16]byte { return &a.Src })
	case aggregate.DstPrefix:
		address(nsv9.IPv4DstPrefix, nsv9.DstIPv6Prefix, func(a *aggregateRecord) *[16]byte { return &a.Dst })
	case aggregate.Protocol:
		f.number(nsv9.Protocol, 1, func(a *aggregateRecord) uint64 { return uint64(a.Key.Protocol) })
	case aggregate.SrcPort:
		f.number(nsv9.L4SrcPort, 2, func(a *aggregateRecord) uint64 { return uint64(a.SrcPort) })
	case aggregate.DstPort:
		f.number(nsv9.L4DstPort, 2, func(a *aggregateRecord) uint64 { return uint64(a.DstPort) })
	case aggregate.TOS:
		f.number(nsv9.SrcTOS, 1, func(a *aggregateRecord) uint64 { return uint64(a.TOS) })
	case aggregate.Input:
		f.number(nsv9.InputSNMP, in.length(nsv9.InputSNMP, 4), func(a *aggregateRecord) uint64 { return in.index(a.Input) })
	case aggregate.Output:
		f.number(nsv9.OutputSNMP, in.length(nsv9.OutputSNMP, 4), func(a *aggregateRecord) uint64 { return in.index(a.Output) })
	case aggregate.BGPNextHop:
		address(nsv9.BGPIPv4NextHop, nsv9.BGPIPv6NextHop, func(a *aggregateRecord) *[16]byte { return &a.BGPNextHop })
	case aggregate.VLAN:
		f.number(nsv9.SrcVLAN, 2, func(a *aggregateRecord) uint64 { return uint64(a.VLAN) })
	}
}

// Encode implements Encoder.
func (e *Aggregates) Encode(b *Batch, now *clock.Clock, flows *Flows) error {
	b.Reset()
	e.v9.header.UnixSecs, e.v9.header.SysUptime = now.UnixSecs(), now.SysUptime()
	e.message.header.ExportTime = now.UnixSecs()
	e.secs = int64(now.UnixSecs())
	if err := e.introduce(b); err != nil {
		return err
	}
	for i := range flows.Aggregates {
		a := &flows.Aggregates[i]
		f := e.forms[a.Mode][0]
		if a.Version == 6 && f != nil {
			f = e.forms[a.Mode][1]
		}
		if f == nil {
			continue
		}
		if err := e.aggregate(b, now, a, f); err != nil {
			return err
		}
	}
	e.finish(b)
	return nil
}

// aggregate adds the records of an aggregate, of which the first has the count of flows.
func (e *Aggregates) aggregate(b *Batch, now *clock.Clock, a *aggregate.Aggregate, f *form[aggregateRecord]) error {
	r := &e.record
	*r = aggregateRecord{Aggregate: a}
	n := sharesOf(e.counter, a.Packets, a.Bytes)
	if e.dialect.ipfix {
		r.first, r.last = clock.Millis(a.First), clock.Millis(a.Last)
	} else {
		first, last := uptimes(b, now, a.First, a.Last)
		r.first, r.last = uint64(first), uint64(last)
	}
	if n > maxShares {
		b.leaveOutAggregate(ReasonCounter, a)
		return nil
	}
	e.dialect.countNarrowed(b, max(a.Input, a.Output), max(a.SrcAS, a.DstAS))
	for i := range n {
		to, err := e.next(b, f.template.ID, f.length)
		if err != nil {
			return err
		}
		r.flows, r.packets, r.bytes = a.Flows*firstShare(i), share(a.Packets, n, i), share(a.Bytes, n, i)
		f.fill(to, r)
		b.count(r.flows, r.packets, r.bytes)
	}
	return nil
}
