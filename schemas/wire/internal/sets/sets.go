// Package sets writes and walks the sets of a datagram, which version 9 (there called flowsets) and IPFIX share: an id and
// a length, 2 bytes each, then the body.
package sets

import (
	"encoding/binary"
	"slices"
)

// HeadLen is the size of id and length.
const HeadLen = 4

// Writer writes one datagram at a time into a buffer of the caller. The zero value is ready for Begin. Nothing is allocated
// when the buffer has room for the limit.
type Writer struct {
	B []byte // all that is written so far; whoever opened a set appends its body here

	start     int // of the datagram in B
	max       int // where the datagram must end, at a multiple of 4 from start
	set       int // start of the open set, 0 when there is none
	recordLen int
	records   int
}

// Begin starts a datagram of at most limit bytes behind what dst holds and returns the place for its header.
func (w *Writer) Begin(dst []byte, limit, headerLen int) []byte {
	start := len(dst)
	dst = slices.Grow(dst, limit)[:start+headerLen]
	*w = Writer{B: dst, start: start, max: start + limit&^3}
	return dst[start:]
}

// Datagram is the datagram as far as it is written.
func (w *Writer) Datagram() []byte { return w.B[w.start:] }

// Fits tells whether there is room for one more set with so long a body.
func (w *Writer) Fits(body int) bool { return w.padded()+HeadLen+body <= w.max }

// Open closes the open set and starts another, for records of recordLen bytes; 0 if its body is appended otherwise. Ask Fits
// before.
func (w *Writer) Open(id uint16, recordLen int) {
	w.Close()
	w.set, w.recordLen = len(w.B), recordLen
	w.B = append(w.B, byte(id>>8), byte(id), 0, 0)
}

// Next is the place for the next record of the open set, nil when the datagram is full or no set of records is open.
func (w *Writer) Next() []byte {
	if w.set == 0 || w.recordLen == 0 {
		return nil
	}
	return w.Place(w.recordLen)
}

// Place is Next for a record of another size than that of the set.
func (w *Writer) Place(n int) []byte {
	at := len(w.B)
	if w.set == 0 || at+n > w.max {
		return nil
	}
	w.B = w.B[:at+n]
	w.records++
	return w.B[at:]
}

// Records is the number of records so far.
func (w *Writer) Records() int { return w.records }

// Len is the number of bytes of the datagram so far, padding included.
func (w *Writer) Len() int { return w.padded() - w.start }

// Close ends the open set: it is padded to a multiple of 4, or taken back when nothing came.
func (w *Writer) Close() {
	if w.set == 0 {
		return
	}
	if len(w.B) == w.set+HeadLen {
		w.B = w.B[:w.set]
	} else {
		for end := w.padded(); len(w.B) < end; {
			w.B = append(w.B, 0)
		}
		binary.BigEndian.PutUint16(w.B[w.set+2:], uint16(len(w.B)-w.set))
	}
	w.set = 0
}

// padded is where the open set will end.
func (w *Writer) padded() int { return w.start + (len(w.B)-w.start+3)&^3 }

// Walk goes over the sets of a datagram by their lengths.
type Walk struct {
	b    []byte
	next int

	ID       uint16
	Offset   int    // of the set in the datagram
	Body     []byte // with padding
	Trailing int    // bytes behind the last set, once Next has returned false
	Broken   bool   // Next stopped at a set that claims fewer than 4 bytes or more than there are
}

// NewWalk readies the walk over a datagram whose header has so many bytes.
func NewWalk(b []byte, headerLen int) Walk { return Walk{b: b, next: headerLen} }

// Next goes to the next set, if there is one.
func (w *Walk) Next() bool {
	w.ID, w.Offset, w.Body = 0, 0, nil
	if w.Broken {
		return false
	}
	b := w.b[w.next:]
	if len(b) < HeadLen {
		w.Trailing = len(b)
		return false
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < HeadLen || n > len(b) {
		// Some exporters fill the datagram with zeros behind the last set: no set, but nothing broken either.
		w.Broken = !AllZero(b)
		w.Trailing = len(b)
		return false
	}
	w.ID, w.Offset, w.Body = binary.BigEndian.Uint16(b), w.next, b[HeadLen:n:n]
	w.next += n
	return true
}

// AllZero tells whether there is nothing but padding.
func AllZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
