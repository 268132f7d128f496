package encode

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"netstream/schemas/collect"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter/internal/routing"
)

// Templates. Flows of kinds that match an IP tuple alone (MPLS with ip-only, inner headers) go by those of IPv4 and IPv6 flows.
const (
	tupleIPv4    = nsv9.IPv4TemplateID
	tupleIPv6    = nsv9.IPv6TemplateID
	layer2       = 258 // spec section 8.4, as the next one
	labelsIPv4   = 259
	vpnIPv4      = 262 // 256 and the VRF
	vpnIPv6      = 263 // 257 and the VRF
	labelsIPv6   = 264
	labelsOnly   = 265
	flexible     = 300 // the first; two for each monitor: with IPv4 and with IPv6 addresses, or without any
	flexibleIPv6 = 1   // behind that
)

const vrfLen = 4

// carrier is how the flows of a monitor are carried. The zero value carries none.
type carrier struct {
	tuple  bool                                   // version 9: by the templates of IPv4 and IPv6 flows, which have an encoder of their own …
	vrf    bool                                   // … with the VRF
	form   *form[wideFlow]                        // the only one, or that with IPv4 addresses
	ipv6   *form[wideFlow]                        // nil: the only one is for all
	family func(*key.Wide, *collect.Values) uint8 // of the flow's addresses, 4 or 6
}

// form is a template and how its records are filled from an F.
type form[F any] struct {
	template nsv9.Template
	length   int
	fields   []field[F]
	keys     uint64 // which fields tell flows apart; bit 0 is the first
	as       bool   // it has AS numbers
}

// field is a field of a form. put writes all of its bytes.
type field[F any] struct {
	at, end int
	put     func(to []byte, f *F)
}

// wideFlow is a flow on its way into a record, with what a row doesn't say in a datagram's terms.
type wideFlow struct {
	flow.Row[key.Wide]
	packets, bytes uint64         // of this record
	first, last    uint64         // ms since the boot or, for IPFIX, since 1970
	id             uint64         // IPFIX
	from, to       routing.Route  // IPFIX: to the source and to the destination
	collected      collect.Values // zero when the monitor collects none
}

// carriers finds how the flows of the monitors are carried, and the templates for it in the order of their ids. A flexible
// monitor's ids follow from the definitions of all that are wanted, not from their order.
func carriers(monitors []Monitor, in dialect) (by []carrier, more []*nsv9.Template) {
	by = make([]carrier, len(monitors))
	templates := map[uint16]*nsv9.Template{}
	for i := range monitors {
		m := &monitors[i]
		if !m.Wanted || !m.Kind.Wide() && !in.ipfix {
			continue
		}
		c := newCarrier(&m.Definition, flexible+2*rank(monitors, m.String()), in)
		by[i] = c
		if c.vrf {
			templates[vpnIPv4], templates[vpnIPv6] = inVRF(vpnIPv4, in.resized(nsv9.IPv4Template())), inVRF(vpnIPv6, in.resized(nsv9.IPv6Template()))
		}
		for _, f := range []*form[wideFlow]{c.form, c.ipv6} {
			if f != nil {
				templates[f.template.ID] = &f.template
			}
		}
	}
	return by, slices.SortedFunc(maps.Values(templates), func(a, b *nsv9.Template) int { return cmp.Compare(a.ID, b.ID) })
}

// rank counts the flexible monitors whose definitions come before one.
func rank(monitors []Monitor, definition string) (n uint16) {
	for i := range monitors {
		if m := &monitors[i]; m.Wanted && m.Kind == monitor.Flexible && m.String() < definition {
			n++
		}
	}
	return n
}

// inVRF is a template with the VRF behind its fields.
func inVRF(id uint16, t nsv9.Template) *nsv9.Template {
	t.ID = id
	t.Fields = append(t.Fields, nsv9.Field{Type: nsv9.IngressVRFID, Length: vrfLen})
	return &t
}

// newCarrier compiles a monitor's definition; id is for a flexible one.
func newCarrier(d *monitor.Definition, id uint16, in dialect) carrier {
	switch {
	case d.Kind == monitor.Layer2:
		return carrier{form: newForm(layer2, d, 0, in)}
	case d.Kind == monitor.MPLS && d.Match == monitor.LabelOnly:
		return carrier{form: newForm(labelsOnly, d, 0, in)}
	case d.Kind == monitor.MPLS && d.Match == monitor.LabelAndIP:
		return carrier{form: newForm(labelsIPv4, d, 4, in), ipv6: newForm(labelsIPv6, d, 6, in), family: byVersion}
	case d.Kind == monitor.Flexible:
		return newFlexible(d, id, in)
	case !in.ipfix:
		return carrier{tuple: true, vrf: d.Kind == monitor.VPN}
	case d.Kind == monitor.VPN:
		return carrier{form: newForm(vpnIPv4, d, 4, in), ipv6: newForm(vpnIPv6, d, 6, in), family: byVersion}
	case d.Kind == monitor.IPv4:
		return carrier{form: newForm(tupleIPv4, d, 4, in)}
	case d.Kind == monitor.IPv6:
		return carrier{form: newForm(tupleIPv6, d, 6, in)}
	}
	return carrier{form: newForm(tupleIPv4, d, 4, in), ipv6: newForm(tupleIPv6, d, 6, in), family: byVersion}
}

