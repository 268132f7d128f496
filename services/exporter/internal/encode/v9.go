package encode

import (
	"encoding/binary"
	"errors"
	"hash/fnv"

	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter/internal/clock"
)

// samplerID is the number under which flows name the sampler that the options announce.
const samplerID = 1

// V9 makes datagrams of version 9: IPv4 flows by template 256, IPv6 flows by template 257, those of other kinds by
// templates that follow from their monitors.
type V9 struct {
	options  Options
	cursor   Cursor
	header   nsv9.Header
	datagram nsv9.Encoder
	open     bool   // a datagram is begun
	data     uint16 // template of the open data flowset, 0: none
	ipv4     nsv9.Template
	ipv6     nsv9.Template
	sampler  nsv9.Template
	record4  nsv9.Record
	record6  nsv9.Record
	row4     flow.Row[key.IPv4]
	row6     flow.Row[key.IPv6]

	monitors []Monitor
	carriers []carrier        // by monitor
	more     []*nsv9.Template // of the carriers, in the order of their ids
	set      uint64           // Cursor.Set of these
	longest  int              // record of theirs
	wide     wideFlow
}

// NewV9 makes an encoder that goes on at a cursor.
func NewV9(o Options, at Cursor) *V9 {
	at.Left = min(at.Left, o.RefreshDatagrams-1) // the setting may have changed
	e := &V9{
		options: o, cursor: at,
		ipv4: nsv9.IPv4Template(), ipv6: nsv9.IPv6Template(), sampler: nsv9.SamplerTemplate(),
	}
	if o.Sampling > 0 {
		e.record4.SamplerID = samplerID
	}
	return e
}

// Cursor is where the encoder stands.
func (e *V9) Cursor() Cursor { return e.cursor }

// Define implements Encoder.
func (e *V9) Define(monitors []Monitor) {
	e.monitors = monitors
	e.carriers, e.more = carriers(monitors)
	e.set, e.longest = 0, 0
	if len(e.more) == 0 {
		return
	}
	set := fnv.New64a()
	for _, t := range e.more {
		set.Write(t.Append(nil))
		n, _ := t.RecordLen()
		e.longest = max(e.longest, n)
	}
	e.set = set.Sum64()
}

// Encode implements Encoder.
func (e *V9) Encode(b *Batch, now *clock.Clock, flows *Flows) error {
	b.Reset()
	e.header = nsv9.Header{UnixSecs: now.UnixSecs(), SysUptime: now.SysUptime(), SourceID: e.options.SourceID}
	for i := range flows.IPv4.Len() {
		if m := &e.monitors[flows.IPv4.Monitor[i]]; !m.Wanted {
			b.leaveOut(m.Why, flows.IPv4.Packets[i], flows.IPv4.Bytes[i])
			continue
		}
		flows.IPv4.Read(i, &e.row4)
		if err := e.flow4(b, now, &e.row4, nil); err != nil {
			return err
		}
	}
	for i := range flows.IPv6.Len() {
		if m := &e.monitors[flows.IPv6.Monitor[i]]; !m.Wanted {
			b.leaveOut(m.Why, flows.IPv6.Packets[i], flows.IPv6.Bytes[i])
			continue
		}
		flows.IPv6.Read(i, &e.row6)
		if err := e.flow6(b, now, &e.row6, nil); err != nil {
			return err
		}
	}
	for i := range flows.Wide.Len() {
		n := flows.Wide.Monitor[i]
		if m := &e.monitors[n]; !m.Wanted {
			b.leaveOut(m.Why, flows.Wide.Packets[i], flows.Wide.Bytes[i])
			continue
		}
		flows.Wide.Read(i, &e.wide.Row)
		if err := e.flowWide(b, now, &e.carriers[n]); err != nil {
			return err
		}
	}
	e.finish(b)
	return nil
}

// flow4 adds the records of an IPv4 flow; its counters have 32 bits. Of a VPN it has a VRF.
func (e *V9) flow4(b *Batch, now *clock.Clock, f *flow.Row[key.IPv4], vrf *uint32) error {
	n := shares(f.Packets, f.Bytes)
	if n > maxShares {
		b.leaveOut(ReasonCounter, f.Packets, f.Bytes)
		return nil
	}
	r := &e.record4
	r.SrcAddr, r.DstAddr = nsv9.MappedV4(f.Key.Src), nsv9.MappedV4(f.Key.Dst)
	r.SrcPort, r.DstPort = f.Key.SrcPort, f.Key.DstPort
	r.Protocol, r.TOS, r.TCPFlags = f.Key.Protocol, f.Key.TOS, f.TCPFlags
	e.place(b, now, r, f.Key.Interface, f.Key.Direction, f.First, f.Last)
	for i := range n {
		to, err := e.nextIn(b, nsv9.IPv4TemplateID, vpnIPv4, nsv9.IPv4RecordLen, vrf)
		if err != nil {
			return err
		}
		r.Packets, r.Bytes = share(f.Packets, n, i), share(f.Bytes, n, i)
		nsv9.PutIPv4((*[nsv9.IPv4RecordLen]byte)(to), r)
		b.count(firstShare(i), r.Packets, r.Bytes)
	}
	return nil
}

