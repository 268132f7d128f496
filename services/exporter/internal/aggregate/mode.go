// Package aggregate merges flows that agree in a few fields, as the aggregation modes of NetStream say (spec section 3.5). It
// reads no clock: what ends when is a function of the flows and of the exporter's clock.
//
//	flows of a message, clock -> Cache (a table for each mode) -> aggregates that ended
package aggregate

import (
	"slices"

	"netstream/schemas/wire/nsv8"
)

// Mode is a way to aggregate.
type Mode uint8

// The modes of NetStream.
const (
	AS Mode = iota
	ASTOS
	ProtocolPort
	ProtocolPortTOS
	SourcePrefix
	SourcePrefixTOS
	DestinationPrefix
	DestinationPrefixTOS
	Prefix
	PrefixTOS
	BGPNextHopTOS
	IndexTOS
	SourceIndexTOS
	VLANID
	Modes // how many there are
)

// Field is a field of the keys.
type Field uint8

// Fields of keys.
const (
	SrcAS Field = iota
	DstAS
	SrcMask
	DstMask
	SrcPrefix
	DstPrefix
	Protocol
	SrcPort
	DstPort
	TOS
	Input
	Output
	BGPNextHop // of the destination
	VLAN
)

// definition of a mode.
type definition struct {
	name     string
	fields   []Field     // in the order of the templates
	scheme   nsv8.Scheme // 0: version 8 has none
	template uint16      // of version 9 and IPFIX, for IPv4
	ipv4     bool        // there is no form for IPv6
}

// modes are the table of spec section 3.5. The ids of bgp-nexthop-tos and vlan-id are those of the golden datagrams.
var modes = [Modes]definition{
	AS:                   {"as", []Field{SrcAS, DstAS, Input, Output}, nsv8.AS, 274, false},
	ASTOS:                {"as-tos", []Field{SrcAS, DstAS, Input, Output, TOS}, nsv8.ASTOS, 275, false},
	ProtocolPort:         {"protocol-port", []Field{Protocol, SrcPort, DstPort}, nsv8.ProtocolPort, 276, false},
	ProtocolPortTOS:      {"protocol-port-tos", []Field{Protocol, SrcPort, DstPort, TOS, Input, Output}, nsv8.ProtocolPortTOS, 277, false},
	SourcePrefix:         {"source-prefix", []Field{SrcAS, SrcMask, SrcPrefix, Input}, nsv8.SourcePrefix, 278, false},
	SourcePrefixTOS:      {"source-prefix-tos", []Field{SrcAS, SrcMask, SrcPrefix, TOS, Input}, nsv8.SourcePrefixTOS, 279, false},
	DestinationPrefix:    {"destination-prefix", []Field{DstAS, DstMask, DstPrefix, Output}, nsv8.DestinationPrefix, 280, false},
	DestinationPrefixTOS: {"destination-prefix-tos", []Field{DstAS, DstMask, DstPrefix, TOS, Output}, nsv8.DestinationPrefixTOS, 281, false},
	Prefix:               {"prefix", []Field{SrcAS, DstAS, SrcMask, DstMask, SrcPrefix, DstPrefix, Input, Output}, nsv8.Prefix, 282, false},
	PrefixTOS:            {"prefix-tos", []Field{SrcAS, DstAS, SrcMask, DstMask, SrcPrefix, DstPrefix, TOS, Input, Output}, nsv8.PrefixTOS, 283, false},
	BGPNextHopTOS:        {"bgp-nexthop-tos", []Field{BGPNextHop, SrcAS, DstAS, Input, Output, TOS}, 0, 270, false},
	IndexTOS:             {"index-tos", []Field{Input, Output, TOS}, 0, 272, false},
	SourceIndexTOS:       {"source-index-tos", []Field{Input, TOS, BGPNextHop}, 0, 273, true},
	VLANID:               {"vlan-id", []Field{VLAN, Input}, 0, 271, true},
}

// ForIPv6 is what is added to the id of a mode's template for that of IPv6 flows.
const ForIPv6 = int(Modes)

// Names lists the modes by name.
func Names() (names []string) {
	for _, m := range modes {
		names = append(names, m.name)
	}
	return names
}

// Parse finds a mode by its name.
func Parse(name string) (Mode, bool) {
	i := slices.IndexFunc(modes[:], func(d definition) bool { return d.name == name })
	return Mode(i), i >= 0
}

func (m Mode) String() string { return modes[m].name }

// Fields of the mode's keys in the order of its templates.
func (m Mode) Fields() []Field { return modes[m].fields }

// Has tells whether a field is in the mode's keys.
func (m Mode) Has(f Field) bool { return slices.Contains(modes[m].fields, f) }

// Scheme is that of version 8, 0 if it has none.
func (m Mode) Scheme() nsv8.Scheme { return modes[m].scheme }

// Template is the id of the mode's template for flows of an IP version.
func (m Mode) Template(version uint8) uint16 {
	if version == 6 {
		return modes[m].template + uint16(ForIPv6)
	}
	return modes[m].template
}

// HasIPv6 tells whether there is a form of the mode for IPv6 flows.
func (m Mode) HasIPv6() bool { return !modes[m].ipv4 }

// ofFrames tells whether the mode is of frames, whatever is in them: it has one form for all flows.
func (m Mode) ofFrames() bool { return m == VLANID }
