package nsv9

import (
	"encoding/binary"

	"netstream/schemas/wire/internal/sets"
)

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
type Sets struct{ walk sets.Walk }

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
	return h, Sets{sets.NewWalk(b, HeaderLen)}, nil
}

// Next goes to the next flowset, if there is one.
func (s *Sets) Next() bool { return s.walk.Next() }

// Set is the flowset Next went to.
func (s *Sets) Set() Set { return Set{s.walk.ID, s.walk.Offset, s.walk.Body} }

// Err is ErrSetLength when the walk stopped at a broken flowset, and nil when it came to the end.
func (s *Sets) Err() error {
	if s.walk.Broken {
		return ErrSetLength
	}
	return nil
}

// Trailing is the number of bytes behind the last flowset, once Next has returned false.
func (s *Sets) Trailing() int { return s.walk.Trailing }
