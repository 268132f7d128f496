package encode

import (
	"encoding/binary"
	"errors"

	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter/internal/clock"
	"netstream/services/exporter/internal/routing"
)

// V9 makes datagrams of version 9: IPv4 flows by template 256, IPv6 flows by template 257, those of other kinds by
// templates that follow from their monitors.
type V9 struct {
	templated
	datagram v9Datagram
	form4    *form[nsv9.Record] // of template 256; nil: as nsv9 has it
	form6    *form[nsv9.Record] // and of 257
	length4  int                // of records by 256, and by 262 before the VRF
	length6  int
	counter4 int // bytes of their counters
	counter6 int
	record4  nsv9.Record
	record6  nsv9.Record
	row4     flow.Row[key.IPv4]
	row6     flow.Row[key.IPv6]
	routes   *routing.Table
}

// NewV9 makes an encoder that goes on at a cursor.
func NewV9(o Options, at Cursor) *V9 {
	e, in := &V9{}, newDialect(&o, false)
	var ipv4, ipv6 nsv9.Template
	e.form4, ipv4, e.length4 = newRecordForm(nsv9.IPv4Template(), in)
	e.form6, ipv6, e.length6 = newRecordForm(nsv9.IPv6Template(), in)
	e.datagram = newV9Datagram(&o, &ipv4, &ipv6)
	e.templated = newTemplated(o, at, in, &e.datagram)
	e.tuple = max(e.length4, e.length6)
	e.counter4, e.counter6 = in.length(nsv9.InPkts, 4), in.length(nsv9.InPkts, 8)
	if e.form4 != nil || e.form6 != nil {
		e.unusual = ipv6.Append(ipv4.Append(nil))
	}
	if o.Sampling > 0 {
		e.record4.SamplerID = samplerID
	}
	return e
}

// Encode implements Encoder.
func (e *V9) Encode(b *Batch, now *clock.Clock, flows *Flows) error {
	b.Reset()
	e.datagram.header.UnixSecs, e.datagram.header.SysUptime = now.UnixSecs(), now.SysUptime()
	e.secs, e.choice.sources, e.routes = int64(now.UnixSecs()), flows.Sources, flows.Routes
	if err := e.introduce(b); err != nil {
		return err
	}
	for i := range flows.IPv4.Len() {
		if !choose(&e.choice, b, flows.IPv4, i, &e.row4) {
			continue
		}
		if err := e.flow4(b, now, &e.row4, nil); err != nil {
			return err
		}
	}
	for i := range flows.IPv6.Len() {
		if !choose(&e.choice, b, flows.IPv6, i, &e.row6) {
			continue
		}
		if err := e.flow6(b, now, &e.row6, nil); err != nil {
			return err
		}
	}
	for i := range flows.Wide.Len() {
		if !choose(&e.choice, b, flows.Wide, i, &e.wide.Row) {
			continue
		}
		c := &e.carriers[e.wide.Monitor]
		if c.tuple {
			if err := e.flowTuple(b, now, c); err != nil {
				return err
			}
			continue
		}
		first, last := uptimes(b, now, e.wide.First, e.wide.Last)
		e.wide.first, e.wide.last = uint64(first), uint64(last)
		if err := e.flowByForm(b, c); err != nil {
			return err
		}
	}
	e.finish(b)
	return nil
}

// flow4 adds the records of an IPv4 flow, whose counters have 32 bits by themselves. Of a VPN it has a VRF.
func (e *V9) flow4(b *Batch, now *clock.Clock, f *flow.Row[key.IPv4], vrf *uint32) error {
	n := sharesOf(e.counter4, f.Packets, f.Bytes)
	if n > maxShares {
		b.leaveOut(ReasonCounter, f.Packets, f.Bytes)
		return nil
	}
	r := &e.record4
	r.SrcAddr, r.DstAddr = nsv9.MappedV4(f.Key.Src), nsv9.MappedV4(f.Key.Dst)
	r.SrcPort, r.DstPort = f.Key.SrcPort, f.Key.DstPort
	r.Protocol, r.TOS, r.TCPFlags = f.Key.Protocol, f.Key.TOS, f.TCPFlags
	e.place(b, now, r, f.Key.Interface, f.Key.Direction, f.First, f.Last)
	e.route(r, 4)
	if e.form4 != nil {
		r.FlowEndReason = f.Reason.FlowEndReason()
		e.dialect.countNarrowed(b, f.Key.Interface, max(r.SrcAS, r.DstAS))
	}
	for i := range n {
		to, err := e.nextIn(b, nsv9.IPv4TemplateID, vpnIPv4, e.length4, vrf)
		if err != nil {
			return err
		}
		r.Packets, r.Bytes = share(f.Packets, n, i), share(f.Bytes, n, i)
		if e.form4 != nil {
			e.form4.fill(to, r)
		} else {
			nsv9.PutIPv4((*[nsv9.IPv4RecordLen]byte)(to), r)
		}
		b.count(firstShare(i), r.Packets, r.Bytes)
	}
	return nil
}

