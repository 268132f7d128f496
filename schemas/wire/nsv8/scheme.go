package nsv8

// Scheme is what flows were aggregated by, and with that how records look.
type Scheme uint8

// Schemes. Those of Catalyst switches have no count of flows; no NetStream mode has them.
const (
	AS                   Scheme = 1
	ProtocolPort         Scheme = 2
	SourcePrefix         Scheme = 3
	DestinationPrefix    Scheme = 4
	Prefix               Scheme = 5
	DestinationOnly      Scheme = 6 // Catalyst
	SourceDestination    Scheme = 7 // Catalyst
	FullFlow             Scheme = 8 // Catalyst
	ASTOS                Scheme = 9
	ProtocolPortTOS      Scheme = 10
	SourcePrefixTOS      Scheme = 11
	DestinationPrefixTOS Scheme = 12
	PrefixTOS            Scheme = 13
	PrefixPort           Scheme = 14
)

// scheme says how a scheme's records look. Bytes that no field has are padding.
type scheme struct {
	name   string
	length int // of a record
	most   int // records in a datagram
	fields []field
}

// field is a number in a record.
type field struct {
	at, length int
	get        func(*Record) uint32
	set        func(*Record, uint32)
}

// counters stand at the start of the records of all schemes but those of Catalyst switches.
var counters = []field{at(0, flows), at(4, packets), at(8, octets), at(12, first), at(16, last)}

func with(fields ...field) []field { return append(counters[:len(counters):len(counters)], fields...) }

// schemes by number (spec section 3.3).
var schemes = [...]scheme{
	AS:                   {"as", 28, 51, with(at(20, srcAS), at(22, dstAS), at(24, input), at(26, output))},
	ProtocolPort:         {"protocol-port", 28, 51, with(at(20, protocol), at(24, srcPort), at(26, dstPort))},
	SourcePrefix:         {"source-prefix", 32, 44, with(at(20, src), at(24, srcMask), at(26, srcAS), at(28, input))},
	DestinationPrefix:    {"destination-prefix", 32, 44, with(at(20, dst), at(24, dstMask), at(26, dstAS), at(28, output))},
	Prefix:               {"prefix", 40, 35, with(at(20, src), at(24, dst), at(28, dstMask), at(29, srcMask), at(32, srcAS), at(34, dstAS), at(36, input), at(38, output))},
	DestinationOnly:      {"destination-only", 32, 44, []field{at(0, dst), at(4, packets), at(8, octets), at(12, first), at(16, last), at(20, output), at(22, tos), at(23, markedTOS), at(24, extraPackets), at(28, router)}},
	SourceDestination:    {"source-destination", 40, 35, []field{at(0, dst), at(4, src), at(8, packets), at(12, octets), at(16, first), at(20, last), at(24, output), at(26, input), at(28, tos), at(29, markedTOS), at(32, extraPackets), at(36, router)}},
	FullFlow:             {"full-flow", 44, 32, []field{at(0, dst), at(4, src), at(8, dstPort), at(10, srcPort), at(12, packets), at(16, octets), at(20, first), at(24, last), at(28, output), at(30, input), at(32, tos), at(33, protocol), at(34, markedTOS), at(36, extraPackets), at(40, router)}},
	ASTOS:                {"as-tos", 32, 44, with(at(20, srcAS), at(22, dstAS), at(24, input), at(26, output), at(28, tos))},
	ProtocolPortTOS:      {"protocol-port-tos", 32, 44, with(at(20, protocol), at(21, tos), at(24, srcPort), at(26, dstPort), at(28, input), at(30, output))},
	SourcePrefixTOS:      {"source-prefix-tos", 32, 44, with(at(20, src), at(24, srcMask), at(25, tos), at(26, srcAS), at(28, input))},
	DestinationPrefixTOS: {"destination-prefix-tos", 32, 44, with(at(20, dst), at(24, dstMask), at(25, tos), at(26, dstAS), at(28, output))},
	PrefixTOS:            {"prefix-tos", 40, 35, with(at(20, src), at(24, dst), at(28, dstMask), at(29, srcMask), at(30, tos), at(32, srcAS), at(34, dstAS), at(36, input), at(38, output))},
	PrefixPort:           {"prefix-port", 40, 35, with(at(20, src), at(24, dst), at(28, dstMask), at(29, srcMask), at(30, tos), at(31, protocol), at(32, srcPort), at(34, dstPort), at(36, input), at(38, output))},
}

// Valid tells whether there is such a scheme.
func (s Scheme) Valid() bool { return s > 0 && int(s) < len(schemes) }

// String is the name of the scheme, that of the NetStream mode where there is one.
func (s Scheme) String() string {
	if !s.Valid() {
		return "unknown"
	}
	return schemes[s].name
}

// RecordLen is the size of a record in bytes; 0 of a scheme that isn't valid.
func (s Scheme) RecordLen() int {
	if !s.Valid() {
		return 0
	}
	return schemes[s].length
}

// MaxRecords is how many records a datagram has at the most; 0 of a scheme that isn't valid.
func (s Scheme) MaxRecords() int {
	if !s.Valid() {
		return 0
	}
	return schemes[s].most
}
