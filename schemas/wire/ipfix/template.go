package ipfix

import (
	"encoding/binary"
	"slices"

	"netstream/schemas/wire/nsv9"
)

// VarLen as the length of a field means that each record has the length before the value: one octet, or 255 and two more.
const VarLen = nsv9.VarLen

// enterpriseBit marks the type of a field whose enterprise number follows.
const enterpriseBit = 0x8000

// Field is a field of a template: an element and the number of bytes.
type Field struct {
	Type       nsv9.FieldType // below 32768
	Length     uint16
	Enterprise uint32 // 0 for the elements of IANA
}

// Template is the description of a record: a flow record, or with Scope above 0 a record of options, whose first fields say
// what the options are about. One without fields withdraws the template of its id (RFC 7011 section 8.1).
type Template struct {
	ID      uint16
	Options bool
	Scope   int // how many of the fields
	Fields  []Field
}

// Withdrawal reports whether the template takes one back: that of its id, or with the id of a template set all of its kind. Over
// UDP there are none; who meets one there passes over it.
func (t *Template) Withdrawal() bool { return len(t.Fields) == 0 }

// Validate checks what a template must keep to be usable, and returns a *TemplateError.
func (t *Template) Validate() error {
	fail := func(err error) error { return &TemplateError{ID: t.ID, Err: err} }
	least := 0
	for _, f := range t.Fields {
		if f.Length == VarLen {
			least++
		} else {
			least += int(f.Length)
		}
	}
	switch {
	case t.ID < MinDataID:
		return fail(ErrTemplateID)
	case len(t.Fields) == 0:
		return fail(ErrNoFields)
	case len(t.Fields) > MaxFields:
		return fail(ErrTooManyFields)
	case t.Options != (t.Scope > 0) || t.Scope > len(t.Fields):
		return fail(ErrScope)
	case least == 0:
		return fail(ErrZeroLength)
	}
	return nil
}

// Compile checks the template (see Validate) and makes the layout of its records. Fields of enterprises are opaque in it, and scope
// fields are like others: Index of the layout is that in Fields.
func (t *Template) Compile() (*nsv9.Layout, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	u := nsv9.Template{ID: t.ID, Options: t.Options, Fields: make([]nsv9.Field, len(t.Fields))}
	for i, f := range t.Fields {
		if u.Fields[i] = (nsv9.Field{Type: f.Type, Length: f.Length}); f.Enterprise != 0 {
			u.Fields[i].Type |= enterpriseBit
		}
	}
	return nsv9.Compile(&u)
}

// Equal reports whether both describe the same records under the same id: a refresh, not a change.
func (t *Template) Equal(u *Template) bool {
	return t.ID == u.ID && t.Options == u.Options && t.Scope == u.Scope && slices.Equal(t.Fields, u.Fields)
}

// Clone is a copy that shares nothing.
func (t *Template) Clone() Template {
	c := *t
	c.Fields = slices.Clone(t.Fields)
	return c
}

// Len is the number of bytes of the template on the wire.
func (t *Template) Len() int {
	n := 4 + 4*len(t.Fields)
	if t.Options && !t.Withdrawal() {
		n += 2
	}
	for _, f := range t.Fields {
		if f.Enterprise != 0 {
			n += 4
		}
	}
	return n
}

// Append appends the template record, as it stands in a template set. It does not check the template.
func (t *Template) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, t.ID)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(t.Fields)))
	if t.Options && !t.Withdrawal() {
		dst = binary.BigEndian.AppendUint16(dst, uint16(t.Scope))
	}
	for _, f := range t.Fields {
		if f.Enterprise == 0 {
			dst = binary.BigEndian.AppendUint16(dst, uint16(f.Type))
			dst = binary.BigEndian.AppendUint16(dst, f.Length)
			continue
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(f.Type)|enterpriseBit)
		dst = binary.BigEndian.AppendUint16(dst, f.Length)
		dst = binary.BigEndian.AppendUint32(dst, f.Enterprise)
	}
	return dst
}
