package nsv8

import "errors"

// Verdicts on datagrams that are dropped whole. They carry no details, so a flood of broken datagrams costs no allocation; the
// caller knows the exporter and counts by error.
var (
	// ErrHeader: fewer than 28 bytes.
	ErrHeader = errors.New("nsv8: datagram is shorter than the 28-byte header")
	// ErrVersion: the first 16 bits are not 8.
	ErrVersion = errors.New("nsv8: version is not 8")
	// ErrScheme: the aggregation scheme is not 1 to 14, in a header that is read or to be written.
	ErrScheme = errors.New("nsv8: aggregation scheme is not 1 to 14")
	// ErrAggVersion: the version of the scheme is neither 2 nor 0, which stands for 2.
	ErrAggVersion = errors.New("nsv8: aggregation version is not 2")
	// ErrCount: more records than the scheme allows, announced by a header or handed to AppendDatagram.
	ErrCount = errors.New("nsv8: more records than a datagram of the scheme has")
	// ErrCut: the header announces more records than the datagram has bytes for.
	ErrCut = errors.New("nsv8: datagram is shorter than its record count")
)
