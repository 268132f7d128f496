package nsv5

import "encoding/binary"

// Header is the part of a datagram that holds for all of its records.
type Header struct {
	// Count of records, 0 to 30. AppendDatagram writes the number of records it is given and ignores this one.
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
	Sampling     Sampling
}

// Millis is the absolute time, in ms since 1970, of a First or Last value of a record under this header.
//
// The distance to the export moment is taken mod 2^32 and read as a signed number, so it survives the wrap of the
// uptime after 49.7 days and a First slightly later than the header; more than 24.8 days cannot be told apart.
func (h *Header) Millis(uptime uint32) int64 {
	return int64(h.UnixSecs)*1000 + int64(h.UnixNsecs)/1e6 - int64(int32(h.SysUptime-uptime))
}

// Uptime is the value that First, Last and SysUptime have for an absolute time: ms since boot, mod 2^32. Both
// arguments are ms since 1970.
func Uptime(boot, t int64) uint32 { return uint32(t - boot) }

func (h *Header) decode(b *[HeaderLen]byte) {
	*h = Header{
		Count:        binary.BigEndian.Uint16(b[2:]),
		SysUptime:    binary.BigEndian.Uint32(b[4:]),
		UnixSecs:     binary.BigEndian.Uint32(b[8:]),
		UnixNsecs:    binary.BigEndian.Uint32(b[12:]),
		FlowSequence: binary.BigEndian.Uint32(b[16:]),
		EngineType:   b[20],
		EngineID:     b[21],
		Sampling:     Sampling(binary.BigEndian.Uint16(b[22:])),
	}
}

func (h *Header) encode(b *[HeaderLen]byte, count int) {
	binary.BigEndian.PutUint16(b[0:], Version)
	binary.BigEndian.PutUint16(b[2:], uint16(count))
	binary.BigEndian.PutUint32(b[4:], h.SysUptime)
	binary.BigEndian.PutUint32(b[8:], h.UnixSecs)
	binary.BigEndian.PutUint32(b[12:], h.UnixNsecs)
	binary.BigEndian.PutUint32(b[16:], h.FlowSequence)
	b[20] = h.EngineType
	b[21] = h.EngineID
	binary.BigEndian.PutUint16(b[22:], uint16(h.Sampling))
}
