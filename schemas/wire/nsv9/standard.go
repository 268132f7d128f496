package nsv9

import "encoding/binary"

// The templates of our exporter: ids and bytes of a record.
const (
	IPv4TemplateID = 256
	IPv4RecordLen  = 60

	IPv6TemplateID = 257
	IPv6RecordLen  = 109

	SamplerTemplateID = 260
	SamplerRecordLen  = 26
	samplerNameLen    = 16

	InterfaceTemplateID = 261
	InterfaceRecordLen  = 44
	interfaceNameLen    = 16
	interfaceDescLen    = 24

	SamplingTemplateID = 266
	SamplingRecordLen  = 9

	VRFTemplateID = 267
	VRFRecordLen  = 40
	vrfNameLen    = 32

	StatisticsTemplateID = 268
	StatisticsRecordLen  = 28
)

// IPv4Template is the template of PutIPv4.
func IPv4Template() Template {
	return Template{ID: IPv4TemplateID, Fields: []Field{
		{InBytes, 4}, {InPkts, 4}, {IPv4SrcAddr, 4}, {IPv4DstAddr, 4}, {IPv4NextHop, 4}, {BGPIPv4NextHop, 4},
		{InputSNMP, 4}, {OutputSNMP, 4}, {FirstSwitched, 4}, {LastSwitched, 4}, {SrcAS, 4}, {DstAS, 4},
		{L4SrcPort, 2}, {L4DstPort, 2}, {Protocol, 1}, {SrcTOS, 1}, {TCPFlags, 1}, {SrcMask, 1}, {DstMask, 1},
		{Direction, 1}, {ForwardingStatus, 1}, {FlowSamplerID, 1},
	}}
}

// PutIPv4 writes a record of IPv4Template. Counters above 32 bits are written as 4294967295: split such a flow before.
// Of Has nothing is looked at; what a record lacks is zero.
func PutIPv4(b *[IPv4RecordLen]byte, r *Record) {
	binary.BigEndian.PutUint32(b[0:], saturate32(r.Bytes))
	binary.BigEndian.PutUint32(b[4:], saturate32(r.Packets))
	copy(b[8:12], r.SrcAddr[12:])
	copy(b[12:16], r.DstAddr[12:])
	copy(b[16:20], r.NextHop[12:])
	copy(b[20:24], r.BGPNextHop[12:])
	binary.BigEndian.PutUint32(b[24:], r.InIf)
	binary.BigEndian.PutUint32(b[28:], r.OutIf)
	binary.BigEndian.PutUint32(b[32:], r.FirstUptime)
	binary.BigEndian.PutUint32(b[36:], r.LastUptime)
	binary.BigEndian.PutUint32(b[40:], r.SrcAS)
	binary.BigEndian.PutUint32(b[44:], r.DstAS)
	binary.BigEndian.PutUint16(b[48:], r.SrcPort)
	binary.BigEndian.PutUint16(b[50:], r.DstPort)
	b[52] = r.Protocol
	b[53] = r.TOS
	b[54] = r.TCPFlags
	b[55] = r.SrcMask
	b[56] = r.DstMask
	b[57] = r.Direction
	b[58] = r.ForwardingStatus
	b[59] = uint8(r.SamplerID)
}

// IPv6Template is the template of PutIPv6.
func IPv6Template() Template {
	return Template{ID: IPv6TemplateID, Fields: []Field{
		{IPv6SrcAddr, 16}, {IPv6DstAddr, 16}, {IPv6NextHop, 16}, {BGPIPv6NextHop, 16}, {InBytes, 8}, {InPkts, 8},
		{InputSNMP, 4}, {OutputSNMP, 4}, {FirstSwitched, 4}, {LastSwitched, 4}, {IPv6FlowLabel, 3},
		{L4SrcPort, 2}, {L4DstPort, 2}, {Protocol, 1}, {SrcTOS, 1}, {TCPFlags, 1}, {IPv6SrcMask, 1}, {IPv6DstMask, 1},
		{Direction, 1},
	}}
}

// PutIPv6 writes a record of IPv6Template. Of Has nothing is looked at; what a record lacks is zero.
func PutIPv6(b *[IPv6RecordLen]byte, r *Record) {
	copy(b[0:16], r.SrcAddr[:])
	copy(b[16:32], r.DstAddr[:])
	copy(b[32:48], r.NextHop[:])
	copy(b[48:64], r.BGPNextHop[:])
	binary.BigEndian.PutUint64(b[64:], r.Bytes)
	binary.BigEndian.PutUint64(b[72:], r.Packets)
	binary.BigEndian.PutUint32(b[80:], r.InIf)
	binary.BigEndian.PutUint32(b[84:], r.OutIf)
	binary.BigEndian.PutUint32(b[88:], r.FirstUptime)
	binary.BigEndian.PutUint32(b[92:], r.LastUptime)
	b[96] = byte(r.FlowLabel>>16) & 0x0f
	b[97] = byte(r.FlowLabel >> 8)
	b[98] = byte(r.FlowLabel)
	binary.BigEndian.PutUint16(b[99:], r.SrcPort)
	binary.BigEndian.PutUint16(b[101:], r.DstPort)
	b[103] = r.Protocol
	b[104] = r.TOS
	b[105] = r.TCPFlags
	b[106] = r.SrcMask
	b[107] = r.DstMask
	b[108] = r.Direction
}

func saturate32(v uint64) uint32 { return uint32(min(v, 0xffffffff)) }
