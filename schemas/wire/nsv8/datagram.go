package nsv8

import (
	"encoding/binary"
	"slices"
)

// MaskOrder is the order of the two masks in schemes 5, 13 and 14.
type MaskOrder uint8

// Orders of masks. Exporters that write the source's first are rare; a collector is told which they are.
const (
	DstMaskFirst MaskOrder = iota
	SrcMaskFirst
)

// Append decodes one datagram and appends its records to dst. Beside an error dst comes back as it was.
//
// surplus is the number of bytes behind the last record: such a datagram is good, but worth a warning. A count of 0 is good too and
// gives no records. The records are copies; b may be reused at once.
func Append(dst []Record, b []byte, masks MaskOrder) (h Header, records []Record, surplus int, err error) {
	// The version comes first: a foreign datagram too short for a header is still foreign.
	if len(b) >= 2 && binary.BigEndian.Uint16(b) != Version {
		return Header{}, dst, 0, ErrVersion
	}
	if len(b) < HeaderLen {
		return Header{}, dst, 0, ErrHeader
	}
	switch v := b[23]; {
	case !Scheme(b[22]).Valid():
		return Header{}, dst, 0, ErrScheme
	case v != aggVersion && v != 0:
		return Header{}, dst, 0, ErrAggVersion
	}
	h.decode((*[HeaderLen]byte)(b))
	s, n := &schemes[h.Scheme], int(h.Count)
	if n > s.most {
		return Header{}, dst, 0, ErrCount
	}
	b = b[HeaderLen:]
	if len(b) < n*s.length {
		return Header{}, dst, 0, ErrCut
	}
	at := len(dst)
	dst = slices.Grow(dst, n)[:at+n]
	for i := range n {
		r := &dst[at+i]
		s.decode(b[i*s.length:], r)
		if masks == SrcMaskFirst && h.Scheme.twoMasks() {
			r.SrcMask, r.DstMask = r.DstMask, r.SrcMask
		}
	}
	return h, dst, len(b) - n*s.length, nil
}

// twoMasks tells of the schemes whose masks stand beside each other.
func (s Scheme) twoMasks() bool { return s == Prefix || s == PrefixTOS || s == PrefixPort }

// AppendDatagram appends one datagram with these records to dst, the destination's mask first. It fails for a scheme that isn't
// valid and for more records than it allows, and then returns dst as it was. Nothing is allocated when dst has room for HeaderLen +
// len(records)*RecordLen bytes.
func AppendDatagram(dst []byte, h *Header, records []Record) ([]byte, error) {
	if !h.Scheme.Valid() {
		return dst, ErrScheme
	}
	s := &schemes[h.Scheme]
	if len(records) > s.most {
		return dst, ErrCount
	}
	at, n := len(dst), HeaderLen+len(records)*s.length
	dst = slices.Grow(dst, n)[:at+n]
	b := dst[at:]
	h.encode((*[HeaderLen]byte)(b), len(records))
	b = b[HeaderLen:]
	for i := range records {
		s.encode(b[i*s.length:], &records[i])
	}
	return dst, nil
}
