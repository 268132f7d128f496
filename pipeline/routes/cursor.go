package routes

import (
	"encoding/binary"
	"net/netip"
)

// cursor reads big-endian fields off bytes. What lies behind the end reads as zero and makes it bad, which is looked at once,
// when all is read.
type cursor struct {
	b   []byte
	bad bool
}

// take is the next n bytes, nil when there are fewer.
func (c *cursor) take(n int) []byte {
	if n > len(c.b) {
		c.b, c.bad = nil, true
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) u8() uint8 {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// addr is an address of 4 or 16 bytes.
func (c *cursor) addr(bytes int) netip.Addr {
	a, _ := netip.AddrFromSlice(c.take(bytes))
	return a.Unmap()
}

// as is an AS number of 4 or 2 bytes.
func (c *cursor) as(two bool) uint32 {
	if two {
		return uint32(c.u16())
	}
	return c.u32()
}

// prefix is a prefix as in BGP: its length in bits and as many bytes as hold them (RFC 4271 §4.3). Bits behind the prefix
// are cleared.
func (c *cursor) prefix(addrBytes int) netip.Prefix {
	var full [16]byte
	bits := int(c.u8())
	if bits > addrBytes*8 {
		c.b, c.bad = nil, true
		return netip.Prefix{}
	}
	copy(full[:], c.take((bits+7)/8))
	a, _ := netip.AddrFromSlice(full[:addrBytes])
	return netip.PrefixFrom(a, bits).Masked()
}