// newFlexible compiles the definition of a flexible monitor, with two forms where it has addresses.
func newFlexible(d *monitor.Definition, id uint16, in dialect) carrier {
	fields := d.Match | d.Collect
	if !fields.Any(addresses) {
		return carrier{form: newForm(id, d, 0, in)}
	}
	c := carrier{form: newForm(id, d, 4, in), ipv6: newForm(id+flexibleIPv6, d, 6, in)}
	switch {
	case d.Match.Has(key.IPVersion):
		c.family = byVersion
	case d.Match.Has(key.SrcAddr):
		c.family = func(k *key.Wide, _ *collect.Values) uint8 { return familyOf(&k.Src) }
	case d.Match.Has(key.DstAddr):
		c.family = func(k *key.Wide, _ *collect.Values) uint8 { return familyOf(&k.Dst) }
	case d.Collect.Has(key.SrcAddr):
		c.family = func(_ *key.Wide, v *collect.Values) uint8 { return familyOf(&v.First.Src) }
	default:
		c.family = func(_ *key.Wide, v *collect.Values) uint8 { return familyOf(&v.First.Dst) }
	}
	return c
}

const addresses key.Fields = 1<<key.SrcAddr | 1<<key.DstAddr

func byVersion(k *key.Wide, _ *collect.Values) uint8 {
	if k.Version == 6 {
		return 6
	}
	return 4
}

func familyOf(a *[16]byte) uint8 {
	if *a == key.Mapped(binary.BigEndian.Uint32(a[12:])) {
		return 4
	}
	return 6
}

// newForm makes the form of a monitor for addresses of an IP version, 0 where it has none. The order of the fields is that of the
// two templates that spec section 8.4 gives, which end where others have more.
func newForm(id uint16, d *monitor.Definition, family uint8, in dialect) *form[wideFlow] {
	f := &form[wideFlow]{template: nsv9.Template{ID: id}}
	matched := part{f, in, d.Match, family, func(w *wideFlow) *key.Wide { return &w.Key }}
	first := part{f, in, d.Collect, family, func(w *wideFlow) *key.Wide { return &w.collected.First }}
	matched.outer()
	f.keysFrom(0)
	counters(f, in)
	if in.routes && d.HasTuple() && family != 0 {
		routed(f, in, family)
	}
	inner := len(f.fields)
	matched.inner()
	f.keysFrom(inner)
	if in.reason {
		f.number(nsv9.FlowEndReason, 1, func(w *wideFlow) uint64 { return uint64(w.Reason.FlowEndReason()) })
	}
	if in.ipfix {
		f.number(nsv9.FlowID, 8, func(w *wideFlow) uint64 { return w.id })
		if in.selector {
			f.number(nsv9.SelectorID, 8, func(*wideFlow) uint64 { return samplerID })
		}
	} else if id == layer2 || id == labelsIPv4 {
		return f
	}
	if d.HasTuple() {
		f.number(nsv9.TCPFlags, 1, func(w *wideFlow) uint64 { return uint64(w.TCPFlags) })
	}
	f.number(nsv9.Direction, 1, func(w *wideFlow) uint64 { return uint64(w.Key.Direction) })
	f.keysFrom(len(f.fields) - 1)
	first.outer()
	first.inner()
	if d.Extremes {
		f.number(nsv9.MinPktLength, 2, func(w *wideFlow) uint64 { return min(uint64(w.collected.MinLength), 1<<16-1) })
		f.number(nsv9.MaxPktLength, 2, func(w *wideFlow) uint64 { return min(uint64(w.collected.MaxLength), 1<<16-1) })
		f.number(nsv9.MinTTL, 1, func(w *wideFlow) uint64 { return uint64(w.collected.MinTTL) })
		f.number(nsv9.MaxTTL, 1, func(w *wideFlow) uint64 { return uint64(w.collected.MaxTTL) })
	}
	return f
}

