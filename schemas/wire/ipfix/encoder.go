package ipfix

import (
	"encoding/binary"

	"netstream/schemas/wire/internal/sets"
)

// Encoder writes one message at a time into a buffer of the caller:
//
//	e.Begin(buf[:0], 1472, &header)
//	e.Templates(&template)
//	e.OpenData(256, 60)
//	for b := e.Next(); b != nil; b = e.Next() {
//		fill(b)
//	}
//	send(e.Finish())
//
// The zero value is ready for Begin. Nothing is allocated when the buffer has room for the limit.
type Encoder struct{ w sets.Writer }

// Begin starts a message of at most limit bytes behind what dst holds. A message begun before is forgotten. The only error is
// ErrLimit.
func (e *Encoder) Begin(dst []byte, limit int, h *Header) error {
	if limit < HeaderLen+2*sets.HeadLen || limit > MaxLen {
		return ErrLimit
	}
	h.encode((*[HeaderLen]byte)(e.w.Begin(dst, limit, HeaderLen)))
	return nil
}

// Templates adds a set with these templates or withdrawals, all of them for flows or all for options. When they do not fit, the
// error is ErrNoRoom and none is added.
func (e *Encoder) Templates(ts ...*Template) error {
	n := 0
	for _, t := range ts {
		if !t.Withdrawal() {
			if err := t.Validate(); err != nil {
				return err
			}
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
	return nil
}

// OpenData starts a set for records of a template, of recordLen bytes or, where they vary, at least. When there is no room for one,
// the error is ErrNoRoom. The set ends with the next one or with Finish.
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

// Next is the place for the next record of the open set: write every byte of it, they hold anything. It is nil when the message
// is full or no set is open.
func (e *Encoder) Next() []byte { return e.w.Next() }

// Place is Next for a record of n bytes, of a template whose records vary.
func (e *Encoder) Place(n int) []byte { return e.w.Place(n) }

// Len is the number of bytes of the message so far, padding included.
func (e *Encoder) Len() int { return e.w.Len() }

// Records is the number of data records so far, by which the sequence goes on.
func (e *Encoder) Records() int { return e.w.Records() }

// Finish completes the message and returns what Begin was given with the message behind it.
func (e *Encoder) Finish() []byte {
	e.w.Close()
	m := e.w.Datagram()
	binary.BigEndian.PutUint16(m[2:], uint16(len(m)))
	return e.w.B
}
