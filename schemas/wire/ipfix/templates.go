package ipfix

import (
	"encoding/binary"

	"netstream/schemas/wire/internal/sets"
	"netstream/schemas/wire/nsv9"
)

// TemplateReader walks the templates of a set.
type TemplateReader struct {
	b   []byte
	set uint16
	err error
}

// Templates readies the walk over the templates of the set. A set of another kind has none.
func (s Set) Templates() TemplateReader {
	if s.Kind() != Templates {
		return TemplateReader{}
	}
	return TemplateReader{b: s.Body, set: s.ID}
}

// Next reads the next template, or withdrawal, into t, reusing the slice of t: keep a Clone. After the last one, or when the next
// one is refused, it returns false and t is empty.
func (r *TemplateReader) Next(t *Template) bool {
	options := r.set == optionsTemplateSetID
	*t = Template{Options: options, Fields: t.Fields[:0]}
	// What is shorter than the head of a template, or all zero, is padding.
	if r.err != nil || len(r.b) < 4 || sets.AllZero(r.b) {
		return false
	}
	n, err := t.parse(r.b, r.set)
	if err != nil {
		r.err = &TemplateError{ID: t.ID, Err: err}
		*t = Template{Options: options, Fields: t.Fields[:0]}
		return false
	}
	r.b = r.b[n:]
	return true
}

// Err is a *TemplateError when a template was refused, and with it the rest of the set.
func (r *TemplateReader) Err() error { return r.err }

// parse reads one template, of at least 4 bytes, and returns its size. Every announced number is held against the bytes at hand
// before a field is stored.
func (t *Template) parse(b []byte, set uint16) (int, error) {
	t.ID = binary.BigEndian.Uint16(b)
	fields := int(binary.BigEndian.Uint16(b[2:]))
	if t.ID < MinDataID && !(fields == 0 && t.ID == set) {
		return 0, ErrTemplateID
	}
	if fields == 0 {
		return 4, nil
	}
	at := 4
	if t.Options {
		if len(b) < 6 {
			return 0, ErrTemplateCut
		}
		t.Scope, at = int(binary.BigEndian.Uint16(b[4:])), 6
		if t.Scope < 1 || t.Scope > fields {
			return 0, ErrScope
		}
	}
	if 4*fields > len(b)-at {
		return 0, ErrTemplateCut
	}
	if fields > MaxFields {
		return 0, ErrTooManyFields
	}
	for ; fields > 0; fields-- {
		if len(b)-at < 4 {
			return 0, ErrTemplateCut
		}
		f := Field{Type: nsv9.FieldType(binary.BigEndian.Uint16(b[at:])), Length: binary.BigEndian.Uint16(b[at+2:])}
		at += 4
		if f.Type&enterpriseBit != 0 {
			if len(b)-at < 4 {
				return 0, ErrTemplateCut
			}
			f.Type &^= enterpriseBit
			f.Enterprise = binary.BigEndian.Uint32(b[at:])
			at += 4
		}
		t.Fields = append(t.Fields, f)
	}
	if err := t.Validate(); err != nil {
		return 0, err.(*TemplateError).Err
	}
	return at, nil
}