// counters adds what is counted, and when.
func counters(f *form[wideFlow], in dialect) {
	length, first, last := 4, nsv9.FirstSwitched, nsv9.LastSwitched
	if in.ipfix {
		length, first, last = 8, nsv9.FlowStartMilliseconds, nsv9.FlowEndMilliseconds
	}
	f.number(nsv9.InBytes, in.counter(), func(w *wideFlow) uint64 { return w.bytes })
	f.number(nsv9.InPkts, in.counter(), func(w *wideFlow) uint64 { return w.packets })
	f.number(first, length, func(w *wideFlow) uint64 { return w.first })
	f.number(last, length, func(w *wideFlow) uint64 { return w.last })
}

// routed adds what is known of the routes to both addresses.
func routed(f *form[wideFlow], in dialect, family uint8) {
	f.as = true
	hop := func(ipv4, ipv6 nsv9.FieldType, value func(*wideFlow) *[16]byte) {
		if family == 6 {
			f.add(ipv6, 16, func(to []byte, w *wideFlow) { copy(to, value(w)[:]) })
		} else {
			f.add(ipv4, 4, func(to []byte, w *wideFlow) { copy(to, value(w)[12:]) })
		}
	}
	hop(nsv9.IPv4NextHop, nsv9.IPv6NextHop, func(w *wideFlow) *[16]byte { return &w.to.NextHop })
	hop(nsv9.BGPIPv4NextHop, nsv9.BGPIPv6NextHop, func(w *wideFlow) *[16]byte { return &w.to.BGPNextHop })
	f.number(nsv9.SrcAS, in.length(nsv9.SrcAS, 4), func(w *wideFlow) uint64 { return in.as(w.from.AS) })
	f.number(nsv9.DstAS, in.length(nsv9.DstAS, 4), func(w *wideFlow) uint64 { return in.as(w.to.AS) })
	src, dst := nsv9.SrcMask, nsv9.DstMask
	if family == 6 {
		src, dst = nsv9.IPv6SrcMask, nsv9.IPv6DstMask
	}
	f.number(src, 1, func(w *wideFlow) uint64 { return uint64(w.from.Mask) })
	f.number(dst, 1, func(w *wideFlow) uint64 { return uint64(w.to.Mask) })
}

// part is the fields of a form that come from one wide key: what a monitor matches, or what it collects.
type part struct {
	*form[wideFlow]
	in     dialect
	set    key.Fields
	family uint8
	of     func(*wideFlow) *key.Wide
}

// has adds a field that holds a number of the key, if the part has it.
func (p part) has(field key.Field, t nsv9.FieldType, length int, value func(*key.Wide) uint64) {
	if p.set.Has(field) {
		p.number(t, length, func(w *wideFlow) uint64 { return value(p.of(w)) })
	}
}

// outer adds what stands around the IP tuple, the addresses, and the interfaces.
func (p part) outer() {
	p.has(key.SrcMAC, nsv9.InSrcMAC, 6, func(k *key.Wide) uint64 { return k.SrcMAC })
	p.has(key.DstMAC, nsv9.InDstMAC, 6, func(k *key.Wide) uint64 { return k.DstMAC })
	p.has(key.VLAN, nsv9.SrcVLAN, 2, func(k *key.Wide) uint64 { return uint64(k.VLAN) })
	p.has(key.InnerVLAN, nsv9.Dot1qCustomerVLANID, 2, func(k *key.Wide) uint64 { return uint64(k.InnerVLAN) })
	p.has(key.EtherType, nsv9.EthernetType, 2, func(k *key.Wide) uint64 { return uint64(k.EtherType) })
	for i := range key.Labels {
		// The 20 bits of the label; those of EXP and of the bottom of the stack aren't kept.
		p.has(key.Label1+key.Field(i), nsv9.MPLSLabel1+nsv9.FieldType(i), 3, func(k *key.Wide) uint64 { return uint64(k.Label[i]) << 4 })
	}
	if p.set == monitor.LabelAndIP || p.set == monitor.LabelOnly { // unknown
		p.number(nsv9.MPLSTopLabelType, 1, func(*wideFlow) uint64 { return 0 })
		p.number(nsv9.MPLSTopLabelIPAddr, 4, func(*wideFlow) uint64 { return 0 })
	}
	address := func(field key.Field, ipv4, ipv6 nsv9.FieldType, value func(*key.Wide) *[16]byte) {
		switch {
		case !p.set.Has(field):
		case p.family == 6:
			p.add(ipv6, 16, func(to []byte, w *wideFlow) { copy(to, value(p.of(w))[:]) })
		default:
			p.add(ipv4, 4, func(to []byte, w *wideFlow) { copy(to, value(p.of(w))[12:]) })
		}
	}
	address(key.SrcAddr, nsv9.IPv4SrcAddr, nsv9.IPv6SrcAddr, func(k *key.Wide) *[16]byte { return &k.Src })
	address(key.DstAddr, nsv9.IPv4DstAddr, nsv9.IPv6DstAddr, func(k *key.Wide) *[16]byte { return &k.Dst })
	if p.set.Has(key.Interface) { // that of the direction of the flow
		length := p.in.length(nsv9.InputSNMP, 4)
		p.number(nsv9.InputSNMP, length, func(w *wideFlow) uint64 {
			in, _ := key.Sides(p.of(w).Interface, w.Key.Direction)
			return p.in.index(in)
		})
		p.number(nsv9.OutputSNMP, length, func(w *wideFlow) uint64 {
			_, out := key.Sides(p.of(w).Interface, w.Key.Direction)
			return p.in.index(out)
		})
	}
}

