package nsv5

import (
	"encoding/binary"
	"slices"
)

// Append decodes one datagram and appends its records to dst. Beside an error dst comes back as it was.
//
// surplus is the number of bytes behind the last record: such a datagram is good, but worth a warning. A count of 0
// is good too and gives no records. The records are copies; b may be reused at once.
func Append(dst []Record, b []byte) (h Header, records []Record, surplus int, err error) {
	// The version comes first: a foreign datagram too short for a v5 header is still foreign.
	if len(b) >= 2 && binary.BigEndian.Uint16(b) != Version {
		return Header{}, dst, 0, ErrVersion
	}
	if len(b) < HeaderLen {
		return Header{}, dst, 0, ErrHeader
	}
	h.decode((*[HeaderLen]byte)(b))
	n := int(h.Count)
	if n > MaxRecords {
		return Header{}, dst, 0, ErrCount
	}
	b = b[HeaderLen:]
	if len(b) < n*RecordLen {
		return Header{}, dst, 0, ErrCut
	}
	at := len(dst)
	dst = slices.Grow(dst, n)[:at+n]
	for i := range n {
		dst[at+i].decode((*[RecordLen]byte)(b[i*RecordLen:]))
	}
	return h, dst, len(b) - n*RecordLen, nil
}

// AppendDatagram appends one datagram with these records to dst. It fails only for more than 30 records, and then
// returns dst as it was. Nothing is allocated when dst has room for HeaderLen + len(records)*RecordLen bytes.
func AppendDatagram(dst []byte, h *Header, records []Record) ([]byte, error) {
	if len(records) > MaxRecords {
		return dst, ErrCount
	}
	at, n := len(dst), HeaderLen+len(records)*RecordLen
	dst = slices.Grow(dst, n)[:at+n]
	b := dst[at:]
	h.encode((*[HeaderLen]byte)(b), len(records))
	b = b[HeaderLen:]
	for i := range records {
		records[i].encode((*[RecordLen]byte)(b[i*RecordLen:]))
	}
	return dst, nil
}
