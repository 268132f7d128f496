package flowcache_test

import (
	"fmt"
	"math/rand/v2"

	"netstream/schemas/collect"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/schemas/packet"
	"netstream/schemas/update"
)

// ip is an IP header as the tests tell of it; length is that of the packet it heads.
type ip struct {
	version, protocol, tos, ttl, flags uint8
	src, dst                           byte // last octets
	srcPort, dstPort                   uint16
	label, length                      uint32
}

// frame is a packet as it was on the wire. What is nil or zero isn't there.
type frame struct {
	time, window       int64
	weight             uint32
	length, layer3     uint32 // of the frame, and of what is behind its first headers
	port               uint32 // interface
	egress             uint8
	mac                bool
	src, dst           uint64
	vlan, inner, ether uint16
	labels             []uint32
	vrf                uint32
	ip, srv6, behind   *ip // the first header, that inside SRv6, that behind tunnels
}

// addr is an address of the version.
func addr(version uint8, last byte) [16]byte {
	if version == 4 {
		return key.Mapped(0x0a000000 | uint32(last))
	}
	return [16]byte{0: 0x20, 1: 1, 15: last}
}

// headers adds an IP header to a wide key.
func (h *ip) headers(k key.Wide) key.Wide {
	k.Src, k.Dst, k.SrcPort, k.DstPort = addr(h.version, h.src), addr(h.version, h.dst), h.srcPort, h.dstPort
	k.Protocol, k.TOS, k.TTL, k.TCPFlags, k.FlowLabel, k.Version = h.protocol, h.tos, h.ttl, h.flags, h.label, h.version
	return k
}

// row is what a sampler that serves all monitors publishes of the frame.
func (f *frame) row() packet.WideRow {
	r := packet.WideRow{Time: f.time, Window: f.window, Weight: f.weight, Bytes: f.layer3, FrameBytes: f.length}
	place := key.Wide{Interface: f.port, Direction: f.egress}
	r.Outer = place
	if f.mac {
		r.Layers |= monitor.Ethernet
		r.Outer.SrcMAC, r.Outer.DstMAC, r.Outer.EtherType = f.src, f.dst, f.ether
	}
	r.Outer.VLAN, r.Outer.InnerVLAN, r.Outer.VRF = f.vlan, f.inner, f.vrf
	if f.labels != nil {
		r.Layers |= monitor.Labels
		copy(r.Outer.Label[:], f.labels)
	}
	if f.vrf != 0 {
		r.Layers |= monitor.InVRF
	}
	if f.ip != nil {
		r.Layers |= monitor.IP
		if f.ip.version == 4 {
			r.Layers |= monitor.OuterIPv4
		} else {
			r.Layers |= monitor.OuterIPv6
		}
		r.Outer = f.ip.headers(r.Outer)
	}
	if f.srv6 != nil {
		r.Layers |= monitor.SRv6
		r.SRv6 = packet.Inner{Key: f.srv6.headers(place), Bytes: f.srv6.length}
	}
	if f.behind != nil {
		r.Layers |= monitor.Tunnelled
		r.Inner = packet.Inner{Key: f.behind.headers(place), Bytes: f.behind.length}
	}
	return r
}

// taken is what a monitor makes of a frame.
type taken struct {
	key    any
	bytes  uint32
	flags  uint8 // TCP's, if the key has the 5-tuple
	values *collect.Values
}

// tuple is the key of an IP flow: the 8-tuple, whose flow label IPv4 hasn't.
func (f *frame) tuple(h *ip) key.Wide {
	k := h.headers(key.Wide{Interface: f.port, Direction: f.egress})
	k.TTL, k.TCPFlags = 0, 0
	return k
}

// labels3 adds the outer three labels to a key.
func (f *frame) labels3(k key.Wide) key.Wide {
	copy(k.Label[:3], f.labels)
	return k
}

