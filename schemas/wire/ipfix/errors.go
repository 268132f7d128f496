package ipfix

import (
	"errors"
	"fmt"
)

// Verdicts on a whole message.
var (
	// ErrHeader: fewer than 16 bytes. The message is dropped.
	ErrHeader = errors.New("ipfix: message is shorter than the 16-byte header")
	// ErrVersion: the first 16 bits are not 10. The message is dropped.
	ErrVersion = errors.New("ipfix: version is not 10")
	// ErrLength: the length in the header is not that of the datagram. The message is dropped.
	ErrLength = errors.New("ipfix: length in the header is not that of the message")
	// ErrSetLength: a set claims fewer than 4 bytes or more than there are. Reading stops; sets before it are good.
	ErrSetLength = errors.New("ipfix: set length is below 4 or past the end of the message")
)

// Verdicts on a template. The template and the rest of its set are refused; an older definition stays valid.
var (
	// ErrTemplateCut: the announced fields, or an enterprise number, reach past the set.
	ErrTemplateCut = errors.New("field list reaches past the set")
	// ErrTemplateID: the id is below 256, in a template that isn't a withdrawal of all.
	ErrTemplateID = errors.New("template id is below 256")
	// ErrNoFields: a template to be written has no fields.
	ErrNoFields = errors.New("template has no fields")
	// ErrZeroLength: records of no bytes, with which a set would hold endlessly many.
	ErrZeroLength = errors.New("records of the template have no bytes")
	// ErrTooManyFields: more than MaxFields.
	ErrTooManyFields = errors.New("template has more than 1024 fields")
	// ErrScope: an options template with no scope field, or more of them than fields.
	ErrScope = errors.New("scope field count must be 1 to the field count")
	// ErrMixed: templates of flows and of options handed to one set of the Encoder.
	ErrMixed = errors.New("one set holds templates of flows or of options, not both")
)

// Errors of the Encoder. Each leaves the message as it was.
var (
	// ErrNoRoom: the message has no room for this; finish it and go on in the next one.
	ErrNoRoom = errors.New("ipfix: no room left in the message")
	// ErrLimit: a size limit for a message that no message can keep.
	ErrLimit = errors.New("ipfix: limit of a message must be 24 to 65535 bytes")
)

// TemplateError says which template was refused, wrapping one of the verdicts above.
type TemplateError struct {
	ID  uint16
	Err error
}

func (e *TemplateError) Error() string { return fmt.Sprintf("ipfix: template %d: %v", e.ID, e.Err) }

func (e *TemplateError) Unwrap() error { return e.Err }
