package nsv9

import (
	"encoding/binary"
	"slices"
)

// Layout is a template compiled for reading: where each field stands. It is never changed and may be shared.
type Layout struct {
	template Template
	slots    []slot // of the scope fields, then of the fields
	least    int    // bytes of the shortest record
	// gaps has an entry for each field of variable length: the bytes between the end of the one before (or the start
	// of the record) and its length octet. tail is what follows the last one.
	gaps []int
	tail int
}

// slot is the place of a field: off bytes behind the end of the vars-th field of variable length, or behind the start
// of the record when vars is 0.
type slot struct {
	off    int
	vars   int
	length uint16
}

// Compile checks the template (see Template.Validate) and computes its layout. It keeps a copy of the template.
func Compile(t *Template) (*Layout, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	l := &Layout{template: t.Clone(), slots: make([]slot, 0, len(t.Scope)+len(t.Fields))}
	l.least, _ = t.RecordLen()
	off := 0
	add := func(length uint16) {
		l.slots = append(l.slots, slot{off: off, vars: len(l.gaps), length: length})
		if length == VarLen {
			l.gaps, off = append(l.gaps, off), 0
		} else {
			off += int(length)
		}
	}
	for _, f := range t.Scope {
		add(f.Length)
	}
	for _, f := range t.Fields {
		add(f.Length)
	}
	l.tail = off
	return l, nil
}

// Template is a copy of what the layout was compiled from.
func (l *Layout) Template() Template { return l.template.Clone() }

// Is reports whether the layout was compiled from an equal template.
func (l *Layout) Is(t *Template) bool { return l.template.Equal(t) }

// Options reports whether the records are options, not flows.
func (l *Layout) Options() bool { return l.template.Options }

// Len is the number of all fields; scope fields come first.
func (l *Layout) Len() int { return len(l.slots) }

// Index is the position of the first field of a type, or -1. Scope fields have types of their own: see ScopeIndex.
func (l *Layout) Index(t FieldType) int {
	i := slices.IndexFunc(l.template.Fields, func(f Field) bool { return f.Type == t })
	if i < 0 {
		return -1
	}
	return len(l.template.Scope) + i
}

// ScopeIndex is the position of the first scope field of a type, or -1.
func (l *Layout) ScopeIndex(t ScopeType) int {
	return slices.IndexFunc(l.template.Scope, func(f ScopeField) bool { return f.Type == t })
}

// Field is the value of field i, 0 <= i < Len, in a record that Records gave. It is part of the record. It is nil when
// rec is not one whole record of this layout.
func (l *Layout) Field(rec []byte, i int) []byte {
	s := l.slots[i]
	at := 0
	for _, gap := range l.gaps[:s.vars] {
		_, end, ok := variable(rec, at+gap)
		if !ok {
			return nil
		}
		at = end
	}
	at += s.off
	end := at + int(s.length)
	if s.length == VarLen {
		var ok bool
		if at, end, ok = variable(rec, at); !ok {
			return nil
		}
	}
	if end > len(rec) {
		return nil
	}
	return rec[at:end:end]
}

// recordLen is the size of the record that b starts with, or -1 when b ends before it does.
func (l *Layout) recordLen(b []byte) int {
	n := 0
	for _, gap := range l.gaps {
		_, end, ok := variable(b, n+gap)
		if !ok {
			return -1
		}
		n = end
	}
	n += l.tail
	if n > len(b) {
		return -1
	}
	return n
}

// variable finds the value whose length octet is at b[at]: the length is that octet, or the two after it when it is 255
// (RFC 7011 section 7).
func variable(b []byte, at int) (start, end int, ok bool) {
	if at >= len(b) {
		return 0, 0, false
	}
	start = at + 1
	n := int(b[at])
	if n == 255 {
		if start+2 > len(b) {
			return 0, 0, false
		}
		n = int(binary.BigEndian.Uint16(b[start:]))
		start += 2
	}
	end = start + n
	return start, end, end <= len(b)
}

// Uint reads a field as a number: 1 to 8 bytes, big-endian. Other lengths hold no number.
func Uint(b []byte) (v uint64, ok bool) {
	switch len(b) {
	case 1:
		return uint64(b[0]), true
	case 2:
		return uint64(binary.BigEndian.Uint16(b)), true
	case 4:
		return uint64(binary.BigEndian.Uint32(b)), true
	case 8:
		return binary.BigEndian.Uint64(b), true
	case 3, 5, 6, 7:
		for _, c := range b {
			v = v<<8 | uint64(c)
		}
		return v, true
	}
	return 0, false
}

// Text is a text field without the zeros that fill it up.
func Text(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}
