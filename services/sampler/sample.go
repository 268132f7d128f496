package sampler

import (
	"encoding/binary"

	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/schemas/packet"
	"netstream/schemas/window"
	parser "netstream/services/sampler/internal/packet"
)

// sample is what was read of a packet that was taken up.
type sample struct {
	header      parser.Header
	srv6, inner parser.Tuple // set as the layers say
	verdict     parser.Verdict
	layers      monitor.Layers
	vrf         uint32
	iface       uint32
	direction   uint8
	wireLen     uint32
	payload     uint32 // bytes behind the labels of a packet without IP
	stands      uint32 // packets it stood for when it came
	time, filed int64
}

// read fills the sample from a packet seen at time t, as far as the monitors need it.
func (s *source) read(p *Packet, t int64, to *sample) {
	h := &to.header
	to.verdict = parser.Parse(p.LinkType, p.Data, h)
	to.iface, to.direction, to.wireLen, to.stands = p.Interface, p.Direction&1, p.WireLen, max(p.Weight, 1)
	to.time, to.filed = t, window.Of(max(t, s.newest-int64(s.cfg.AllowedLateness)))
	to.layers = 0
	switch h.Kind {
	case parser.IPv4:
		to.layers = monitor.OuterIPv4 | monitor.IP
	case parser.IPv6:
		to.layers = monitor.OuterIPv6 | monitor.IP
	}
	if len(s.needs.wide) > 0 {
		s.readMore(p, to)
	}
	if s.anonymiser != nil {
		s.anonymise(to)
	}
}

// readMore finds out what no monitor of kind ipv4 or ipv6 asks for.
func (s *source) readMore(p *Packet, to *sample) {
	h := &to.header
	if h.Ethernet {
		to.layers |= monitor.Ethernet
	}
	if h.Labels > 0 && to.verdict != parser.MPLSStack {
		to.layers |= monitor.Labels
		to.payload = h.LabelPayload(p.WireLen)
	}
	if s.needs.inVRF() {
		if to.vrf = s.vrfs.of(h, p.Interface); to.vrf != 0 {
			to.layers |= monitor.InVRF
		}
	}
	if s.needs.srv6 != 0 && h.SRv6Inner(p.Data, &to.srv6) {
		to.layers |= monitor.SRv6
	}
	if s.needs.inner != 0 {
		if _, ok := h.Innermost(p.Data, &to.inner); ok {
			to.layers |= monitor.Tunnelled
		}
	}
}

// anonymise replaces all addresses of a sample.
func (s *source) anonymise(to *sample) {
	h := &to.header
	switch h.Kind {
	case parser.IPv4:
		h.Src4, h.Dst4 = s.anonymiser.IPv4(h.Src4), s.anonymiser.IPv4(h.Dst4)
	case parser.IPv6:
		h.Src6, h.Dst6 = s.anonymiser.IPv6(h.Src6), s.anonymiser.IPv6(h.Dst6)
	}
	for _, inner := range []struct {
		layer monitor.Layers
		tuple *parser.Tuple
	}{{monitor.SRv6, &to.srv6}, {monitor.Tunnelled, &to.inner}} {
		if t := inner.tuple; to.layers&inner.layer != 0 {
			if t.Kind == parser.IPv4 {
				t.Src4, t.Dst4 = s.anonymiser.IPv4(t.Src4), s.anonymiser.IPv4(t.Dst4)
			} else {
				t.Src6, t.Dst6 = s.anonymiser.IPv6(t.Src6), s.anonymiser.IPv6(t.Dst6)
			}
		}
	}
}

// ipv4 is the key of an IPv4 flow.
func (m *sample) ipv4() key.IPv4 {
	h := &m.header
	return key.IPv4{
		Src: h.Src4, Dst: h.Dst4, SrcPort: h.SrcPort, DstPort: h.DstPort, Protocol: h.Protocol, TOS: h.TOS,
		Interface: m.iface, Direction: m.direction,
	}
}

// ipv6 is the key of an IPv6 flow.
func (m *sample) ipv6() key.IPv6 {
	h := &m.header
	return key.IPv6{
		Src: h.Src6, Dst: h.Dst6, SrcPort: h.SrcPort, DstPort: h.DstPort, Protocol: h.Protocol, TOS: h.TOS,
		FlowLabel: h.FlowLabel, Interface: m.iface, Direction: m.direction,
	}
}

// outer is all that was read of the frame and its first IP header.
func (m *sample) outer() key.Wide {
	h := &m.header
	k := key.Wide{
		Interface: m.iface, Direction: m.direction, VRF: m.vrf, VLAN: h.VLAN, InnerVLAN: h.InnerVLAN, EtherType: h.EtherType,
		SrcPort: h.SrcPort, DstPort: h.DstPort, Protocol: h.Protocol, TOS: h.TOS, TTL: h.TTL, TCPFlags: h.TCPFlags, FlowLabel: h.FlowLabel,
	}
	switch h.Kind {
	case parser.IPv4:
		k.Version, k.Src, k.Dst = 4, key.Mapped(h.Src4), key.Mapped(h.Dst4)
	case parser.IPv6:
		k.Version, k.Src, k.Dst = 6, h.Src6, h.Dst6
	}
	if h.Ethernet {
		k.SrcMAC, k.DstMAC = number(h.SrcMAC), number(h.DstMAC)
	}
	if h.Labels > 0 {
		k.Label = h.Label
	}
	return k
}

// number is a MAC address as a number, its first octet highest.
func number(mac [6]byte) uint64 {
	return uint64(binary.BigEndian.Uint16(mac[:]))<<32 | uint64(binary.BigEndian.Uint32(mac[2:]))
}

// within is an inner header as a wide key.
func (m *sample) within(t *parser.Tuple, fields key.Fields) packet.Inner {
	k := key.Wide{
		Interface: m.iface, Direction: m.direction, SrcPort: t.SrcPort, DstPort: t.DstPort,
		Protocol: t.Protocol, TOS: t.TOS, TTL: t.TTL, TCPFlags: t.TCPFlags, FlowLabel: t.FlowLabel,
	}
	if t.Kind == parser.IPv4 {
		k.Version, k.Src, k.Dst = 4, key.Mapped(t.Src4), key.Mapped(t.Dst4)
	} else {
		k.Version, k.Src, k.Dst = 6, t.Src6, t.Dst6
	}
	return packet.Inner{Key: fields.Only(&k), Bytes: t.Bytes}
}

// wide fills the row of a packet of which some monitor wants more than the key of an IP flow.
func (m *sample) wide(n *needs, weight uint32, row *packet.WideRow) {
	outer := m.outer()
	*row = packet.WideRow{
		Time: m.time, Window: m.filed, Weight: weight, Bytes: m.bytes(), Layers: m.layers, Outer: n.outer.Only(&outer),
	}
	if n.frames {
		row.FrameBytes = m.wireLen
	}
	if m.layers&monitor.SRv6 != 0 {
		row.SRv6 = m.within(&m.srv6, n.srv6)
	}
	if m.layers&monitor.Tunnelled != 0 {
		row.Inner = m.within(&m.inner, n.inner)
	}
}

// bytes are those of the first IP header; without one what is behind the labels, else the frame.
func (m *sample) bytes() uint32 {
	switch {
	case m.header.Kind != parser.None:
		return m.header.Bytes
	case m.layers&monitor.Labels != 0:
		return m.payload
	}
	return m.wireLen
}
