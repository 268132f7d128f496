package aggregate

import (
	"encoding/binary"
	"math/bits"

	"netstream/schemas/key"
	"netstream/services/exporter/internal/routing"
)

// Key is what the flows of an aggregate agree in. Fields that the mode doesn't have are zero.
type Key struct {
	Src, Dst         [16]byte // prefixes; of IPv4 as ::ffff:a.b.c.d, all zero with a mask of 0
	BGPNextHop       [16]byte // of the destination's route, as the prefixes; zero: not known
	SrcAS, DstAS     uint32
	Input, Output    uint32
	SrcPort, DstPort uint16
	VLAN             uint16
	SrcMask, DstMask uint8
	Protocol, TOS    uint8
	Version          uint8 // of IP; 0 for modes of frames and for flows without IP
}

// Masks are the least lengths of prefixes, as `mask minimum` of a device has them. A prefix that is shorter, or isn't known, is
// taken as that long.
type Masks struct {
	Src, Dst, SrcIPv6, DstIPv6 uint8
}

// of are those for flows of an IP version.
func (m *Masks) of(version uint8) (src, dst uint8) {
	if version == 6 {
		return m.SrcIPv6, m.DstIPv6
	}
	return m.Src, m.Dst
}

// subject is a flow as the modes look at it.
type subject struct {
	*key.Wide
	src, dst routing.Route
	in, out  uint32 // interfaces
}

// key is the flow's key in a mode.
func (s *subject) key(mode Mode, masks *Masks) (k Key) {
	if !mode.ofFrames() {
		k.Version = s.Version
	}
	least, leastDst := masks.of(s.Version)
	for _, f := range modes[mode].fields {
		switch f {
		case SrcAS:
			k.SrcAS = s.src.AS
		case DstAS:
			k.DstAS = s.dst.AS
		case SrcMask:
			k.SrcMask = max(s.src.Mask, least)
		case DstMask:
			k.DstMask = max(s.dst.Mask, leastDst)
		case SrcPrefix:
			k.Src = masked(&s.Src, max(s.src.Mask, least), s.Version)
		case DstPrefix:
			k.Dst = masked(&s.Dst, max(s.dst.Mask, leastDst), s.Version)
		case Protocol:
			k.Protocol = s.Protocol
		case SrcPort:
			k.SrcPort = s.SrcPort
		case DstPort:
			k.DstPort = s.DstPort
		case TOS:
			k.TOS = s.TOS
		case Input:
			k.Input = s.in
		case Output:
			k.Output = s.out
		case BGPNextHop:
			k.BGPNextHop = s.dst.BGPNextHop
		case VLAN:
			k.VLAN = s.VLAN
		}
	}
	return k
}

// masked is the prefix of an address.
func masked(a *[16]byte, length, version uint8) (p [16]byte) {
	if length == 0 {
		return p
	}
	if version != 6 {
		length += 96
	}
	hi, lo := binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])
	hi &= ^uint64(0) << (64 - min(length, 64))
	if length < 64 {
		lo = 0
	} else {
		lo &= bits.Reverse64(uint64(1)<<(length-64) - 1)
	}
	binary.BigEndian.PutUint64(p[:8], hi)
	binary.BigEndian.PutUint64(p[8:], lo)
	return p
}
