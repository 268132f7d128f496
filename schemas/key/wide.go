package key

import (
	"bytes"
	"encoding/binary"

	"github.com/zeebo/xxh3"

	"netstream/schemas/columns"
)

// Labels is how many labels of an MPLS stack are kept, the outermost first.
const Labels = 10

// Wide is the key of all kinds but ipv4 and ipv6: layer 2, MPLS, VPN, inner headers, flexible. It has a field for all
// that may be matched; those that a monitor doesn't match are zero. It serves for what was read of a packet, too.
//
// IPv4 addresses stand as ::ffff:a.b.c.d. Version is that of the IP header, 0 without one. A frame without a tag has
// VLAN 0, a missing label is 0 (spec section 8.1).
type Wide struct {
	Src, Dst                     [16]byte
	SrcMAC, DstMAC               uint64 // 48 bits, first octet highest
	Interface, FlowLabel, VRF    uint32
	Label                        [Labels]uint32 // 20 bits each
	SrcPort, DstPort             uint16
	VLAN, InnerVLAN, EtherType   uint16
	Protocol, TOS, TTL, TCPFlags uint8
	Version, Direction           uint8
}

const (
	wideTuple = 16 + 16 + 2 + 2 + 1
	wideSize  = wideTuple + 1 + 4 + 4 + 1 + 8 + 8 + 2 + 2 + 2 + 4*Labels + 4 + 1 + 1 + 1
)

// Bytes is the canonical form, big-endian: src, dst, src port, dst port, protocol, ToS, flow label, interface, direction,
// src MAC, dst MAC (8 each), VLAN, inner VLAN, EtherType, labels, VRF, TTL, TCP flags, IP version.
func (k *Wide) Bytes() (b [wideSize]byte) {
	copy(b[0:], k.Src[:])
	copy(b[16:], k.Dst[:])
	binary.BigEndian.PutUint16(b[32:], k.SrcPort)
	binary.BigEndian.PutUint16(b[34:], k.DstPort)
	b[36], b[37] = k.Protocol, k.TOS
	binary.BigEndian.PutUint32(b[38:], k.FlowLabel)
	binary.BigEndian.PutUint32(b[42:], k.Interface)
	b[46] = k.Direction
	binary.BigEndian.PutUint64(b[47:], k.SrcMAC)
	binary.BigEndian.PutUint64(b[55:], k.DstMAC)
	binary.BigEndian.PutUint16(b[63:], k.VLAN)
	binary.BigEndian.PutUint16(b[65:], k.InnerVLAN)
	binary.BigEndian.PutUint16(b[67:], k.EtherType)
	for i, l := range k.Label {
		binary.BigEndian.PutUint32(b[69+4*i:], l)
	}
	const rest = 69 + 4*Labels
	binary.BigEndian.PutUint32(b[rest:], k.VRF)
	b[rest+4], b[rest+5], b[rest+6] = k.TTL, k.TCPFlags, k.Version
	return b
}

// AppendBytes appends the canonical form to dst.
func (k Wide) AppendBytes(dst []byte) []byte {
	b := k.Bytes()
	return append(dst, b[:]...)
}

// Hash is XXH3-64 of the canonical form.
func (k Wide) Hash(seed uint64) uint64 {
	b := k.Bytes()
	return xxh3.HashSeed(b[:], seed)
}

// TupleHash is the packet shard's hash: XXH3-64 of the 5-tuple, the first 37 bytes of the canonical form; without an IP
// header of MAC addresses, VLANs, EtherType and labels, bytes 47 to 108.
func (k *Wide) TupleHash(seed uint64) uint64 {
	b := k.Bytes()
	if k.Version == 0 {
		return xxh3.HashSeed(b[47:69+4*Labels], seed)
	}
	return xxh3.HashSeed(b[:wideTuple], seed)
}

// Compare orders keys by their canonical form.
func (k Wide) Compare(o Wide) int {
	a, b := k.Bytes(), o.Bytes()
	return bytes.Compare(a[:], b[:])
}

