package collector

import (
	"errors"

	"netstream/schemas/wire/nsv5"
	"netstream/services/analyzer/internal/store"
)

// v5 decodes a version 5 datagram.
func (d *Decoder) v5(x *exporter, r received, b []byte) {
	h, records, _, err := nsv5.Append(d.records5[:0], b)
	d.records5 = records[:0]
	if err != nil {
		reason := ReasonMalformed
		if errors.Is(err, nsv5.ErrVersion) {
			reason = ReasonVersion
		}
		d.refuse(x, reason)
		return
	}
	s := session{Port: r.port, Version: nsv5.Version, Domain: uint32(h.EngineType)<<8 | uint32(h.EngineID)}
	d.sequence(x, s, h.FlowSequence, uint32(len(records)), h.SysUptime)
	rate, origin := uint32(1), store.RateUnknown
	if n := h.Sampling.Interval(); n > 0 {
		rate, origin = n, store.RateHeader
	}
	skew := clockSkew(r.at, int64(h.UnixSecs)*1000)
	for i := range records {
		v := &records[i]
		f := record{
			kind: store.IPv4, source: x.source,
			first: (h.Millis(v.First) + skew) * 1e6, last: (h.Millis(v.Last) + skew) * 1e6,
			packets: uint64(v.Packets), bytes: uint64(v.Octets),
			rate: rate, origin: origin,
			present: hasAddrs | hasPorts | hasProtocol | hasTOS | hasFlags | hasInIf | hasOutIf | hasAS | hasMasks,
			src:     mapped(v.SrcAddr), dst: mapped(v.DstAddr), srcPort: v.SrcPort, dstPort: v.DstPort,
			protocol: v.Protocol, tos: v.TOS, flags: v.TCPFlags, inIf: uint32(v.Input), outIf: uint32(v.Output),
			srcAS: uint32(v.SrcAS), dstAS: uint32(v.DstAS), srcMask: v.SrcMask, dstMask: v.DstMask,
		}
		if v.NextHop != 0 {
			f.present |= hasNextHop
			f.nextHop = mapped(v.NextHop)
		}
		d.land(x, &f)
	}
}

// sequence follows the numbers of a session.
func (d *Decoder) sequence(x *exporter, s session, number, units, uptime uint32) {
	q := x.sequences[s]
	if q == nil {
		if len(x.sequences) >= maxSessions {
			return // an exporter that changes its port with each datagram can't be followed
		}
		q = &sequence{}
		x.sequences[s] = q
	}
	x.changed[partSequences] = true
	lost := q.take(number, units, uptime)
	if lost == 0 {
		return
	}
	e := x.book(bookLost)
	if lost < 0 {
		e.Rows -= min(e.Rows, uint64(-lost))
		return
	}
	e.Rows += uint64(lost)
	d.metrics.Lost.Add(float64(lost))
}

// bookLost counts units that sequence numbers show missing: flow records of version 5, datagrams of version 9. They were
// lost before the collector and so are no part of its balance.
const bookLost = "lost"

// maxSessions bounds the sessions of an exporter.
const maxSessions = 1024

// maxSkew is how far an exporter's clock may be off before its times are taken relative to arrival (spec section 10.5).
const maxSkew = 5 * 60 * 1000 // ms

// clockSkew is what to add to an exporter's times, in ms.
func clockSkew(receivedNanos, exportMillis int64) int64 {
	if d := receivedNanos/1e6 - exportMillis; d > maxSkew || d < -maxSkew {
		return d
	}
	return 0
}
