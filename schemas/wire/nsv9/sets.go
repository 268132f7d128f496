package nsv9

import "encoding/binary"

// Kind is what a flowset holds.
type Kind uint8

// Kinds of flowsets.
const (
	Reserved  Kind = iota // ids 2 to 255: skip it
	Templates             // templates, or options templates: read it with Set.Templates
	Data                  // records of the template with the id of the set
)

// Set is one flowset. Body is part of the datagram, without the four bytes of id and length, but with padding.
type Set struct {
	ID     uint16
	Offset int // of the flowset in the datagram
	Body   []byte
}

// Kind says what the set holds.
func (s Set) Kind() Kind {
	switch {
	case s.ID >= MinDataID:
		return Data
	case s.ID <= optionsTemplateSetID:
		return Templates
	}
	return Reserved
}

// Sets walks the flowsets of a datagram by their lengths:
//
//	header, sets, err := nsv9.Open(datagram)
//	for sets.Next() {
//		use(sets.Set())
//	}
//	if sets.Err() != nil { … } // what was read before is good
type Sets struct {
	b        []byte
	next     int
	set      Set
	trailing int
	err      error
}

// Open reads the header of a datagram and readies the walk over its flowsets. The sets refer to b.
func Open(b []byte) (Header, Sets, error) {
	// The version comes first: a foreign datagram too short for a v9 header is still foreign.
	if len(b) >= 2 && binary.BigEndian.Uint16(b) != Version {
		return Header{}, Sets{}, ErrVersion
	}
	if len(b) < HeaderLen {
		return Header{}, Sets{}, ErrHeader
	}
	var h Header
	h.decode((*[HeaderLen]byte)(b))
	return h, Sets{b: b, next: HeaderLen}, nil
}

// Next goes to the next flowset, if there is one.
func (s *Sets) Next() bool {
	s.set = Set{}
	if s.err != nil {
		return false
	}
	b := s.b[s.next:]
	if len(b) < setHeaderLen {
		s.trailing = len(b)
		return false
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < setHeaderLen || n > len(b) {
		// Some exporters fill the datagram with zeros behind the last flowset: no flowset, but nothing broken either.
		if !allZero(b) {
			s.err = ErrSetLength
		}
		s.trailing = len(b)
		return false
	}
	s.set = Set{ID: binary.BigEndian.Uint16(b), Offset: s.next, Body: b[setHeaderLen:n:n]}
	s.next += n
	return true
}

// Set is the flowset Next went to.
func (s *Sets) Set() Set { return s.set }

// Err is ErrSetLength when the walk stopped at a broken flowset, and nil when it came to the end.
func (s *Sets) Err() error { return s.err }

// Trailing is the number of bytes behind the last flowset, once Next has returned false.
func (s *Sets) Trailing() int { return s.trailing }

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