// inner adds the rest of the IP tuple and what belongs to it.
func (p part) inner() {
	p.has(key.Protocol, nsv9.Protocol, 1, func(k *key.Wide) uint64 { return uint64(k.Protocol) })
	p.has(key.SrcPort, nsv9.L4SrcPort, 2, func(k *key.Wide) uint64 { return uint64(k.SrcPort) })
	p.has(key.DstPort, nsv9.L4DstPort, 2, func(k *key.Wide) uint64 { return uint64(k.DstPort) })
	p.has(key.TOS, nsv9.SrcTOS, 1, func(k *key.Wide) uint64 { return uint64(k.TOS) })
	p.has(key.DSCP, nsv9.IPDiffServCodePoint, 1, func(k *key.Wide) uint64 { return uint64(k.TOS >> 2) })
	if p.family != 4 {
		p.has(key.FlowLabel, nsv9.IPv6FlowLabel, 3, func(k *key.Wide) uint64 { return uint64(k.FlowLabel) })
	}
	p.has(key.TTL, nsv9.IPTTL, 1, func(k *key.Wide) uint64 { return uint64(k.TTL) })
	p.has(key.TCPFlags, nsv9.TCPFlags, 1, func(k *key.Wide) uint64 { return uint64(k.TCPFlags) })
	if p.family == 0 { // addresses tell it
		p.has(key.IPVersion, nsv9.IPProtocolVersion, 1, func(k *key.Wide) uint64 { return uint64(k.Version) })
	}
	p.has(key.VRF, nsv9.IngressVRFID, vrfLen, func(k *key.Wide) uint64 { return uint64(k.VRF) })
}

// number adds a field that holds a number.
func (f *form[F]) number(t nsv9.FieldType, length int, value func(*F) uint64) {
	f.add(t, length, func(to []byte, from *F) {
		v := value(from)
		for i := len(to) - 1; i >= 0; i-- {
			to[i] = byte(v)
			v >>= 8
		}
	})
}

func (f *form[F]) add(t nsv9.FieldType, length int, put func([]byte, *F)) {
	f.template.Fields = append(f.template.Fields, nsv9.Field{Type: t, Length: uint16(length)})
	f.fields = append(f.fields, field[F]{f.length, f.length + length, put})
	f.length += length
}

// keysFrom makes keys of the field with that index and all behind it; an indicator has room for 64 (RFC 7011 section 4.4). Type and
// address of the top label come with the labels, but follow from no key.
func (f *form[F]) keysFrom(first int) {
	for i := first; i < min(len(f.fields), 64); i++ {
		if t := f.template.Fields[i].Type; t != nsv9.MPLSTopLabelType && t != nsv9.MPLSTopLabelIPAddr {
			f.keys |= 1 << i
		}
	}
}

// fill writes a record.
func (f *form[F]) fill(to []byte, from *F) {
	for i := range f.fields {
		field := &f.fields[i]
		field.put(to[field.at:field.end], from)
	}
}

// flowByForm adds the records of the flow in e.wide, whose times are set.
func (e *templated) flowByForm(b *Batch, c *carrier) error {
	w := &e.wide
	w.collected = collect.Values{}
	if w.Values != nil {
		w.collected = *w.Values
	}
	f := c.form
	if c.ipv6 != nil && c.family(&w.Key, &w.collected) == 6 {
		f = c.ipv6
	}
	n := sharesOf(e.counter, w.Packets, w.Bytes)
	switch {
	case f == nil: // rows of a monitor of another kind
		b.leaveOut(ReasonKind, w.Packets, w.Bytes)
		return nil
	case n > maxShares:
		b.leaveOut(ReasonCounter, w.Packets, w.Bytes)
		return nil
	}
	if e.dialect.widths != (Widths{}) {
		as := uint32(0)
		if f.as {
			as = max(w.from.AS, w.to.AS)
		}
		e.dialect.countNarrowed(b, max(w.Key.Interface, w.collected.First.Interface), as)
	}
	for i := range n {
		to, err := e.next(b, f.template.ID, f.length)
		if err != nil {
			return err
		}
		w.packets, w.bytes = share(w.Packets, n, i), share(w.Bytes, n, i)
		f.fill(to, w)
		b.count(firstShare(i), w.packets, w.bytes)
	}
	return nil
}
