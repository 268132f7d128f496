package ipfix

import "encoding/binary"

// Header is the head of a message.
type Header struct {
	// Length of the message in bytes. The Encoder counts by itself and ignores this field.
	Length uint16
	// ExportTime is when the message was sent, s since 1970.
	ExportTime uint32
	// Sequence is the number of data records, those of options included, sent before this message by the exporter in this
	// transport session and domain, mod 2^32. Huawei devices may count templates too.
	Sequence uint32
	// DomainID is the observation domain; 0 stands for the whole exporter. Template ids are unique within it.
	DomainID uint32
}

func (h *Header) decode(b *[HeaderLen]byte) {
	*h = Header{
		Length:     binary.BigEndian.Uint16(b[2:]),
		ExportTime: binary.BigEndian.Uint32(b[4:]),
		Sequence:   binary.BigEndian.Uint32(b[8:]),
		DomainID:   binary.BigEndian.Uint32(b[12:]),
	}
}

// encode writes all but the length.
func (h *Header) encode(b *[HeaderLen]byte) {
	binary.BigEndian.PutUint16(b[0:], Version)
	binary.BigEndian.PutUint32(b[4:], h.ExportTime)
	binary.BigEndian.PutUint32(b[8:], h.Sequence)
	binary.BigEndian.PutUint32(b[12:], h.DomainID)
}
