package nsv9

import (
	"cmp"
	"slices"

	"netstream/schemas/wire/internal/sets"
)

// Plan is a layout compiled once more, to fill Records: a list of steps, in the order of the fields, and nothing to look
// up while reading. It is never changed and may be shared.
type Plan struct {
	layout *Layout
	// steps[n] are the steps for fields behind the n-th field of variable length; most templates have just steps[0].
	steps  [][]step
	has    Has
	family uint8 // IP version by the addresses, 0 when there are none
	// A template with addresses of both versions sends zeros in one of them. ipv4 is then the plan for records whose
	// IPv6 addresses, at the slots src6 and dst6, are zero.
	ipv4       *Plan
	src6, dst6 int
}

// step moves one field to its place. off and end count from the end of the variable-length fields before it.
type step struct {
	off, end int
	mask     uint64 // of the bits of a number
	to       target
}

// NewPlan compiles the layout of a flow template. Fields it does not know, or whose length does not fit them, are
// skipped, as are fields of variable length; they never fail a record.
func NewPlan(l *Layout) *Plan {
	usable := l.usable()
	slots := &usable
	has := func(t FieldType) bool { return slots[t] >= 0 }
	switch {
	case has(IPv6SrcAddr) && has(IPv6DstAddr) && has(IPv4SrcAddr) && has(IPv4DstAddr):
		p := l.plan(slots, 6)
		p.ipv4, p.src6, p.dst6 = l.plan(slots, 4), int(slots[IPv6SrcAddr]), int(slots[IPv6DstAddr])
		return p
	case has(IPv6SrcAddr) || has(IPv6DstAddr):
		return l.plan(slots, 6)
	case has(IPv4SrcAddr) || has(IPv4DstAddr):
		return l.plan(slots, 4)
	case has(SrcIPv6Prefix) || has(DstIPv6Prefix):
		return l.plan(slots, 6)
	case has(IPv4SrcPrefix) || has(IPv4DstPrefix):
		return l.plan(slots, 4)
	}
	return l.plan(slots, 0)
}

// usable has for each field type the slot it can fill a Record from, or -1.
type usable [SelectorID + 1]int16 // SelectorID is the largest of the sources

func (l *Layout) usable() (slots usable) {
	for t := range slots {
		slots[t] = -1
	}
	for i := len(l.template.Fields) - 1; i >= 0; i-- { // backwards: of several fields of one type the first is meant
		if t := l.template.Fields[i].Type; int(t) < len(slots) {
			slots[t] = int16(len(l.template.Scope) + i)
		}
	}
	for _, s := range sources {
		if i := slots[s.field]; i >= 0 && !s.to.fits(l.slots[i].length) {
			slots[s.field] = -1
		}
	}
	return slots
}

func (l *Layout) plan(slots *usable, family uint8) *Plan {
	p := &Plan{layout: l, family: family, steps: make([][]step, len(l.gaps)+1)}
	add := func(s source) {
		i := slots[s.field]
		if i < 0 || p.has&s.has != 0 && s.to != toSamplerInterval || s.to == toIPVersion && family != 0 {
			return
		}
		p.has |= s.has
		at := l.slots[i]
		p.steps[at.vars] = append(p.steps[at.vars], step{
			off: at.off, end: at.off + int(at.length), mask: ^uint64(0) >> (64 - 8*min(at.length, 8)), to: s.to,
		})
	}
	for _, s := range sources {
		if s.family == 0 || s.family == family {
			add(s)
		}
	}
	for _, s := range sources {
		if s.family != 0 && s.family != family {
			add(s)
		}
	}
	if family != 0 {
		p.has |= HasIPVersion
	}
	for _, steps := range p.steps {
		slices.SortFunc(steps, func(a, b step) int { return cmp.Compare(a.off, b.off) })
	}
	return p
}

// Has is the set of fields that the records of the plan have, at most.
func (p *Plan) Has() Has {
	if p.ipv4 != nil {
		return p.has | p.ipv4.has
	}
	return p.has
}

// Append decodes the body of a data flowset and appends its records to dst. The records are copies. With ErrRecordCut
// come the records before the broken one.
//
// A Record is larger than what it is read from: a hostile template of one byte turns 64 KiB into some 18 MB. A caller
// that keeps its memory bounded decodes record by record.
func (p *Plan) Append(dst []Record, body []byte) ([]Record, error) {
	records := p.layout.Records(body)
	for records.Next() {
		dst = append(dst, Record{})
		p.fill(&dst[len(dst)-1], records.rec)
	}
	return dst, records.err
}

// Decode fills r from a record that Records of the same layout gave, and reports false, with r empty, when rec is not
// one whole record.
func (p *Plan) Decode(r *Record, rec []byte) bool {
	*r = Record{}
	if p.layout.recordLen(rec) != len(rec) {
		return false
	}
	p.fill(r, rec)
	return true
}

// fill wants an empty r and a whole record.
func (p *Plan) fill(r *Record, rec []byte) {
	if p.ipv4 != nil && sets.AllZero(p.layout.Field(rec, p.src6)) && sets.AllZero(p.layout.Field(rec, p.dst6)) {
		p = p.ipv4
	}
	r.Has, r.IPVersion = p.has, p.family
	apply(p.steps[0], r, rec)
	at := 0
	for i, gap := range p.layout.gaps {
		_, at, _ = variable(rec, at+gap)
		apply(p.steps[i+1], r, rec[at:])
	}
}
