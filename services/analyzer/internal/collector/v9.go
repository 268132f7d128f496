package collector

import (
	"slices"
	"time"

	"netstream/schemas/wire/nsv9"
	"netstream/services/analyzer/internal/store"
)

// Limits of what an exporter may make us keep (spec section 10.2).
const (
	maxTemplates   = 4096
	maxParkedSets  = 256
	maxParkedBytes = 1 << 20
	parkedFor      = int64(60 * time.Second)
)

// parkedSet is a data set that came before its template.
type parkedSet struct {
	Session  session     `json:"session"`
	ID       uint16      `json:"id"`
	Received int64       `json:"received"`
	Header   nsv9.Header `json:"header"`
	Body     []byte      `json:"body"`
}

// v9 decodes a version 9 datagram. Its sequence number counts datagrams.
func (d *Decoder) v9(x *exporter, r received, b []byte) {
	h, sets, err := nsv9.Open(b)
	if err != nil {
		d.refuse(x, ReasonMalformed)
		return
	}
	s := session{Port: r.port, Version: nsv9.Version, Domain: h.SourceID}
	d.sequence(x, s, h.Sequence, 1, h.SysUptime)
	d.expire(x, r.at)
	for sets.Next() {
		switch set := sets.Set(); set.Kind() {
		case nsv9.Templates:
			d.templates(x, s, set)
		case nsv9.Data:
			d.data(x, &h, parkedSet{Session: s, ID: set.ID, Received: r.at, Header: h, Body: set.Body}, true)
		}
	}
	if sets.Err() != nil {
		d.refuse(x, ReasonMalformed)
	}
}

// templates takes the definitions of a set, and decodes what waited for them.
func (d *Decoder) templates(x *exporter, s session, set nsv9.Set) {
	reader := set.Templates()
	for reader.Next(&d.template) {
		k := templateKey{s, d.template.ID}
		old := x.templates[k]
		if old != nil && old.layout.Is(&d.template) {
			continue // a refresh
		}
		if old == nil && len(x.templates) >= maxTemplates {
			d.refuse(x, ReasonTemplate)
			continue
		}
		t, err := compile(&d.template)
		if err != nil {
			d.refuse(x, ReasonTemplate)
			continue
		}
		x.templates[k] = t
		x.changed[partTemplates] = true
		d.unpark(x, k)
	}
	if reader.Err() != nil {
		d.refuse(x, ReasonTemplate)
	}
}

func compile(t *nsv9.Template) (*template, error) {
	layout, err := nsv9.Compile(t)
	if err != nil {
		return nil, err
	}
	if layout.Options() {
		return &template{layout: layout}, nil
	}
	return &template{layout: layout, plan: nsv9.NewPlan(layout)}, nil
}

// find is the template of a set: that of its session or, when the session has none, the only one that another port of
// the same domain has. Some exporters send templates and data from different ports.
func (x *exporter) find(s session, id uint16) *template {
	if t := x.templates[templateKey{s, id}]; t != nil {
		return t
	}
	var found *template
	for k, t := range x.templates {
		if k.id == id && k.Version == s.Version && k.Domain == s.Domain {
			if found != nil {
				return nil
			}
			found = t
		}
	}
	return found
}

// data decodes a data set, or parks it.
func (d *Decoder) data(x *exporter, h *nsv9.Header, p parkedSet, park bool) {
	t := x.find(p.Session, p.ID)
	if t == nil {
		if park {
			d.park(x, p)
		}
		return
	}
	skew := clockSkew(p.Received, int64(h.UnixSecs)*1000)
	records := t.layout.Records(p.Body)
	for records.Next() {
		if t.plan == nil {
			x.options(h.SourceID, t.layout, records.Record())
			continue
		}
		if t.plan.Decode(&d.record9, records.Record()) {
			d.flow9(x, h, &d.record9, skew)
		}
	}
	if records.Err() != nil {
		d.refuse(x, ReasonMalformed)
	}
}

// park keeps a copy of a set until its template comes.
func (d *Decoder) park(x *exporter, p parkedSet) {
	if len(x.parked) >= maxParkedSets || x.bytes+len(p.Body) > maxParkedBytes {
		d.refuse(x, ReasonParkedFull)
		return
	}
	p.Body = slices.Clone(p.Body)
	x.parked = append(x.parked, p)
	x.bytes += len(p.Body)
	x.changed[partParked] = true
	d.metrics.Parked.Inc()
}

// unpark decodes what waited for a template.
func (d *Decoder) unpark(x *exporter, k templateKey) {
	d.sift(x, func(p *parkedSet) bool {
		if p.ID != k.id || p.Session.Domain != k.Domain || x.find(p.Session, p.ID) == nil {
			return true
		}
		d.data(x, &p.Header, *p, false)
		return false
	})
}

// expire gives up on sets that waited too long.
func (d *Decoder) expire(x *exporter, now int64) {
	d.sift(x, func(p *parkedSet) bool {
		if now-p.Received <= parkedFor {
			return true
		}
		d.refuse(x, ReasonNoTemplate)
		return false
	})
}

// sift keeps the parked sets that keep wants.
func (d *Decoder) sift(x *exporter, keep func(*parkedSet) bool) {
	kept := x.parked[:0]
	for i := range x.parked {
		if p := &x.parked[i]; keep(p) {
			kept = append(kept, *p)
			continue
		} else {
			x.bytes -= len(p.Body)
		}
		d.metrics.Parked.Dec()
		x.changed[partParked] = true
	}
	clear(x.parked[len(kept):])
	x.parked = kept
}

// flow9 lands a record of version 9.
func (d *Decoder) flow9(x *exporter, h *nsv9.Header, r *nsv9.Record, skew int64) {
	first, last, ok := h.Times(r)
	if !ok {
		first, last = int64(h.UnixSecs)*1000, int64(h.UnixSecs)*1000
		d.refuse(x, ReasonTimes)
	}
	f := record{
		source: x.source, first: (first + skew) * 1e6, last: (last + skew) * 1e6, packets: r.Packets, bytes: r.Bytes,
		src: r.SrcAddr, dst: r.DstAddr, nextHop: r.NextHop, bgpHop: r.BGPNextHop,
		srcPort: r.SrcPort, dstPort: r.DstPort, protocol: r.Protocol, tos: r.TOS, flags: r.TCPFlags, flowLabel: r.FlowLabel,
		inIf: r.InIf, outIf: r.OutIf, direction: r.Direction, srcAS: r.SrcAS, dstAS: r.DstAS, srcMask: r.SrcMask, dstMask: r.DstMask,
		reason: reasons9[min(int(r.FlowEndReason), len(reasons9)-1)],
	}
	f.rate, f.origin = x.rate(h.SourceID, r)
	f.kind = store.Flexible
	switch r.IPVersion {
	case 4:
		f.kind = store.IPv4
	case 6:
		f.kind = store.IPv6
	}
	if r.Has&nsv9.HasICMPTypeCode != 0 && r.Has&nsv9.HasDstPort == 0 {
		f.dstPort = r.ICMPTypeCode // as version 5 has it
	}
	for _, m := range members {
		if r.Has&m.has != 0 {
			f.present |= m.present
		}
	}
	d.land(x, &f)
}