// rule is a monitor of the tests and, by the words of spec section 8, what it takes of a frame: nil if nothing.
type rule struct {
	text string
	take func(*frame) *taken
}

var rules = []rule{
	{"ipv4=ipv4", func(f *frame) *taken {
		if f.ip == nil || f.ip.version != 4 {
			return nil
		}
		h := f.ip
		return &taken{key: key.IPv4{
			Src: 0x0a000000 | uint32(h.src), Dst: 0x0a000000 | uint32(h.dst), SrcPort: h.srcPort, DstPort: h.dstPort,
			Protocol: h.protocol, TOS: h.tos, Interface: f.port, Direction: f.egress,
		}, bytes: h.length, flags: h.flags}
	}},
	{"ipv6=ipv6", func(f *frame) *taken {
		if f.ip == nil || f.ip.version != 6 {
			return nil
		}
		h := f.ip
		return &taken{key: key.IPv6{
			Src: addr(6, h.src), Dst: addr(6, h.dst), SrcPort: h.srcPort, DstPort: h.dstPort,
			Protocol: h.protocol, TOS: h.tos, FlowLabel: h.label, Interface: f.port, Direction: f.egress,
		}, bytes: h.length, flags: h.flags}
	}},
	{"l2=layer2", func(f *frame) *taken {
		if !f.mac {
			return nil
		}
		return &taken{key: key.Wide{SrcMAC: f.src, DstMAC: f.dst, VLAN: f.vlan, EtherType: f.ether, Interface: f.port, Direction: f.egress}, bytes: f.length}
	}},
	{"labels=mpls:interface,mpls_label_1,mpls_label_2,mpls_label_3", func(f *frame) *taken {
		if f.labels == nil {
			return nil
		}
		return &taken{key: f.labels3(key.Wide{Interface: f.port, Direction: f.egress}), bytes: f.layer3}
	}},
	{"inside=mpls:src_addr,dst_addr,src_port,dst_port,protocol,tos,flow_label,ip_version,interface", func(f *frame) *taken {
		if f.labels == nil || f.ip == nil {
			return nil
		}
		return &taken{key: f.tuple(f.ip), bytes: f.layer3, flags: f.ip.flags}
	}},
	{"both=mpls:src_addr,dst_addr,src_port,dst_port,protocol,tos,flow_label,ip_version,interface,mpls_label_1,mpls_label_2,mpls_label_3", func(f *frame) *taken {
		switch {
		case f.labels == nil:
			return nil
		case f.ip == nil: // a pseudowire
			return &taken{key: f.labels3(key.Wide{Interface: f.port, Direction: f.egress}), bytes: f.layer3}
		}
		return &taken{key: f.labels3(f.tuple(f.ip)), bytes: f.layer3, flags: f.ip.flags}
	}},
	{"customer=vpn", func(f *frame) *taken {
		if f.ip == nil || f.vrf == 0 {
			return nil
		}
		k := f.tuple(f.ip)
		k.VRF = f.vrf
		return &taken{key: k, bytes: f.layer3, flags: f.ip.flags}
	}},
	{"srv6=srv6-inner", func(f *frame) *taken {
		if f.srv6 == nil {
			return nil
		}
		return &taken{key: f.tuple(f.srv6), bytes: f.srv6.length, flags: f.srv6.flags}
	}},
	{"tunnel=tunnel-inner", func(f *frame) *taken {
		if f.behind == nil {
			return nil
		}
		return &taken{key: f.tuple(f.behind), bytes: f.behind.length, flags: f.behind.flags}
	}},
	{"web=flexible:dst_port,dscp;src_addr,ttl,vlan,extremes", func(f *frame) *taken {
		if f.ip == nil {
			return nil
		}
		first := key.Wide{Src: addr(f.ip.version, f.ip.src), TTL: f.ip.ttl, VLAN: f.vlan, Direction: f.egress}
		v := collect.Packet(first, f.time, f.layer3, f.ip.ttl)
		return &taken{key: key.Wide{DstPort: f.ip.dstPort, TOS: f.ip.tos / 4 * 4, Direction: f.egress}, bytes: f.layer3, values: &v}
	}},
	{"stations=flexible:src_mac,inner_vlan;ethertype", func(f *frame) *taken {
		if !f.mac {
			return nil
		}
		v := collect.Packet(key.Wide{EtherType: f.ether, Direction: f.egress}, f.time, 0, 0)
		return &taken{key: key.Wide{SrcMAC: f.src, InnerVLAN: f.inner, Direction: f.egress}, bytes: f.length, values: &v}
	}},
	{"calls=flexible:src_addr,dst_addr,src_port,dst_port,protocol;extremes", func(f *frame) *taken {
		if f.ip == nil {
			return nil
		}
		h := f.ip
		v := collect.Packet(key.Wide{Direction: f.egress}, f.time, f.layer3, h.ttl)
		return &taken{key: key.Wide{
			Src: addr(h.version, h.src), Dst: addr(h.version, h.dst), SrcPort: h.srcPort, DstPort: h.dstPort, Protocol: h.protocol, Direction: f.egress,
		}, bytes: f.layer3, flags: h.flags, values: &v}
	}},
	{"top=flexible:mpls_label_1", func(f *frame) *taken {
		if f.labels == nil {
			return nil
		}
		return &taken{key: key.Wide{Label: [key.Labels]uint32{f.labels[0]}, Direction: f.egress}, bytes: f.layer3}
	}},
}

