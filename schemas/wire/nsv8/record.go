package nsv8

import "encoding/binary"

// Record is an aggregate. A scheme has some of the fields; the others are 0 when they are read, and not written.
type Record struct {
	Flows           uint32 // flows merged
	Packets, Octets uint32 // as sampled, not scaled; octets of layer 3
	First, Last     uint32 // SysUptime of the earliest and the latest packet, ms; see Header.Millis

	Src, Dst         uint32 // addresses or prefixes; 0 with a mask of 0 is a prefix that isn't known
	SrcMask, DstMask uint8  // prefix lengths
	SrcAS, DstAS     uint16
	Input, Output    uint16 // ifIndex
	SrcPort, DstPort uint16
	Protocol, TOS    uint8

	// Of Catalyst switches: packets beyond the contract and their ToS, and the router whose work the switch does.
	ExtraPackets uint32
	MarkedTOS    uint8
	Router       uint32
}

// Numbers of a record, to be placed with at.
var (
	flows        = of(4, func(r *Record) *uint32 { return &r.Flows })
	packets      = of(4, func(r *Record) *uint32 { return &r.Packets })
	octets       = of(4, func(r *Record) *uint32 { return &r.Octets })
	first        = of(4, func(r *Record) *uint32 { return &r.First })
	last         = of(4, func(r *Record) *uint32 { return &r.Last })
	src          = of(4, func(r *Record) *uint32 { return &r.Src })
	dst          = of(4, func(r *Record) *uint32 { return &r.Dst })
	srcMask      = of(1, func(r *Record) *uint8 { return &r.SrcMask })
	dstMask      = of(1, func(r *Record) *uint8 { return &r.DstMask })
	srcAS        = of(2, func(r *Record) *uint16 { return &r.SrcAS })
	dstAS        = of(2, func(r *Record) *uint16 { return &r.DstAS })
	input        = of(2, func(r *Record) *uint16 { return &r.Input })
	output       = of(2, func(r *Record) *uint16 { return &r.Output })
	srcPort      = of(2, func(r *Record) *uint16 { return &r.SrcPort })
	dstPort      = of(2, func(r *Record) *uint16 { return &r.DstPort })
	protocol     = of(1, func(r *Record) *uint8 { return &r.Protocol })
	tos          = of(1, func(r *Record) *uint8 { return &r.TOS })
	markedTOS    = of(1, func(r *Record) *uint8 { return &r.MarkedTOS })
	extraPackets = of(4, func(r *Record) *uint32 { return &r.ExtraPackets })
	router       = of(4, func(r *Record) *uint32 { return &r.Router })
)

func of[T uint8 | uint16 | uint32](length int, in func(*Record) *T) field {
	return field{
		length: length,
		get:    func(r *Record) uint32 { return uint32(*in(r)) },
		set:    func(r *Record, v uint32) { *in(r) = T(v) },
	}
}

func at(offset int, f field) field {
	f.at = offset
	return f
}

func (s *scheme) decode(b []byte, r *Record) {
	*r = Record{}
	for i := range s.fields {
		f := &s.fields[i]
		switch f.length {
		case 1:
			f.set(r, uint32(b[f.at]))
		case 2:
			f.set(r, uint32(binary.BigEndian.Uint16(b[f.at:])))
		default:
			f.set(r, binary.BigEndian.Uint32(b[f.at:]))
		}
	}
}

// encode writes all bytes of a record, padding too.
func (s *scheme) encode(b []byte, r *Record) {
	clear(b[:s.length])
	for i := range s.fields {
		f := &s.fields[i]
		switch v := f.get(r); f.length {
		case 1:
			b[f.at] = uint8(v)
		case 2:
			binary.BigEndian.PutUint16(b[f.at:], uint16(v))
		default:
			binary.BigEndian.PutUint32(b[f.at:], v)
		}
	}
}
