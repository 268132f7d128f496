package nsv9

import "encoding/binary"

// Header is the head of a datagram.
type Header struct {
	// Count of all records, templates included. It is no length and some exporters have it wrong: nothing is read by
	// it. The Encoder counts by itself and ignores this field.
	Count uint16
	// SysUptime is the time since the exporter booted, in ms mod 2^32, at the moment of export.
	SysUptime uint32
	// UnixSecs is the moment of export in whole seconds. An exporter that wants its times exact to the ms sends the
	// uptime of that whole second, not of the moment a fraction later.
	UnixSecs uint32
	// Sequence is the number of datagrams sent before this one by the source, mod 2^32. Huawei devices can count flows.
	Sequence uint32
	// SourceID is the observation domain. Template ids are unique within it.
	SourceID uint32
}

// Millis is the absolute time, in ms since 1970, of a FirstUptime or LastUptime under this header.
//
// The distance to the export moment is taken mod 2^32 and read as a signed number, so it survives the wrap of the
// uptime after 49.7 days and a time slightly later than the header; more than 24.8 days cannot be told apart.
func (h *Header) Millis(uptime uint32) int64 {
	return int64(h.UnixSecs)*1000 - int64(int32(h.SysUptime-uptime))
}

// Times is when the first and the last packet of a record were seen, in ms since 1970: as the record says itself, or
// by its uptimes. ok is false when it has neither.
func (h *Header) Times(r *Record) (first, last int64, ok bool) {
	switch {
	case r.Has&(HasFirstMillis|HasLastMillis) == HasFirstMillis|HasLastMillis:
		return r.FirstMillis, r.LastMillis, true
	case r.Has&(HasFirstUptime|HasLastUptime) == HasFirstUptime|HasLastUptime:
		return h.Millis(r.FirstUptime), h.Millis(r.LastUptime), true
	}
	return 0, 0, false
}

func (h *Header) decode(b *[HeaderLen]byte) {
	*h = Header{
		Count:     binary.BigEndian.Uint16(b[2:]),
		SysUptime: binary.BigEndian.Uint32(b[4:]),
		UnixSecs:  binary.BigEndian.Uint32(b[8:]),
		Sequence:  binary.BigEndian.Uint32(b[12:]),
		SourceID:  binary.BigEndian.Uint32(b[16:]),
	}
}

// encode writes all but the count.
func (h *Header) encode(b *[HeaderLen]byte) {
	binary.BigEndian.PutUint16(b[0:], Version)
	binary.BigEndian.PutUint32(b[4:], h.SysUptime)
	binary.BigEndian.PutUint32(b[8:], h.UnixSecs)
	binary.BigEndian.PutUint32(b[12:], h.Sequence)
	binary.BigEndian.PutUint32(b[16:], h.SourceID)
}