// randomIP makes a header of few different ones.
func randomIP(rng *rand.Rand, version uint8) *ip {
	h := &ip{
		version: version, protocol: 6, tos: uint8(rng.IntN(8)), ttl: uint8(60 + rng.IntN(5)), flags: 0x10,
		src: byte(rng.IntN(3)), dst: byte(rng.IntN(2)), srcPort: uint16(1000 + rng.IntN(2)), dstPort: uint16(80 + rng.IntN(2)),
		length: 40 + rng.Uint32N(1400),
	}
	if version == 6 {
		h.label = rng.Uint32N(2)
	}
	switch rng.IntN(6) {
	case 0:
		h.flags = 0x02 // SYN
	case 1:
		h.flags = 0x11 // FIN
	case 2:
		h.flags = 0x04 // RST
	case 3:
		h.protocol, h.flags = 17, 0
	}
	return h
}

// randomFrame makes one of those that monitors tell apart, filed under the window that begins at ws.
func randomFrame(rng *rand.Rand, ws int64) *frame {
	f := &frame{
		time: ws + rng.Int64N(20)*second/20, window: ws, weight: 1, port: 1 + rng.Uint32N(2), egress: uint8(rng.IntN(2)),
		mac: rng.IntN(5) > 0,
	}
	switch rng.IntN(8) {
	case 0:
		f.time -= rng.Int64N(3 * second) // late
	case 1:
		f.weight = 1 + rng.Uint32N(1000)
	}
	if f.mac {
		f.src, f.dst, f.ether = 0x020000000000+rng.Uint64N(3), 0x020000000100+rng.Uint64N(2), 0x88f7
		f.vlan, f.inner = uint16(rng.IntN(3)), uint16(rng.IntN(2))
	}
	what := rng.IntN(8)
	if what > 0 {
		f.ip = randomIP(rng, 4+2*uint8(rng.IntN(2)))
		f.ether = map[uint8]uint16{4: 0x0800, 6: 0x86dd}[f.ip.version]
		f.vrf = uint32(rng.IntN(3))
		f.layer3 = f.ip.length
	}
	if what == 0 || what > 5 { // a pseudowire, or IP below labels
		f.ether, f.labels = 0x8847, []uint32{}
		for range 1 + rng.IntN(4) {
			f.labels = append(f.labels, 16+rng.Uint32N(3))
		}
		if f.ip == nil {
			f.layer3 = 60 + rng.Uint32N(1000)
		}
	}
	switch what {
	case 1:
		f.srv6 = randomIP(rng, 4)
	case 2:
		f.behind = randomIP(rng, 6)
	case 3:
		f.srv6 = randomIP(rng, 6)
		f.behind = f.srv6
	case 4:
		if f.mac { // ARP and the like: no IP at all
			f.ip, f.vrf, f.layer3 = nil, 0, 50
		}
	}
	if !f.mac {
		f.ether = 0
	}
	f.length = f.layer3 + 14 + 4*uint32(len(f.labels))
	return f
}

