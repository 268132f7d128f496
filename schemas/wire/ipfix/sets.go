package ipfix

import (
	"encoding/binary"

	"netstream/schemas/wire/internal/sets"
)

// Kind is what a set holds.
type Kind uint8

// Kinds of sets.
const (
	Reserved  Kind = iota // ids 0, 1 and 4 to 255: skip it
	Templates             // templates, or options templates: read it with Set.Templates
	Data                  // records of the template with the id of the set
)

// Set is one set. Body is part of the message, without the four bytes of id and length, but with padding.
type Set struct {
	ID     uint16
	Offset int // of the set in the message
	Body   []byte
}

// Kind says what the set holds.
func (s Set) Kind() Kind {
	switch {
	case s.ID >= MinDataID:
		return Data
	case s.ID == templateSetID || s.ID == optionsTemplateSetID:
		return Templates
	}
	return Reserved
}

// Sets walks the sets of a message by their lengths:
//
//	header, sets, err := ipfix.Open(message)
//	for sets.Next() {
//		use(sets.Set())
//	}
//	if sets.Err() != nil { … } // what was read before is good
type Sets struct{ walk sets.Walk }

// Open reads the header of a message, which is all of a datagram, and readies the walk over its sets. The sets refer to b.
func Open(b []byte) (Header, Sets, error) {
	// The version comes first: a foreign datagram too short for a header is still foreign.
	if len(b) >= 2 && binary.BigEndian.Uint16(b) != Version {
		return Header{}, Sets{}, ErrVersion
	}
	if len(b) < HeaderLen {
		return Header{}, Sets{}, ErrHeader
	}
	var h Header
	h.decode((*[HeaderLen]byte)(b))
	if int(h.Length) != len(b) {
		return Header{}, Sets{}, ErrLength
	}
	return h, Sets{sets.NewWalk(b, HeaderLen)}, nil
}

// Next goes to the next set, if there is one.
func (s *Sets) Next() bool { return s.walk.Next() }

// Set is the set Next went to.
func (s *Sets) Set() Set { return Set{s.walk.ID, s.walk.Offset, s.walk.Body} }

// Err is ErrSetLength when the walk stopped at a broken set, and nil when it came to the end.
func (s *Sets) Err() error {
	if s.walk.Broken {
		return ErrSetLength
	}
	return nil
}

// Trailing is the number of bytes behind the last set, once Next has returned false.
func (s *Sets) Trailing() int { return s.walk.Trailing }
