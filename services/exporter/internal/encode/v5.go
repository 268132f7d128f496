package encode

import (
	"encoding/binary"
	"math"

	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/wire/nsv5"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter/internal/clock"
	"netstream/services/exporter/internal/routing"
)

// MaxSamplingV5 is the largest rate that version 5 can announce.
const MaxSamplingV5 = nsv5.MaxSamplingInterval

// V5 makes datagrams of version 5.
type V5 struct {
	header  nsv5.Header
	cursor  Cursor
	limit   int // records in a datagram
	choice  choice
	routes  *routing.Table
	records []nsv5.Record
	row     flow.Row[key.IPv4]
}

// NewV5 makes an encoder that goes on at a cursor.
func NewV5(o Options, at Cursor) *V5 {
	var sampling nsv5.Sampling
	if o.Sampling > 0 {
		sampling, _ = nsv5.NewSampling(nsv5.SamplingRandom, o.Sampling) // 0 if it is too large
	}
	limit := min((o.Limit-nsv5.HeaderLen)/nsv5.RecordLen, nsv5.MaxRecords)
	return &V5{
		header:  nsv5.Header{EngineType: uint8(o.SourceID >> 8), EngineID: uint8(o.SourceID), Sampling: sampling},
		cursor:  at,
		limit:   limit,
		choice:  choice{filter: o.Filter, share: o.Share},
		records: make([]nsv5.Record, 0, limit),
	}
}

// Cursor is where the encoder stands.
func (e *V5) Cursor() Cursor { return e.cursor }

// Define implements Encoder.
func (e *V5) Define(monitors []Monitor) { e.choice.monitors = monitors }

// Encode implements Encoder.
func (e *V5) Encode(b *Batch, now *clock.Clock, flows *Flows) error {
	b.Reset()
	e.choice.sources, e.routes = flows.Sources, flows.Routes
	leaveAllOut(b, flows.Wide, e.choice.monitors, ReasonKind)
	leaveAllOut(b, flows.IPv6, e.choice.monitors, ReasonIPv6)
	e.header.UnixSecs, e.header.SysUptime = now.UnixSecs(), now.SysUptime()
	e.records = e.records[:0]
	for i := range flows.IPv4.Len() {
		if !choose(&e.choice, b, flows.IPv4, i, &e.row) {
			continue
		}
		if err := e.flow(b, now, &e.row); err != nil {
			return err
		}
	}
	return e.flush(b)
}

// leaveAllOut counts flows that version 5 can't carry.
func leaveAllOut[K any](b *Batch, rows *flow.Rows[K], monitors []Monitor, why Reason) {
	for i := range rows.Len() {
		if m := &monitors[rows.Monitor[i]]; m.Wanted {
			b.leaveOut(why, rows.Packets[i], rows.Bytes[i])
		} else {
			b.leaveOut(m.Why, rows.Packets[i], rows.Bytes[i])
		}
	}
}

// flow adds a flow's records.
func (e *V5) flow(b *Batch, now *clock.Clock, f *flow.Row[key.IPv4]) error {
	n := shares(f.Packets, f.Bytes)
	if n > maxShares {
		b.leaveOut(ReasonCounter, f.Packets, f.Bytes)
		return nil
	}
	first, last := uptimes(b, now, f.First, f.Last)
	index, ok := nsv5.IfIndex16(f.Key.Interface)
	if !ok {
		b.Interfaces++
	}
	r := nsv5.Record{
		SrcAddr: f.Key.Src, DstAddr: f.Key.Dst, SrcPort: f.Key.SrcPort, DstPort: f.Key.DstPort,
		Protocol: f.Key.Protocol, TOS: f.Key.TOS, TCPFlags: f.TCPFlags, First: first, Last: last,
	}
	if f.Key.Direction == key.Egress {
		r.Output = index
	} else {
		r.Input = index
	}
	e.route(b, &r)
	for i := range n {
		if len(e.records) == e.limit {
			if err := e.flush(b); err != nil {
				return err
			}
		}
		packets, bytes := share(f.Packets, n, i), share(f.Bytes, n, i)
		r.Packets, r.Octets = uint32(packets), uint32(bytes)
		e.records = append(e.records, r)
		b.count(firstShare(i), packets, bytes)
	}
	return nil
}

// route fills in what is known of the routes to both addresses.
func (e *V5) route(b *Batch, r *nsv5.Record) {
	if e.routes == nil {
		return
	}
	src, dst := nsv9.MappedV4(r.SrcAddr), nsv9.MappedV4(r.DstAddr)
	from, to := e.routes.Of(&src, 4), e.routes.Of(&dst, 4)
	router := to.Router()
	r.NextHop = binary.BigEndian.Uint32(router[12:])
	r.SrcAS, r.DstAS, r.SrcMask, r.DstMask = nsv5.AS16(from.AS), nsv5.AS16(to.AS), from.Mask, to.Mask
	if max(from.AS, to.AS) > math.MaxUint16 {
		b.WideAS++
	}
}

// flush ends the datagram.
func (e *V5) flush(b *Batch) error {
	if len(e.records) == 0 {
		return nil
	}
	e.header.FlowSequence = e.cursor.Sequence
	buf, err := nsv5.AppendDatagram(b.buf, &e.header, e.records)
	if err != nil {
		return err
	}
	b.close(buf)
	e.cursor.Sequence += uint32(len(e.records))
	e.records = e.records[:0]
	return nil
}

func firstShare(i uint64) uint64 {
	if i == 0 {
		return 1
	}
	return 0
}
