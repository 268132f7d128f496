package encode

import (
	"bytes"
	"encoding/binary"

	"github.com/zeebo/xxh3"

	"netstream/schemas/key"
)

// Share is the part of one destination where several share the flows: each flow is of exactly one of them, and both
// directions of a conversation are of the same. Which one follows from the conversation and the names of the members alone,
// by rendezvous hashing: the highest of the members' hashes has it. A member that comes or goes moves no flows between
// the others.
type Share struct {
	members []uint64 // seeds of their hashes
	own     int
}

// NewShare is the part of member own.
func NewShare(members []string, own int) *Share {
	s := &Share{own: own}
	for _, name := range members {
		s.members = append(s.members, key.Seed(name))
	}
	return s
}

// has tells whether a conversation is of this part.
func (s *Share) has(c *conversation) bool {
	own := xxh3.HashSeed(c[:], s.members[s.own])
	for i, seed := range s.members {
		if i == s.own {
			continue
		}
		if h := xxh3.HashSeed(c[:], seed); h > own || h == own && i < s.own {
			return false
		}
	}
	return true
}

// conversation is what the two directions of a flow have in common: the lower endpoint, the higher one, the protocol.
type conversation [2*endpointLen + 1]byte

// endpointLen is that of an address, IPv4 as ::ffff:a.b.c.d, or a MAC address in its place, and a port.
const endpointLen = 16 + 2

// conversationOf is the conversation of a flow, the same whatever kind its monitor is of.
func conversationOf[K key.Key[K]](k *K) (c conversation) {
	switch k := any(k).(type) {
	case *key.IPv4:
		c.ends(key.Mapped(k.Src), key.Mapped(k.Dst), k.SrcPort, k.DstPort, k.Protocol)
	case *key.IPv6:
		c.ends(k.Src, k.Dst, k.SrcPort, k.DstPort, k.Protocol)
	case *key.Wide:
		src, dst := k.Src, k.Dst
		if src == ([16]byte{}) && dst == src { // a frame
			binary.BigEndian.PutUint64(src[8:], k.SrcMAC)
			binary.BigEndian.PutUint64(dst[8:], k.DstMAC)
		}
		c.ends(src, dst, k.SrcPort, k.DstPort, k.Protocol)
	}
	return c
}

// Protocols without ports: in place of them flows have type and code, which differ between a request and its answer.
const (
	protocolICMP   = 1
	protocolICMPv6 = 58
)

func (c *conversation) ends(src, dst [16]byte, srcPort, dstPort uint16, protocol uint8) {
	if protocol == protocolICMP || protocol == protocolICMPv6 {
		srcPort, dstPort = 0, 0
	}
	order := bytes.Compare(src[:], dst[:])
	if order > 0 || order == 0 && srcPort > dstPort {
		src, dst, srcPort, dstPort = dst, src, dstPort, srcPort
	}
	copy(c[:], src[:])
	binary.BigEndian.PutUint16(c[16:], srcPort)
	copy(c[endpointLen:], dst[:])
	binary.BigEndian.PutUint16(c[endpointLen+16:], dstPort)
	c[2*endpointLen] = protocol
}
