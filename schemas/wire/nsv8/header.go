package nsv8

import "encoding/binary"

// Header is the part of a datagram that holds for all of its records.
type Header struct {
	// Count of records. AppendDatagram writes the number of records it is given and ignores this one.
	Count uint16
	// SysUptime is the time since the exporter booted, in ms mod 2^32, at the moment of export.
	SysUptime uint32
	// UnixSecs and UnixNsecs are the same moment in UTC. UnixNsecs should be below 1e9, but nothing checks it.
	UnixSecs  uint32
	UnixNsecs uint32
	// FlowSequence is the number of records this engine sent before this datagram, mod 2^32.
	FlowSequence uint32
	EngineType   uint8
	EngineID     uint8
	Scheme       Scheme
	// Reserved is 0 as Huawei has it. One paper of Cisco's has version 5's sampling word in its upper half; a collector reads that
	// only of exporters that are known for it.
	Reserved uint32
}

// Millis is the absolute time, in ms since 1970, of a First or Last value of a record under this header.
//
// The distance to the export moment is taken mod 2^32 and read as a signed number, so it survives the wrap of the uptime after
// 49.7 days and a First slightly later than the header; more than 24.8 days cannot be told apart.
func (h *Header) Millis(uptime uint32) int64 {
	return int64(h.UnixSecs)*1000 + int64(h.UnixNsecs)/1e6 - int64(int32(h.SysUptime-uptime))
}

// decode wants a scheme and a version of it that are valid.
func (h *Header) decode(b *[HeaderLen]byte) {
	*h = Header{
		Count:        binary.BigEndian.Uint16(b[2:]),
		SysUptime:    binary.BigEndian.Uint32(b[4:]),
		UnixSecs:     binary.BigEndian.Uint32(b[8:]),
		UnixNsecs:    binary.BigEndian.Uint32(b[12:]),
		FlowSequence: binary.BigEndian.Uint32(b[16:]),
		EngineType:   b[20],
		EngineID:     b[21],
		Scheme:       Scheme(b[22]),
		Reserved:     binary.BigEndian.Uint32(b[24:]),
	}
}

func (h *Header) encode(b *[HeaderLen]byte, count int) {
	binary.BigEndian.PutUint16(b[0:], Version)
	binary.BigEndian.PutUint16(b[2:], uint16(count))
	binary.BigEndian.PutUint32(b[4:], h.SysUptime)
	binary.BigEndian.PutUint32(b[8:], h.UnixSecs)
	binary.BigEndian.PutUint32(b[12:], h.UnixNsecs)
	binary.BigEndian.PutUint32(b[16:], h.FlowSequence)
	b[20], b[21], b[22], b[23] = h.EngineType, h.EngineID, uint8(h.Scheme), aggVersion
	binary.BigEndian.PutUint32(b[24:], h.Reserved)
}
