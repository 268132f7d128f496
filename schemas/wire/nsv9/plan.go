package nsv9

// Plan is a layout compiled once more, to fill Records: a list of steps, in the order of the fields, and nothing to look
// up while reading. It is never changed and may be shared.
type Plan struct {
	layout *Layout
	steps  []step
	has    Has
	// A template with addresses of both families sends zeros in one of them. ipv4 is then the plan for records whose
	// IPv6 addresses, at the slots src6 and dst6, are zero.
	ipv4       *Plan
	src6, dst6 int
}

// step moves one field of the record, at a slot of the layout, to its place.
type step struct {
	slot
	to target
}

// NewPlan compiles the layout of a flow template. Fields it does not know, or whose length does not fit them, are
// skipped, as are fields of variable length; they never fail a record.
func NewPlan(l *Layout) *Plan {
	src6, dst6 := l.fitting(IPv6SrcAddr), l.fitting(IPv6DstAddr)
	if src6 < 0 || dst6 < 0 || l.fitting(IPv4SrcAddr) < 0 || l.fitting(IPv4DstAddr) < 0 {
		return l.plan(nil)
	}
	p := l.plan([]FieldType{IPv4SrcAddr, IPv4DstAddr, IPv4NextHop, BGPIPv4NextHop, SrcMask, DstMask})
	p.ipv4 = l.plan([]FieldType{IPv6SrcAddr, IPv6DstAddr, IPv6NextHop, BGPIPv6NextHop, IPv6SrcMask, IPv6DstMask, IPv6FlowLabel})
	p.src6, p.dst6 = src6, dst6
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
	if p.ipv4 != nil && allZero(p.layout.Field(rec, p.src6)) && allZero(p.layout.Field(rec, p.dst6)) {
		p = p.ipv4
	}
	r.Has = p.has
	at, vars := 0, 0 // end of the variable-length fields passed so far
	for i := range p.steps {
		s := &p.steps[i]
		for ; vars < s.vars; vars++ {
			_, at, _ = variable(rec, at+p.layout.gaps[vars])
		}
		start := at + s.off
		s.to.set(r, rec[start:start+int(s.length)])
	}
}
