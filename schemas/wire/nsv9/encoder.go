package nsv9

import (
	"encoding/binary"
	"slices"
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
	b         []byte
	start     int // of the datagram in b
	max       int // where the datagram must end, at a multiple of 4 from start
	set       int // start of the open data flowset, 0 when there is none
	recordLen int
	count     int
}

// Begin starts a datagram of at most limit bytes behind what dst holds. A datagram begun before is forgotten. The only
// error is ErrLimit.
func (e *Encoder) Begin(dst []byte, limit int, h *Header) error {
	if limit < HeaderLen+2*setHeaderLen || limit > MaxLen {
		return ErrLimit
	}
	start := len(dst)
	dst = slices.Grow(dst, limit)[:start+HeaderLen]
	h.encode((*[HeaderLen]byte)(dst[start:]))
	*e = Encoder{b: dst, start: start, max: start + limit&^3}
	return nil
}

// Templates adds a flowset with these templates, all of them for flows or all for options. When they do not fit, the
// error is ErrNoRoom and none is added.
func (e *Encoder) Templates(ts ...*Template) error {
	n := setHeaderLen
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
	if e.padded()+n > e.max {
		return ErrNoRoom
	}
	id := uint16(templateSetID)
	if ts[0].Options {
		id = optionsTemplateSetID
	}
	at := e.openSet(id)
	for _, t := range ts {
		e.b = t.Append(e.b)
	}
	e.closeSet(at)
	e.count += len(ts)
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
	if e.padded()+setHeaderLen+recordLen > e.max {
		return ErrNoRoom
	}
	e.set = e.openSet(templateID)
	e.recordLen = recordLen
	return nil
}

// Next is the place for the next record of the open flowset: write every byte of it, they hold anything. It is nil when
// the datagram is full or no flowset is open.
func (e *Encoder) Next() []byte {
	at := len(e.b)
	if e.set == 0 || at+e.recordLen > e.max {
		return nil
	}
	e.b = e.b[:at+e.recordLen]
	e.count++
	return e.b[at:]
}

// Len is the number of bytes of the datagram so far, padding included.
func (e *Encoder) Len() int { return e.padded() - e.start }

// Count is the number of records and templates so far.
func (e *Encoder) Count() int { return e.count }

// Finish completes the datagram and returns what Begin was given with the datagram behind it.
func (e *Encoder) Finish() []byte {
	e.endData()
	binary.BigEndian.PutUint16(e.b[e.start+2:], uint16(e.count))
	return e.b
}

// padded is where the open flowset will end.
func (e *Encoder) padded() int { return e.start + (len(e.b)-e.start+3)&^3 }

// openSet closes an open data flowset and writes the head of a new one.
func (e *Encoder) openSet(id uint16) (at int) {
	e.endData()
	at = len(e.b)
	e.b = append(e.b, byte(id>>8), byte(id), 0, 0)
	return at
}

// closeSet pads the flowset to a multiple of 4 and writes its length.
func (e *Encoder) closeSet(at int) {
	for end := e.padded(); len(e.b) < end; {
		e.b = append(e.b, 0)
	}
	binary.BigEndian.PutUint16(e.b[at+2:], uint16(len(e.b)-at))
}

func (e *Encoder) endData() {
	if e.set == 0 {
		return
	}
	if len(e.b) == e.set+setHeaderLen { // no record came
		e.b = e.b[:e.set]
	} else {
		e.closeSet(e.set)
	}
	e.set = 0
}
