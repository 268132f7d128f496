package nsv9

import (
	"encoding/binary"

	"netstream/schemas/wire/internal/sets"
)

// Encoder writes one datagram at a time into a buffer of the caller:
//
//	e.Begin(buf[:0], 1472, &header)
//	e.Templates(&ipv4, &ipv6)
//	e.OpenData(IPv4TemplateID, IPv4RecordLen)
//	for b := e.Next(); b != nil; b = e.Next() {
//		PutIPv4((*[IPv4RecordLen]byte)(b), &record)
//	}
//	send(e.Finish())
//
// The zero value is ready for Begin. Nothing is allocated when the buffer has room for the limit.
type Encoder struct {
	w         sets.Writer
	templates int
}

// Begin starts a datagram of at most limit bytes behind what dst holds. A datagram begun before is forgotten. The only
// error is ErrLimit.
func (e *Encoder) Begin(dst []byte, limit int, h *Header) error {
	if limit < HeaderLen+2*sets.HeadLen || limit > MaxLen {
		return ErrLimit
	}
	h.encode((*[HeaderLen]byte)(e.w.Begin(dst, limit, HeaderLen)))
	e.templates = 0
	return nil
}

// Templates adds a flowset with these templates, all of them for flows or all for options. When they do not fit, the
// error is ErrNoRoom and none is added.
func (e *Encoder) Templates(ts ...*Template) error {
	n := 0
	for _, t := range ts {
		if err := t.Validate(); err != nil {
			return err
		}
		if t.Options != ts[0].Options {
			return &TemplateError{ID: t.ID, Err: ErrMixed}
		}
		n += t.Len()
	}
	if len(ts) == 0 {
		return nil
	}
	if !e.w.Fits(n) {
		return ErrNoRoom
	}
	id := uint16(templateSetID)
	if ts[0].Options {
		id = optionsTemplateSetID
	}
	e.w.Open(id, 0)
	for _, t := range ts {
		e.w.B = t.Append(e.w.B)
	}
	e.w.Close()
	e.templates += len(ts)
	return nil
}

// OpenData starts a flowset for records of recordLen bytes of a template. When there is no room for at least one, the
// error is ErrNoRoom. The flowset ends with the next one or with Finish.
func (e *Encoder) OpenData(templateID uint16, recordLen int) error {
	if templateID < MinDataID {
		return &TemplateError{ID: templateID, Err: ErrTemplateID}
	}
	if recordLen < 1 {
		return &TemplateError{ID: templateID, Err: ErrZeroLength}
	}
	if !e.w.Fits(recordLen) {
		return ErrNoRoom
	}
	e.w.Open(templateID, recordLen)
	return nil
}

// Next is the place for the next record of the open flowset: write every byte of it, they hold anything. It is nil when
// the datagram is full or no flowset is open.
func (e *Encoder) Next() []byte { return e.w.Next() }

// Len is the number of bytes of the datagram so far, padding included.
func (e *Encoder) Len() int { return e.w.Len() }

// Count is the number of records and templates so far.
func (e *Encoder) Count() int { return e.templates + e.w.Records() }

// Finish completes the datagram and returns what Begin was given with the datagram behind it.
func (e *Encoder) Finish() []byte {
	e.w.Close()
	binary.BigEndian.PutUint16(e.w.Datagram()[2:], uint16(e.Count()))
	return e.w.B
}
