package encode

import (
	"math"

	"netstream/schemas/wire/nsv5"
	"netstream/schemas/wire/nsv8"
	"netstream/services/exporter/internal/aggregate"
	"netstream/services/exporter/internal/clock"
)

// V8 makes datagrams of version 8: aggregates of IPv4 flows. Each mode is an engine of its own, whose id is that of the
// destination plus the mode's scheme, and has its own sequence (spec section 3.5).
type V8 struct {
	header  nsv8.Header
	engine  uint8
	cursor  Cursor
	limit   int // bytes of a datagram
	wanted  [aggregate.Modes]bool
	mode    aggregate.Mode // of the records
	records []nsv8.Record
}

// NewV8 makes an encoder that goes on at a cursor. All of the modes have a scheme.
func NewV8(o Options, at Cursor) *V8 {
	e := &V8{header: nsv8.Header{EngineType: uint8(o.SourceID >> 8)}, engine: uint8(o.SourceID), cursor: at, limit: o.Limit}
	for _, m := range o.Modes {
		e.wanted[m] = true
	}
	return e
}

// Cursor is where the encoder stands.
func (e *V8) Cursor() Cursor { return e.cursor }

// Define implements Encoder; aggregates don't point to monitors.
func (e *V8) Define([]Monitor) {}

// Encode implements Encoder.
func (e *V8) Encode(b *Batch, now *clock.Clock, flows *Flows) error {
	b.Reset()
	e.header.UnixSecs, e.header.SysUptime = now.UnixSecs(), now.SysUptime()
	for i := range flows.Aggregates {
		a := &flows.Aggregates[i]
		n := shares(a.Packets, a.Bytes)
		switch {
		case !e.wanted[a.Mode]:
			continue
		case a.Version == 6:
			b.leaveOutAggregate(ReasonIPv6, a)
			continue
		case n > maxShares:
			b.leaveOutAggregate(ReasonCounter, a)
			continue
		case a.Mode != e.mode:
			if err := e.flush(b); err != nil {
				return err
			}
			e.mode = a.Mode
		}
		if err := e.aggregate(b, now, a, n); err != nil {
			return err
		}
	}
	return e.flush(b)
}

// aggregate adds the n records of an aggregate, of which the first has the count of flows.
func (e *V8) aggregate(b *Batch, now *clock.Clock, a *aggregate.Aggregate, n uint64) error {
	input, in := nsv5.IfIndex16(a.Input)
	output, out := nsv5.IfIndex16(a.Output)
	if !in || !out {
		b.Interfaces++
	}
	if max(a.SrcAS, a.DstAS) > math.MaxUint16 {
		b.WideAS++
	}
	r := nsv8.Record{
		Src: aggregate.IPv4(&a.Src), Dst: aggregate.IPv4(&a.Dst), SrcMask: a.SrcMask, DstMask: a.DstMask,
		SrcAS: nsv5.AS16(a.SrcAS), DstAS: nsv5.AS16(a.DstAS), Input: input, Output: output,
		SrcPort: a.SrcPort, DstPort: a.DstPort, Protocol: a.Protocol, TOS: a.TOS,
	}
	r.First, r.Last = uptimes(b, now, a.First, a.Last)
	scheme := e.mode.Scheme()
	most := min((e.limit-nsv8.HeaderLen)/scheme.RecordLen(), scheme.MaxRecords())
	for i := range n {
		if len(e.records) == most {
			if err := e.flush(b); err != nil {
				return err
			}
		}
		flows := a.Flows * firstShare(i)
		packets, bytes := share(a.Packets, n, i), share(a.Bytes, n, i)
		r.Flows, r.Packets, r.Octets = uint32(flows), uint32(packets), uint32(bytes)
		e.records = append(e.records, r)
		b.count(flows, packets, bytes)
	}
	return nil
}

// flush ends the datagram.
func (e *V8) flush(b *Batch) error {
	if len(e.records) == 0 {
		return nil
	}
	sequence := &e.cursor.Modes[e.mode]
	e.header.Scheme, e.header.FlowSequence = e.mode.Scheme(), *sequence
	e.header.EngineID = e.engine + uint8(e.header.Scheme)
	buf, err := nsv8.AppendDatagram(b.buf, &e.header, e.records)
	if err != nil {
		return err
	}
	b.close(buf)
	*sequence += uint32(len(e.records))
	e.records = e.records[:0]
	return nil
}
