package nsv9

// Record is a flow as most templates describe it. It holds no pointers. Has tells which fields the exporter sent; the
// others are zero.
type Record struct {
	Has Has

	// Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d.
	SrcAddr, DstAddr    [16]byte
	NextHop, BGPNextHop [16]byte

	Packets, Bytes uint64 // as sampled, not scaled
	Flows          uint64 // flows merged into an aggregated one

	FirstMillis, LastMillis int64  // absolute times, ms since 1970
	FirstUptime, LastUptime uint32 // SysUptime of the first and the last packet, ms; see Header.Times

	InIf, OutIf   uint32 // ifIndex
	SrcAS, DstAS  uint32
	InVRF, OutVRF uint32
	FlowLabel     uint32 // 20 bits
	// MPLSLabels are the outer three, top first: 20-bit label, 3-bit EXP, bottom bit, as on the wire.
	MPLSLabels [3]uint32

	SamplerID uint64
	// SamplingInterval is one packet in that many as the record tells it (types 34 and 50); 0 is not told.
	SamplingInterval uint32

	SrcPort, DstPort uint16
	ICMPTypeCode     uint16 // type*256 + code, where it has a field of its own
	VLAN, PostVLAN   uint16
	EtherType        uint16
	SrcMAC, DstMAC   [6]byte

	IPVersion        uint8 // 4 or 6, by the field or by the addresses
	Protocol         uint8
	TOS              uint8 // IPv6: traffic class
	TCPFlags         uint8 // OR of the flag octets
	SrcMask, DstMask uint8 // prefix lengths
	Direction        uint8 // 0 ingress, 1 egress
	ForwardingStatus uint8
	FlowEndReason    uint8 // IPFIX numbers: 1 idle, 2 active, 3 end detected, 4 forced, 5 lack of resources
}

// Has is a set of fields of a Record.
type Has uint64

// Members of Has.
const (
	HasSrcAddr Has = 1 << iota
	HasDstAddr
	HasNextHop
	HasBGPNextHop
	HasPackets
	HasBytes
	HasFlows
	HasFirstMillis
	HasLastMillis
	HasFirstUptime
	HasLastUptime
	HasInIf
	HasOutIf
	HasSrcAS
	HasDstAS
	HasInVRF
	HasOutVRF
	HasFlowLabel
	HasMPLSLabel1
	HasMPLSLabel2
	HasMPLSLabel3
	HasSamplerID
	HasSamplingInterval
	HasSrcPort
	HasDstPort
	HasICMPTypeCode
	HasVLAN
	HasPostVLAN
	HasEtherType
	HasSrcMAC
	HasDstMAC
	HasIPVersion
	HasProtocol
	HasTOS
	HasTCPFlags
	HasSrcMask
	HasDstMask
	HasDirection
	HasForwardingStatus
	HasFlowEndReason
)

// MappedV4 is an IPv4 address, a big-endian number, in the 16 bytes that Record uses.
func MappedV4(a uint32) [16]byte {
	return [16]byte{10: 0xff, 11: 0xff, 12: byte(a >> 24), 13: byte(a >> 16), 14: byte(a >> 8), 15: byte(a)}
}
