package collector

import (
	"encoding/binary"

	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/weight"
	"netstream/schemas/wire/nsv9"
	"netstream/services/analyzer/internal/store"
)

// record is a flow of another device on its way into the database. present says which of its fields the device sent.
type record struct {
	kind             store.Kind
	present          present
	source           uint32
	first, last      int64 // ns since the epoch
	packets, bytes   uint64
	rate             uint32
	origin           store.RateOrigin
	src, dst         [16]byte
	nextHop, bgpHop  [16]byte
	srcPort, dstPort uint16
	protocol, tos    uint8
	flags, direction uint8
	flowLabel        uint32
	inIf, outIf      uint32
	srcAS, dstAS     uint32
	srcMask, dstMask uint8
	reason           flow.Reason // 0: not told
}

// present is a set of fields of a record.
type present uint32

const (
	hasAddrs present = 1 << iota
	hasPorts
	hasProtocol
	hasTOS
	hasFlags
	hasFlowLabel
	hasInIf
	hasOutIf
	hasDirection
	hasAS
	hasMasks
	hasNextHop
	hasBGPHop
)

// members maps the fields of version 9; either of a pair brings both.
var members = []struct {
	has     nsv9.Has
	present present
}{
	{nsv9.HasSrcAddr | nsv9.HasDstAddr, hasAddrs}, {nsv9.HasSrcPort | nsv9.HasDstPort | nsv9.HasICMPTypeCode, hasPorts},
	{nsv9.HasProtocol, hasProtocol}, {nsv9.HasTOS, hasTOS}, {nsv9.HasTCPFlags, hasFlags}, {nsv9.HasFlowLabel, hasFlowLabel},
	{nsv9.HasInIf, hasInIf}, {nsv9.HasOutIf, hasOutIf}, {nsv9.HasDirection, hasDirection}, {nsv9.HasSrcAS | nsv9.HasDstAS, hasAS},
	{nsv9.HasSrcMask | nsv9.HasDstMask, hasMasks}, {nsv9.HasNextHop, hasNextHop}, {nsv9.HasBGPNextHop, hasBGPHop},
}

// reasons9 are our reasons for the values of field 136.
var reasons9 = [...]flow.Reason{0, flow.Inactive, flow.Active, flow.FIN, flow.Forced, flow.Table, 0}

// mapped is an IPv4 address as ::ffff:a.b.c.d.
func mapped(a uint32) [16]byte { return nsv9.MappedV4(a) }

// land appends the record to the batch and counts it. What is not present is NULL in the row and 0 in the digest.
func (d *Decoder) land(x *exporter, f *record) {
	f.first = min(f.first, f.last) // some devices are off by a few ms
	r := &d.batch.Rows
	has := func(p present) bool { return f.present&p != 0 }
	r.Source.Append(f.source)
	r.Kind.Append(f.kind)
	r.First.Append(f.first)
	r.Last.Append(f.last)
	r.Packets.Append(f.packets)
	r.Bytes.Append(f.bytes)
	r.SamplingRate.Append(float64(f.rate))
	r.RateOrigin.Append(f.origin)
	appendAddr(&r.SrcHi, &r.SrcLo, &f.src, has(hasAddrs))
	appendAddr(&r.DstHi, &r.DstLo, &f.dst, has(hasAddrs))
	appendAddr(&r.NextHopHi, &r.NextHopLo, &f.nextHop, has(hasNextHop))
	appendAddr(&r.BGPHopHi, &r.BGPHopLo, &f.bgpHop, has(hasBGPHop))
	put(&r.SrcPort, &f.srcPort, has(hasPorts))
	put(&r.DstPort, &f.dstPort, has(hasPorts))
	put(&r.Protocol, &f.protocol, has(hasProtocol))
	put(&r.TOS, &f.tos, has(hasTOS))
	put(&r.TCPFlags, &f.flags, has(hasFlags))
	put(&r.FlowLabel, &f.flowLabel, has(hasFlowLabel))
	put(&r.InIf, &f.inIf, has(hasInIf))
	put(&r.OutIf, &f.outIf, has(hasOutIf))
	put(&r.Direction, &f.direction, has(hasDirection))
	put(&r.SrcAS, &f.srcAS, has(hasAS))
	put(&r.DstAS, &f.dstAS, has(hasAS))
	put(&r.SrcMask, &f.srcMask, has(hasMasks))
	put(&r.DstMask, &f.dstMask, has(hasMasks))
	reason := uint8(f.reason)
	put(&r.Reason, &reason, f.reason != 0)

	e := x.book(ledger.Out)
	e.Rows++
	e.Packets += f.packets
	e.Bytes += f.bytes
	e.Digest = e.Digest.Add(f.digest())
	d.metrics.Rows.Inc()
}

// put appends a value, or zeroes it and appends NULL.
func put[T uint8 | uint16 | uint32](c *store.Column[T], v *T, ok bool) {
	if !ok {
		*v = 0
		c.AppendNull(1)
		return
	}
	c.Append(*v)
}

func appendAddr(hi, lo *store.Column[uint64], a *[16]byte, ok bool) {
	if !ok {
		*a = [16]byte{}
		hi.AppendNull(1)
		lo.AppendNull(1)
		return
	}
	hi.Append(binary.BigEndian.Uint64(a[:8]))
	lo.Append(binary.BigEndian.Uint64(a[8:]))
}

// unmonitored starts the digests of records that belong to no monitor of ours.
var unmonitored = key.Seed("")

// digest is the hash of the row, as the audit computes it from the database.
func (f *record) digest() flow.Digest {
	at := f.inIf
	if f.direction == 1 {
		at = f.outIf
	}
	if f.kind == store.IPv4 {
		return hash(f, key.IPv4{
			Src: binary.BigEndian.Uint32(f.src[12:]), Dst: binary.BigEndian.Uint32(f.dst[12:]), Interface: at,
			SrcPort: f.srcPort, DstPort: f.dstPort, Protocol: f.protocol, TOS: f.tos, Direction: f.direction,
		})
	}
	return hash(f, key.IPv6{
		Src: f.src, Dst: f.dst, Interface: at, FlowLabel: f.flowLabel,
		SrcPort: f.srcPort, DstPort: f.dstPort, Protocol: f.protocol, TOS: f.tos, Direction: f.direction,
	})
}

func hash[K key.Key[K]](f *record, k K) flow.Digest {
	return flow.Hash(&flow.Row[K]{
		Key: k, First: f.first, Last: f.last, Packets: f.packets, Bytes: f.bytes, TCPFlags: f.flags, Reason: f.reason,
		Sums: weight.Unsampled(f.packets, f.bytes),
	}, unmonitored)
}