// Mapped is an IPv4 address as it stands in a wide key.
func Mapped(a uint32) (b [16]byte) {
	b[10], b[11] = 0xff, 0xff
	binary.BigEndian.PutUint32(b[12:], a)
	return b
}

// Egress is the Direction of a sampler that sits on the way out; 0 is ingress.
const Egress = 1

// Sides are the interfaces by which packets came in and went out, of a key's Interface and Direction; 0 is the one that isn't known.
func Sides(index uint32, direction uint8) (in, out uint32) {
	if direction == Egress {
		return 0, index
	}
	return index, 0
}

// Wide is the key as a wide one.
func (k *IPv4) Wide() Wide {
	return Wide{
		Src: Mapped(k.Src), Dst: Mapped(k.Dst), SrcPort: k.SrcPort, DstPort: k.DstPort, Protocol: k.Protocol, TOS: k.TOS,
		Interface: k.Interface, Direction: k.Direction, Version: 4,
	}
}

// Wide is the key as a wide one.
func (k *IPv6) Wide() Wide {
	return Wide{
		Src: k.Src, Dst: k.Dst, SrcPort: k.SrcPort, DstPort: k.DstPort, Protocol: k.Protocol, TOS: k.TOS, FlowLabel: k.FlowLabel,
		Interface: k.Interface, Direction: k.Direction, Version: 6,
	}
}

// WideColumns holds wide keys, a slice a field. A column ends behind its last value that isn't zero; Columns pads those that
// have any.
type WideColumns struct {
	prefix                       string
	n                            int
	Src, Dst                     [][16]byte
	SrcMAC, DstMAC               []uint64
	Interface, FlowLabel, VRF    []uint32
	Label                        [Labels][]uint32
	SrcPort, DstPort             []uint16
	VLAN, InnerVLAN, EtherType   []uint16
	Protocol, TOS, TTL, TCPFlags []uint8
	Version, Direction           []uint8
}

// NewWideColumns makes empty columns whose names begin with a prefix.
func NewWideColumns(prefix string) *WideColumns { return &WideColumns{prefix: prefix} }

// Len is the number of keys appended. It is not known after reading: whoever reads knows it from columns that are
// always there.
func (c *WideColumns) Len() int { return c.n }

// Append adds a key.
func (c *WideColumns) Append(k Wide) {
	n := c.n
	c.n++
	c.Src, c.Dst = columns.AppendSparse(c.Src, n, k.Src), columns.AppendSparse(c.Dst, n, k.Dst)
	c.SrcMAC, c.DstMAC = columns.AppendSparse(c.SrcMAC, n, k.SrcMAC), columns.AppendSparse(c.DstMAC, n, k.DstMAC)
	c.Interface, c.FlowLabel, c.VRF = columns.AppendSparse(c.Interface, n, k.Interface), columns.AppendSparse(c.FlowLabel, n, k.FlowLabel), columns.AppendSparse(c.VRF, n, k.VRF)
	for i := range c.Label {
		c.Label[i] = columns.AppendSparse(c.Label[i], n, k.Label[i])
	}
	c.SrcPort, c.DstPort = columns.AppendSparse(c.SrcPort, n, k.SrcPort), columns.AppendSparse(c.DstPort, n, k.DstPort)
	c.VLAN, c.InnerVLAN, c.EtherType = columns.AppendSparse(c.VLAN, n, k.VLAN), columns.AppendSparse(c.InnerVLAN, n, k.InnerVLAN), columns.AppendSparse(c.EtherType, n, k.EtherType)
	c.Protocol, c.TOS = columns.AppendSparse(c.Protocol, n, k.Protocol), columns.AppendSparse(c.TOS, n, k.TOS)
	c.TTL, c.TCPFlags = columns.AppendSparse(c.TTL, n, k.TTL), columns.AppendSparse(c.TCPFlags, n, k.TCPFlags)
	c.Version, c.Direction = columns.AppendSparse(c.Version, n, k.Version), columns.AppendSparse(c.Direction, n, k.Direction)
}