// flow6 adds the records of an IPv6 flow, whose counters have 64 bits by themselves. Of a VPN it has a VRF.
func (e *V9) flow6(b *Batch, now *clock.Clock, f *flow.Row[key.IPv6], vrf *uint32) error {
	n := sharesOf(e.counter6, f.Packets, f.Bytes)
	if n > maxShares {
		b.leaveOut(ReasonCounter, f.Packets, f.Bytes)
		return nil
	}
	r := &e.record6
	r.SrcAddr, r.DstAddr = f.Key.Src, f.Key.Dst
	r.SrcPort, r.DstPort, r.FlowLabel = f.Key.SrcPort, f.Key.DstPort, f.Key.FlowLabel
	r.Protocol, r.TOS, r.TCPFlags = f.Key.Protocol, f.Key.TOS, f.TCPFlags
	e.place(b, now, r, f.Key.Interface, f.Key.Direction, f.First, f.Last)
	e.route(r, 6)
	if e.form6 != nil {
		r.FlowEndReason = f.Reason.FlowEndReason()
		e.dialect.countNarrowed(b, f.Key.Interface, max(r.SrcAS, r.DstAS))
	}
	for i := range n {
		to, err := e.nextIn(b, nsv9.IPv6TemplateID, vpnIPv6, e.length6, vrf)
		if err != nil {
			return err
		}
		r.Packets, r.Bytes = share(f.Packets, n, i), share(f.Bytes, n, i)
		if e.form6 != nil {
			e.form6.fill(to, r)
		} else {
			nsv9.PutIPv6((*[nsv9.IPv6RecordLen]byte)(to), r)
		}
		b.count(firstShare(i), r.Packets, r.Bytes)
	}
	return nil
}

// place fills in when and where a flow was seen.
func (e *V9) place(b *Batch, now *clock.Clock, r *nsv9.Record, index uint32, direction uint8, first, last int64) {
	r.Direction = direction
	r.InIf, r.OutIf = key.Sides(index, direction)
	r.FirstUptime, r.LastUptime = uptimes(b, now, first, last)
}

// route fills in what is known of the routes to both addresses.
func (e *V9) route(r *nsv9.Record, version uint8) {
	if e.routes == nil {
		return
	}
	from, to := e.routes.Of(&r.SrcAddr, version), e.routes.Of(&r.DstAddr, version)
	r.NextHop, r.BGPNextHop = to.NextHop, to.BGPNextHop
	r.SrcAS, r.DstAS, r.SrcMask, r.DstMask = from.AS, to.AS, from.Mask, to.Mask
}

// uptimes are the times of a flow under the header, and counted if one had to be moved.
func uptimes(b *Batch, now *clock.Clock, first, last int64) (f, l uint32) {
	f, ok1 := now.Uptime(first)
	l, ok2 := now.Uptime(last)
	if !ok1 || !ok2 {
		b.Clamped++
	}
	return f, l
}

// nextIn is next for a template that has one of its own for flows of VPNs, with the VRF behind the rest.
func (e *V9) nextIn(b *Batch, template, vpn uint16, length int, vrf *uint32) ([]byte, error) {
	if vrf == nil {
		return e.next(b, template, length)
	}
	to, err := e.next(b, vpn, length+vrfLen)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(to[length:], *vrf)
	return to[:length], nil
}

// flowTuple adds the records of the flow in e.wide as those of an IPv4 or IPv6 flow.
func (e *V9) flowTuple(b *Batch, now *clock.Clock, c *carrier) error {
	w := &e.wide
	k := &w.Key
	var vrf *uint32
	if c.vrf {
		vrf = &k.VRF
	}
	if k.Version == 6 {
		e.row6 = under(key.IPv6{
			Src: k.Src, Dst: k.Dst, SrcPort: k.SrcPort, DstPort: k.DstPort, Protocol: k.Protocol, TOS: k.TOS,
			FlowLabel: k.FlowLabel, Interface: k.Interface, Direction: k.Direction,
		}, &w.Row)
		return e.flow6(b, now, &e.row6, vrf)
	}
	e.row4 = under(key.IPv4{
		Src: binary.BigEndian.Uint32(k.Src[12:]), Dst: binary.BigEndian.Uint32(k.Dst[12:]), SrcPort: k.SrcPort, DstPort: k.DstPort,
		Protocol: k.Protocol, TOS: k.TOS, Interface: k.Interface, Direction: k.Direction,
	}, &w.Row)
	return e.flow4(b, now, &e.row4, vrf)
}

// v9Datagram is a datagram of version 9.
type v9Datagram struct {
	nsv9.Encoder
	header nsv9.Header
	always []*nsv9.Template // there with any others
	more   []*nsv9.Template
}

func newV9Datagram(o *Options, always ...*nsv9.Template) v9Datagram {
	return v9Datagram{header: nsv9.Header{SourceID: o.SourceID}, always: always}
}

func (d *v9Datagram) begin(buf []byte, limit int, sequence uint32) error {
	d.header.Sequence = sequence
	return d.Begin(buf, limit, &d.header)
}

func (d *v9Datagram) define(more []*nsv9.Template) { d.more = more }

func (d *v9Datagram) template(i int) error { return d.Templates(d.more[i]) }

func (d *v9Datagram) isFull(err error) bool { return errors.Is(err, nsv9.ErrNoRoom) }

// introduce adds the templates that are always there.
func (d *v9Datagram) introduce() error { return d.Templates(d.always...) }

func (d *v9Datagram) head(t *table) error { return d.Templates(&t.v9) }

// units is by how much the sequence goes on: version 9 counts datagrams.
func (d *v9Datagram) units() uint32 { return 1 }
