package key

import (
	"bytes"
	"encoding/binary"

	"github.com/zeebo/xxh3"

	"netstream/schemas/columns"
)

// IPv6 is the key of an IPv6 flow: the 8-tuple of spec section 8.1 with the direction of the sampler. TOS is the
// traffic class; FlowLabel has 20 bits.
type IPv6 struct {
	Src, Dst         [16]byte
	Interface        uint32
	FlowLabel        uint32
	SrcPort, DstPort uint16
	Protocol, TOS    uint8
	Direction        uint8
}

const ipv6Size = 16 + 16 + 2 + 2 + 1 + 1 + 4 + 4 + 1

// Bytes is the canonical form, big-endian: src, dst, src port, dst port, protocol, traffic class, flow label,
// interface, direction.
func (k *IPv6) Bytes() (b [ipv6Size]byte) {
	copy(b[0:], k.Src[:])
	copy(b[16:], k.Dst[:])
	binary.BigEndian.PutUint16(b[32:], k.SrcPort)
	binary.BigEndian.PutUint16(b[34:], k.DstPort)
	b[36], b[37] = k.Protocol, k.TOS
	binary.BigEndian.PutUint32(b[38:], k.FlowLabel)
	binary.BigEndian.PutUint32(b[42:], k.Interface)
	b[46] = k.Direction
	return b
}

// AppendBytes appends the canonical form to dst.
func (k IPv6) AppendBytes(dst []byte) []byte {
	b := k.Bytes()
	return append(dst, b[:]...)
}

// Hash is XXH3-64 of the canonical form.
func (k IPv6) Hash(seed uint64) uint64 {
	b := k.Bytes()
	return xxh3.HashSeed(b[:], seed)
}

// TupleHash is XXH3-64 of the 5-tuple alone, the first 37 bytes of the canonical form: the packet shard's hash.
func (k IPv6) TupleHash(seed uint64) uint64 {
	b := k.Bytes()
	return xxh3.HashSeed(b[:37], seed)
}

// Compare orders keys by their canonical form.
func (k IPv6) Compare(o IPv6) int {
	a, b := k.Bytes(), o.Bytes()
	return bytes.Compare(a[:], b[:])
}

// IPv6Columns holds IPv6 keys, a slice a field.
type IPv6Columns struct {
	Src, Dst         [][16]byte
	SrcPort, DstPort []uint16
	Protocol, TOS    []uint8
	FlowLabel        []uint32
	Interface        []uint32
	Direction        []uint8 // sparse: 0, ingress, where there is none
}

// Len is the number of keys.
func (c *IPv6Columns) Len() int { return len(c.Src) }

// Append adds a key.
func (c *IPv6Columns) Append(k IPv6) {
	c.Direction = columns.AppendSparse(c.Direction, len(c.Src), k.Direction)
	c.Src = append(c.Src, k.Src)
	c.Dst = append(c.Dst, k.Dst)
	c.SrcPort = append(c.SrcPort, k.SrcPort)
	c.DstPort = append(c.DstPort, k.DstPort)
	c.Protocol = append(c.Protocol, k.Protocol)
	c.TOS = append(c.TOS, k.TOS)
	c.FlowLabel = append(c.FlowLabel, k.FlowLabel)
	c.Interface = append(c.Interface, k.Interface)
}

// Read puts key i into k.
func (c *IPv6Columns) Read(i int, k *IPv6) {
	*k = IPv6{
		Src: c.Src[i], Dst: c.Dst[i], SrcPort: c.SrcPort[i], DstPort: c.DstPort[i],
		Protocol: c.Protocol[i], TOS: c.TOS[i], FlowLabel: c.FlowLabel[i], Interface: c.Interface[i],
		Direction: columns.At(c.Direction, i),
	}
}

// Reset empties the columns and keeps their memory.
func (c *IPv6Columns) Reset() {
	*c = IPv6Columns{
		c.Src[:0], c.Dst[:0], c.SrcPort[:0], c.DstPort[:0], c.Protocol[:0], c.TOS[:0], c.FlowLabel[:0],
		c.Interface[:0], c.Direction[:0],
	}
}

// Columns lists the columns under their names on the bus and in the database.
func (c *IPv6Columns) Columns() []columns.Column {
	columns.Pad(&c.Direction, len(c.Src))
	return []columns.Column{
		columns.Of("src_addr", &c.Src), columns.Of("dst_addr", &c.Dst),
		columns.Of("src_port", &c.SrcPort), columns.Of("dst_port", &c.DstPort),
		columns.Of("protocol", &c.Protocol), columns.Of("tos", &c.TOS), columns.Of("flow_label", &c.FlowLabel),
		columns.Of("interface", &c.Interface), columns.Optional("direction", &c.Direction),
	}
}
