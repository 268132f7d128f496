package nsv9

import (
	"encoding/binary"
	"slices"
)

// VarLen as the length of a field means that each record has the length before the value: one octet, or 255 and two
// more. RFC 3954 knows no such fields, H3C exporters send them.
const VarLen = 0xffff

// Field is a field of a template: a type and the number of bytes.
type Field struct {
	Type   FieldType
	Length uint16
}

// ScopeField is a field of an options template that says what the options are about.
type ScopeField struct {
	Type   ScopeType
	Length uint16 // 0 is legal: the scope has no value
}

// Template is the description of a record: a flow record, or with Options set a record of options, which starts with
// the scope fields.
type Template struct {
	ID      uint16
	Options bool
	Scope   []ScopeField
	Fields  []Field
}

// Validate checks what a template must keep to be usable, and returns a *TemplateError.
func (t *Template) Validate() error {
	fail := func(err error) error { return &TemplateError{ID: t.ID, Err: err} }
	n := len(t.Scope) + len(t.Fields)
	switch {
	case t.ID < MinDataID:
		return fail(ErrTemplateID)
	case n == 0:
		return fail(ErrNoFields)
	case n > MaxFields:
		return fail(ErrTooManyFields)
	case !t.Options && len(t.Scope) > 0:
		return fail(ErrScope)
	}
	if least, _ := t.RecordLen(); least == 0 {
		return fail(ErrZeroLength)
	}
	return nil
}

// RecordLen is the number of bytes of a record. When fixed is false the template has fields of variable length, and
// records have at least that many.
func (t *Template) RecordLen() (least int, fixed bool) {
	fixed = true
	add := func(length uint16) {
		if length == VarLen {
			least, fixed = least+1, false
			return
		}
		least += int(length)
	}
	for _, f := range t.Scope {
		add(f.Length)
	}
	for _, f := range t.Fields {
		add(f.Length)
	}
	return least, fixed
}

// Equal reports whether both describe the same records under the same id: a refresh, not a change.
func (t *Template) Equal(u *Template) bool {
	return t.ID == u.ID && t.Options == u.Options && slices.Equal(t.Scope, u.Scope) && slices.Equal(t.Fields, u.Fields)
}

// Clone is a copy that shares nothing.
func (t *Template) Clone() Template {
	c := *t
	c.Scope, c.Fields = slices.Clone(t.Scope), slices.Clone(t.Fields)
	return c
}

// Len is the number of bytes of the template on the wire.
func (t *Template) Len() int {
	n := 4 + 4*len(t.Fields)
	if t.Options {
		n += 2 + 4*len(t.Scope)
	}
	return n
}

// Append appends the template record, as it stands in a template flowset. It does not check the template.
func (t *Template) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, t.ID)
	if t.Options {
		dst = binary.BigEndian.AppendUint16(dst, uint16(4*len(t.Scope)))
		dst = binary.BigEndian.AppendUint16(dst, uint16(4*len(t.Fields)))
		for _, f := range t.Scope {
			dst = binary.BigEndian.AppendUint16(dst, uint16(f.Type))
			dst = binary.BigEndian.AppendUint16(dst, f.Length)
		}
	} else {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(t.Fields)))
	}
	for _, f := range t.Fields {
		dst = binary.BigEndian.AppendUint16(dst, uint16(f.Type))
		dst = binary.BigEndian.AppendUint16(dst, f.Length)
	}
	return dst
}
