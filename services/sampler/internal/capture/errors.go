package capture

import (
	"errors"
	"fmt"
	"strings"
)

// Reasons why a capture can't be read, or not to its end. They come wrapped in an *Error; use errors.Is.
var (
	// ErrNotCapture is met by Open: the bytes are neither pcap nor pcapng (an empty file, another format, text).
	ErrNotCapture = errors.New("not a pcap or pcapng capture")
	// ErrTruncated is met where the input ends within a record or block. Everything before it was delivered.
	ErrTruncated = errors.New("capture is cut short")
	// ErrVersion is met where a file or section has a version of the format that this reader doesn't know.
	ErrVersion = errors.New("unsupported version of the capture format")
	// ErrBroken is met where a header, record or block contradicts itself or the format, or where the
	// compressed stream around it is damaged. Nothing behind it can be trusted.
	ErrBroken = errors.New("capture is damaged")
	// ErrLinkType is met by Open: no packet of the file can be opened, its link type isn't supported.
	ErrLinkType = errors.New("unsupported link type")
)

// Error says where a capture can't be read and why.
type Error struct {
	File   string // as given to Open
	Offset int64  // of the record or block at fault, in bytes of the uncompressed stream
	Reason error  // one of the sentinels of this package
	Detail string // what was found and what was expected; may be empty
	Have   int64  // ErrTruncated: bytes of the cut record that are there
	Want   int64  // ErrTruncated: bytes the record needs, as far as they tell; 0 when the header itself is cut or unknown
	Cause  error  // error of the decompressor, if it was the one to complain
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: byte %d: %v", e.File, e.Offset, e.Reason)
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	return b.String()
}

// Unwrap gives errors.Is the reason and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Cause}
}