// Skip adds a key that is all zero.
func (c *WideColumns) Skip() { c.n++ }

// Read puts key i into k.
func (c *WideColumns) Read(i int, k *Wide) {
	k.Src, k.Dst = columns.At(c.Src, i), columns.At(c.Dst, i)
	k.SrcMAC, k.DstMAC = columns.At(c.SrcMAC, i), columns.At(c.DstMAC, i)
	k.Interface, k.FlowLabel, k.VRF = columns.At(c.Interface, i), columns.At(c.FlowLabel, i), columns.At(c.VRF, i)
	for l := range c.Label {
		k.Label[l] = columns.At(c.Label[l], i)
	}
	k.SrcPort, k.DstPort = columns.At(c.SrcPort, i), columns.At(c.DstPort, i)
	k.VLAN, k.InnerVLAN, k.EtherType = columns.At(c.VLAN, i), columns.At(c.InnerVLAN, i), columns.At(c.EtherType, i)
	k.Protocol, k.TOS, k.TTL, k.TCPFlags = columns.At(c.Protocol, i), columns.At(c.TOS, i), columns.At(c.TTL, i), columns.At(c.TCPFlags, i)
	k.Version, k.Direction = columns.At(c.Version, i), columns.At(c.Direction, i)
}

// Reset empties the columns and keeps their memory.
func (c *WideColumns) Reset() {
	c.n = 0
	c.Src, c.Dst, c.SrcMAC, c.DstMAC = c.Src[:0], c.Dst[:0], c.SrcMAC[:0], c.DstMAC[:0]
	c.Interface, c.FlowLabel, c.VRF = c.Interface[:0], c.FlowLabel[:0], c.VRF[:0]
	for i := range c.Label {
		c.Label[i] = c.Label[i][:0]
	}
	c.SrcPort, c.DstPort, c.VLAN, c.InnerVLAN, c.EtherType = c.SrcPort[:0], c.DstPort[:0], c.VLAN[:0], c.InnerVLAN[:0], c.EtherType[:0]
	c.Protocol, c.TOS, c.TTL, c.TCPFlags = c.Protocol[:0], c.TOS[:0], c.TTL[:0], c.TCPFlags[:0]
	c.Version, c.Direction = c.Version[:0], c.Direction[:0]
}

// labelNames are the names of the label columns, those of the fields.
var labelNames = [Labels]string{
	"mpls_label_1", "mpls_label_2", "mpls_label_3", "mpls_label_4", "mpls_label_5",
	"mpls_label_6", "mpls_label_7", "mpls_label_8", "mpls_label_9", "mpls_label_10",
}

// Columns lists the columns under their names on the bus and in the database.
func (c *WideColumns) Columns() []columns.Column {
	cols := []columns.Column{
		sparse(c, "src_addr", &c.Src), sparse(c, "dst_addr", &c.Dst), sparse(c, "src_port", &c.SrcPort), sparse(c, "dst_port", &c.DstPort),
		sparse(c, "protocol", &c.Protocol), sparse(c, "tos", &c.TOS), sparse(c, "flow_label", &c.FlowLabel),
		sparse(c, "interface", &c.Interface), sparse(c, "direction", &c.Direction), sparse(c, "src_mac", &c.SrcMAC),
		sparse(c, "dst_mac", &c.DstMAC), sparse(c, "vlan", &c.VLAN), sparse(c, "inner_vlan", &c.InnerVLAN), sparse(c, "ethertype", &c.EtherType),
	}
	for i := range c.Label {
		cols = append(cols, sparse(c, labelNames[i], &c.Label[i]))
	}
	return append(cols, sparse(c, "vrf", &c.VRF), sparse(c, "ttl", &c.TTL), sparse(c, "key_tcp_flags", &c.TCPFlags), sparse(c, "ip_version", &c.Version))
}

// sparse is a column of keys, padded so that it can be written.
func sparse[T columns.Value](c *WideColumns, name string, s *[]T) columns.Column {
	columns.Pad(s, c.n)
	return columns.Optional(c.prefix+name, s)
}
