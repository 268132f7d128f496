// Package nsv5 encodes and decodes NetStream (NetFlow) version 5 datagrams: original IPv4 flows in fixed 48-byte
// records, at most 30 of them behind a 24-byte header. FORMAT.md beside this file has the byte table.
//
// The package keeps no state. Sequence numbers, the boot time of the exporter and what a sampling rate means for
// counters belong to the caller; the small rules of the format (absolute times, 16-bit AS numbers and interface
// indexes, the sampling word) are functions here so that every stage applies them alike.
package nsv5

// Sizes of the format in bytes and records.
const (
	Version    = 5
	HeaderLen  = 24
	RecordLen  = 48
	MaxRecords = 30
	// MaxLen is a full datagram; it fits an unfragmented UDP packet over Ethernet (1472 bytes of payload).
	MaxLen = HeaderLen + MaxRecords*RecordLen
)
