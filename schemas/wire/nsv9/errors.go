package nsv9

import (
	"errors"
	"fmt"
)

// Verdicts on a whole datagram.
var (
	// ErrHeader: fewer than 20 bytes. The datagram is dropped.
	ErrHeader = errors.New("nsv9: datagram is shorter than the 20-byte header")
	// ErrVersion: the first 16 bits are not 9. The datagram is dropped.
	ErrVersion = errors.New("nsv9: version is not 9")
	// ErrSetLength: a flowset claims fewer than 4 bytes or more than there are. Reading stops; sets before it are good.
	ErrSetLength = errors.New("nsv9: flowset length is below 4 or past the end of the datagram")
)

// Verdicts on a template. The template and the rest of its flowset are refused; an older definition stays valid.
var (
	// ErrTemplateCut: the announced fields reach past the flowset.
	ErrTemplateCut = errors.New("field list reaches past the flowset")
	// ErrTemplateID: the id is below 256.
	ErrTemplateID = errors.New("template id is below 256")
	// ErrNoFields: no field at all. Version 9 has no withdrawal of templates.
	ErrNoFields = errors.New("template has no fields")
	// ErrZeroLength: records of no bytes, with which a flowset would hold endlessly many.
	ErrZeroLength = errors.New("records of the template have no bytes")
	// ErrTooManyFields: more than MaxFields.
	ErrTooManyFields = errors.New("template has more than 1024 fields")
	// ErrOptionsLength: a length of an options template is not a multiple of 4.
	ErrOptionsLength = errors.New("scope or option length is not a multiple of 4")
	// ErrScope: scope fields in a template that is not an options template.
	ErrScope = errors.New("scope fields need an options template")
	// ErrMixed: templates of flows and of options handed to one flowset of the Encoder.
	ErrMixed = errors.New("one flowset holds templates of flows or of options, not both")
)

// ErrRecordCut is the verdict on a data flowset whose variable-length field reaches past its end. Records before it
// are good, the rest of the flowset is dropped.
var ErrRecordCut = errors.New("nsv9: variable-length field reaches past the flowset")

// Errors of the Encoder. Each leaves the datagram as it was.
var (
	// ErrNoRoom: the datagram has no room for this; finish it and go on in the next one.
	ErrNoRoom = errors.New("nsv9: no room left in the datagram")
	// ErrLimit: a size limit for a datagram that no datagram can keep.
	ErrLimit = errors.New("nsv9: limit of a datagram must be 28 to 65507 bytes")
)

// TemplateError says which template was refused, wrapping one of the verdicts above.
type TemplateError struct {
	ID  uint16
	Err error
}

func (e *TemplateError) Error() string { return fmt.Sprintf("nsv9: template %d: %v", e.ID, e.Err) }

func (e *TemplateError) Unwrap() error { return e.Err }
