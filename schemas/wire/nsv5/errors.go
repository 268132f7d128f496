package nsv5

import "errors"

// Verdicts on datagrams that are dropped whole. They carry no details, so a flood of broken datagrams costs no
// allocation; the caller knows the exporter and counts by error.
var (
	// ErrHeader: fewer than 24 bytes.
	ErrHeader = errors.New("nsv5: datagram is shorter than the 24-byte header")
	// ErrVersion: the first 16 bits are not 5. sFlow version 5 starts with a 32-bit 5 and is refused here too.
	ErrVersion = errors.New("nsv5: version is not 5")
	// ErrCount: more than 30 records, announced by a header or handed to AppendDatagram.
	ErrCount = errors.New("nsv5: more than 30 records")
	// ErrCut: the header announces more records than the datagram has bytes for.
	ErrCut = errors.New("nsv5: datagram is shorter than its record count")
)