// place is where packets are counted.
type place struct {
	monitor, source string
	window          int64
	key             any
}

// books are what a monitor counts of a source.
type books struct{ packets, bytes, unmatched, unmatchedBytes uint64 }

// model is the flow cache as the rules tell it: no messages, hand-overs or restarts trouble it.
type model struct {
	updates map[place][]update.Row[struct{}]
	in      map[string]*books    // by source
	books   map[[2]string]*books // by source and name of monitor
}

func newModel() *model {
	return &model{updates: map[place][]update.Row[struct{}]{}, in: map[string]*books{}, books: map[[2]string]*books{}}
}

// add counts a frame of a source in those of the rules that are configured and served; the source's books of all others that
// were ever configured count it as unmatched.
func (m *model) add(source string, f *frame, configured, served func(*rule) bool) {
	all := m.in[source]
	if all == nil {
		all = &books{}
		m.in[source] = all
	}
	for i := range rules {
		r := &rules[i]
		name := monitorOf(r.text).Name
		at := [2]string{source, name}
		b := m.books[at]
		if b == nil {
			if !configured(r) {
				continue
			}
			b = &books{unmatched: all.packets, unmatchedBytes: all.bytes}
			m.books[at] = b
		}
		var t *taken
		if configured(r) && served(r) {
			t = r.take(f)
		}
		if t == nil {
			b.unmatched++
			b.unmatchedBytes += uint64(f.layer3)
			continue
		}
		b.packets++
		b.bytes += uint64(t.bytes)
		m.count(place{name, source, f.window, t.key}, f, t)
	}
	all.packets++
	all.bytes += uint64(f.layer3)
}

// count adds a packet to the updates of a place: one, and one more at each SYN after a FIN or RST.
func (m *model) count(at place, f *frame, t *taken) {
	list := m.updates[at]
	if n := len(list); n == 0 || t.flags&0x02 != 0 && list[n-1].TCPFlags&0x05 != 0 {
		list = append(list, update.Row[struct{}]{Window: f.window, First: f.time, Last: f.time})
	}
	u := &list[len(list)-1]
	u.First, u.Last = min(u.First, f.time), max(u.Last, f.time)
	u.Packets++
	u.Bytes += uint64(t.bytes)
	u.TCPFlags |= t.flags
	u.Sums.AddPacket(f.weight, t.bytes)
	switch v := t.values; {
	case v == nil:
	case u.Values == nil:
		u.Values = v
	default:
		o := u.Values
		if v.FirstTime < o.FirstTime || v.FirstTime == o.FirstTime && v.First.Compare(o.First) < 0 {
			o.First, o.FirstTime = v.First, v.FirstTime
		}
		o.MinLength, o.MaxLength = min(o.MinLength, v.MinLength), max(o.MaxLength, v.MaxLength)
		o.MinTTL, o.MaxTTL = min(o.MinTTL, v.MinTTL), max(o.MaxTTL, v.MaxTTL)
	}
	m.updates[at] = list
}

// monitorOf reads a definition.
func monitorOf(text string) monitor.Definition {
	d, err := monitor.Parse(text)
	if err != nil {
		panic(fmt.Sprint(text, ": ", err))
	}
	return d
}
