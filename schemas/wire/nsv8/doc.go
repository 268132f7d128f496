// Package nsv8 encodes and decodes NetStream (NetFlow) version 8 datagrams: IPv4 flows that were aggregated by one of fourteen
// schemes, in fixed records of 28 to 44 bytes behind a 28-byte header. FORMAT.md beside this file has the byte tables.
//
// The package keeps no state. Sequence numbers and the boot time of the exporter belong to the caller; AS numbers and interface
// indexes are narrowed as in version 5 (nsv5.AS16, nsv5.IfIndex16).
package nsv8

// Sizes of the format in bytes.
const (
	Version   = 8
	HeaderLen = 28
	// MaxLen is the largest datagram, that of schemes 1 and 2; it fits an unfragmented UDP packet over Ethernet (1472 bytes of
	// payload).
	MaxLen = HeaderLen + 51*28
)

// aggVersion is what headers say; some write 0.
const aggVersion = 2