// flow6 adds the record of an IPv6 flow; its counters have 64 bits. Of a VPN it has a VRF.
func (e *V9) flow6(b *Batch, now *clock.Clock, f *flow.Row[key.IPv6], vrf *uint32) error {
	to, err := e.nextIn(b, nsv9.IPv6TemplateID, vpnIPv6, nsv9.IPv6RecordLen, vrf)
	if err != nil {
		return err
	}
	r := &e.record6
	r.SrcAddr, r.DstAddr = f.Key.Src, f.Key.Dst
	r.SrcPort, r.DstPort, r.FlowLabel = f.Key.SrcPort, f.Key.DstPort, f.Key.FlowLabel
	r.Protocol, r.TOS, r.TCPFlags = f.Key.Protocol, f.Key.TOS, f.TCPFlags
	r.Packets, r.Bytes = f.Packets, f.Bytes
	e.place(b, now, r, f.Key.Interface, f.Key.Direction, f.First, f.Last)
	nsv9.PutIPv6((*[nsv9.IPv6RecordLen]byte)(to), r)
	b.count(1, f.Packets, f.Bytes)
	return nil
}

// place fills in when and where a flow was seen.
func (e *V9) place(b *Batch, now *clock.Clock, r *nsv9.Record, index uint32, direction uint8, first, last int64) {
	r.Direction = direction
	r.InIf, r.OutIf = sides(index, direction)
	r.FirstUptime, r.LastUptime = uptimes(b, now, first, last)
}

// sides are the interfaces by which packets came in and went out; 0 is the one that isn't known.
func sides(index uint32, direction uint8) (in, out uint32) {
	if direction == egress {
		return 0, index
	}
	return index, 0
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

// next is the place for the next record of a template, in the open datagram or a new one.
func (e *V9) next(b *Batch, template uint16, length int) ([]byte, error) {
	for {
		fresh := !e.open
		if fresh {
			if err := e.begin(b); err != nil {
				return nil, err
			}
		}
		if e.data != template {
			err := e.datagram.OpenData(template, length)
			if errors.Is(err, nsv9.ErrNoRoom) && !fresh {
				e.finish(b)
				continue
			}
			if err != nil {
				return nil, err
			}
			e.data = template
		}
		if to := e.datagram.Next(); to != nil {
			return to, nil
		}
		e.finish(b)
	}
}

// begin starts a datagram, with the templates if they are due.
func (e *V9) begin(b *Batch) error {
	if err := e.start(b); err != nil {
		return err
	}
	now := int64(e.header.UnixSecs)
	if e.cursor.Left > 0 && now < e.cursor.At+e.options.RefreshSeconds && e.cursor.Set == e.set {
		e.cursor.Left--
		return nil
	}
	e.cursor.Left, e.cursor.At, e.cursor.Set = e.options.RefreshDatagrams-1, now, e.set
	if err := e.datagram.Templates(&e.ipv4, &e.ipv6); err != nil {
		return err
	}
	if e.options.Sampling > 0 {
		if err := e.announce(); err != nil {
			return err
		}
	}
	return e.defineMore(b)
}

// defineMore adds the templates of the carriers. Where they fill the datagram, it is ended and another one begun.
func (e *V9) defineMore(b *Batch) error {
	for _, t := range e.more {
		err := e.datagram.Templates(t)
		if errors.Is(err, nsv9.ErrNoRoom) {
			e.finish(b)
			if err = e.start(b); err == nil {
				err = e.datagram.Templates(t)
			}
		}
		if err != nil {
			return err
		}
	}
	const setHead, padding = 4, 3
	if len(e.more) > 0 && e.options.Limit-e.datagram.Len() < setHead+max(e.longest, nsv9.IPv6RecordLen)+padding {
		e.finish(b)
		return e.start(b)
	}
	return nil
}

// start starts an empty datagram.
func (e *V9) start(b *Batch) error {
	e.header.Sequence = e.cursor.Sequence
	e.open, e.data = true, 0
	return e.datagram.Begin(b.buf, e.options.Limit, &e.header)
}

// announce adds the options that tell the sampling rate.
func (e *V9) announce() error {
	if err := e.datagram.Templates(&e.sampler); err != nil {
		return err
	}
	if err := e.datagram.OpenData(nsv9.SamplerTemplateID, nsv9.SamplerRecordLen); err != nil {
		return err
	}
	s := nsv9.Sampler{ID: samplerID, Mode: nsv9.SamplerRandom, Interval: e.options.Sampling, Name: "random-packets"}
	s.Put((*[nsv9.SamplerRecordLen]byte)(e.datagram.Next()))
	return nil
}

// finish ends the datagram, if one is open.
func (e *V9) finish(b *Batch) {
	if !e.open {
		return
	}
	b.close(e.datagram.Finish())
	e.cursor.Sequence++
	e.open, e.data = false, 0
}
