package nsv9

import (
	"encoding/binary"

	"netstream/schemas/wire/internal/sets"
)

// TemplateReader walks the templates of a flowset.
type TemplateReader struct {
	b       []byte
	options bool
	err     error
}

// Templates readies the walk over the templates of the set. A set of another kind has none.
func (s Set) Templates() TemplateReader {
	if s.Kind() != Templates {
		return TemplateReader{}
	}
	return TemplateReader{b: s.Body, options: s.ID == optionsTemplateSetID}
}

// Next reads the next template into t, reusing the slices of t: keep a Clone. After the last template, or when the
// next one is refused, it returns false and t is empty.
func (r *TemplateReader) Next(t *Template) bool {
	*t = Template{Options: r.options, Scope: t.Scope[:0], Fields: t.Fields[:0]}
	// What is shorter than the head of a template, or all zero, is padding.
	if r.err != nil || len(r.b) < 4 || sets.AllZero(r.b) {
		return false
	}
	n, err := t.parse(r.b)
	if err == nil {
		err = t.Validate()
	}
	if err != nil {
		r.err = err
		*t = Template{Scope: t.Scope[:0], Fields: t.Fields[:0]}
		return false
	}
	r.b = r.b[n:]
	return true
}

// Err is a *TemplateError when a template was refused, and with it the rest of the flowset.
func (r *TemplateReader) Err() error { return r.err }

// parse reads one template, of at least 4 bytes, and returns its size. Every announced number is held against the
// bytes at hand before a field is stored.
func (t *Template) parse(b []byte) (int, error) {
	t.ID = binary.BigEndian.Uint16(b)
	fail := func(err error) (int, error) { return 0, &TemplateError{ID: t.ID, Err: err} }
	if t.ID < MinDataID {
		return fail(ErrTemplateID)
	}
	at, scopes, fields := 4, 0, int(binary.BigEndian.Uint16(b[2:]))
	if t.Options {
		if len(b) < 6 {
			return fail(ErrTemplateCut)
		}
		scopeLen, optionLen := int(binary.BigEndian.Uint16(b[2:])), int(binary.BigEndian.Uint16(b[4:]))
		if scopeLen%4 != 0 || optionLen%4 != 0 {
			return fail(ErrOptionsLength)
		}
		at, scopes, fields = 6, scopeLen/4, optionLen/4
	}
	if 4*(scopes+fields) > len(b)-at {
		return fail(ErrTemplateCut)
	}
	if scopes+fields > MaxFields {
		return fail(ErrTooManyFields)
	}
	for ; scopes > 0; scopes, at = scopes-1, at+4 {
		t.Scope = append(t.Scope, ScopeField{ScopeType(binary.BigEndian.Uint16(b[at:])), binary.BigEndian.Uint16(b[at+2:])})
	}
	for ; fields > 0; fields, at = fields-1, at+4 {
		t.Fields = append(t.Fields, Field{FieldType(binary.BigEndian.Uint16(b[at:])), binary.BigEndian.Uint16(b[at+2:])})
	}
	return at, nil
}
