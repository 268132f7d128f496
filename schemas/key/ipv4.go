package key

import (
	"bytes"
	"encoding/binary"

	"github.com/zeebo/xxh3"

	"netstream/schemas/columns"
)

// IPv4 is the key of an IPv4 flow: the 7-tuple of spec section 8.1 with the direction of the sampler. Addresses are
// the four octets as a big-endian number. Interface is the one the sampler sits on: ingress, or egress if Direction is 1.
type IPv4 struct {
	Src, Dst         uint32
	Interface        uint32
	SrcPort, DstPort uint16
	Protocol, TOS    uint8
	Direction        uint8
}

// ipv4Size is the length of the canonical form.
const ipv4Size = 4 + 4 + 2 + 2 + 1 + 1 + 4 + 1

// Bytes is the canonical form, big-endian: src, dst, src port, dst port, protocol, ToS, interface, direction. Its order
// is the order of keys, and its hash the hash of the key.
func (k *IPv4) Bytes() (b [ipv4Size]byte) {
	binary.BigEndian.PutUint32(b[0:], k.Src)
	binary.BigEndian.PutUint32(b[4:], k.Dst)
	binary.BigEndian.PutUint16(b[8:], k.SrcPort)
	binary.BigEndian.PutUint16(b[10:], k.DstPort)
	b[12], b[13] = k.Protocol, k.TOS
	binary.BigEndian.PutUint32(b[14:], k.Interface)
	b[18] = k.Direction
	return b
}

// AppendBytes appends the canonical form to dst.
func (k IPv4) AppendBytes(dst []byte) []byte {
	b := k.Bytes()
	return append(dst, b[:]...)
}

// Hash is XXH3-64 of the canonical form.
func (k IPv4) Hash(seed uint64) uint64 {
	b := k.Bytes()
	return xxh3.HashSeed(b[:], seed)
}

// TupleHash is XXH3-64 of the 5-tuple alone, the first 13 bytes of the canonical form: the packet shard's hash.
func (k IPv4) TupleHash(seed uint64) uint64 {
	b := k.Bytes()
	return xxh3.HashSeed(b[:13], seed)
}

// Compare orders keys by their canonical form.
func (k IPv4) Compare(o IPv4) int {
	a, b := k.Bytes(), o.Bytes()
	return bytes.Compare(a[:], b[:])
}

// IPv4Columns holds IPv4 keys, a slice a field.
type IPv4Columns struct {
	Src, Dst         []uint32
	SrcPort, DstPort []uint16
	Protocol, TOS    []uint8
	Interface        []uint32
	Direction        []uint8 // sparse: 0, ingress, where there is none
}

// Len is the number of keys.
func (c *IPv4Columns) Len() int { return len(c.Src) }

// Append adds a key.
func (c *IPv4Columns) Append(k IPv4) {
	c.Direction = columns.AppendSparse(c.Direction, len(c.Src), k.Direction)
	c.Src = append(c.Src, k.Src)
	c.Dst = append(c.Dst, k.Dst)
	c.SrcPort = append(c.SrcPort, k.SrcPort)
	c.DstPort = append(c.DstPort, k.DstPort)
	c.Protocol = append(c.Protocol, k.Protocol)
	c.TOS = append(c.TOS, k.TOS)
	c.Interface = append(c.Interface, k.Interface)
}

// Read puts key i into k.
func (c *IPv4Columns) Read(i int, k *IPv4) {
	*k = IPv4{
		Src: c.Src[i], Dst: c.Dst[i], SrcPort: c.SrcPort[i], DstPort: c.DstPort[i],
		Protocol: c.Protocol[i], TOS: c.TOS[i], Interface: c.Interface[i], Direction: columns.At(c.Direction, i),
	}
}

// Reset empties the columns and keeps their memory.
func (c *IPv4Columns) Reset() {
	*c = IPv4Columns{
		c.Src[:0], c.Dst[:0], c.SrcPort[:0], c.DstPort[:0], c.Protocol[:0], c.TOS[:0], c.Interface[:0], c.Direction[:0],
	}
}

// Columns lists the columns under their names on the bus and in the database.
func (c *IPv4Columns) Columns() []columns.Column {
	columns.Pad(&c.Direction, len(c.Src))
	return []columns.Column{
		columns.Of("src_addr", &c.Src), columns.Of("dst_addr", &c.Dst),
		columns.Of("src_port", &c.SrcPort), columns.Of("dst_port", &c.DstPort),
		columns.Of("protocol", &c.Protocol), columns.Of("tos", &c.TOS),
		columns.Of("interface", &c.Interface), columns.Optional("direction", &c.Direction),
	}
}
