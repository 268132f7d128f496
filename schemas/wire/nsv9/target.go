package nsv9

import "encoding/binary"

// target is a place in a Record that a field goes to.
type target uint8

const (
	_ target = iota // 0 is no place

	// Targets of 4 and 16 bytes, no numbers.
	toSrcAddr4
	toDstAddr4
	toNextHop4
	toBGPNextHop4
	toSrcAddr6
	toDstAddr6
	toNextHop6
	toBGPNextHop6
	// Targets of 6 bytes.
	toSrcMAC
	toDstMAC

	// Targets of numbers, 1 to 8 bytes.
	toPackets
	toBytes
	toFlows
	toFirstMillis
	toLastMillis
	toFirstUptime
	toLastUptime
	toInIf
	toOutIf
	toSrcAS
	toDstAS
	toInVRF
	toOutVRF
	toFlowLabel
	toMPLSLabel1
	toMPLSLabel2
	toMPLSLabel3
	toSamplerID
	toSamplingInterval
	toSamplerInterval
	toSrcPort
	toDstPort
	toICMPTypeCode
	toVLAN
	toPostVLAN
	toEtherType
	toIPVersion
	toProtocol
	toTOS
	toTCPFlags
	toSrcMask
	toDstMask
	toDirection
	toForwardingStatus
	toFlowEndReason
)

// source is a field type that can fill a target.
type source struct {
	field  FieldType
	to     target
	has    Has
	family uint8 // 4 or 6 when the field is of one IP version, else 0
}

// sources in order of preference: of several for one bit of Has the first that the template has is used, those of the
// IP version of the flow before others. Fields of a packet as it came in stand before those as it went out.
var sources = [...]source{
	{IPv6SrcAddr, toSrcAddr6, HasSrcAddr, 6},
	{IPv4SrcAddr, toSrcAddr4, HasSrcAddr, 4},
	{SrcIPv6Prefix, toSrcAddr6, HasSrcAddr, 6},
	{IPv4SrcPrefix, toSrcAddr4, HasSrcAddr, 4},
	{IPv6DstAddr, toDstAddr6, HasDstAddr, 6},
	{IPv4DstAddr, toDstAddr4, HasDstAddr, 4},
	{DstIPv6Prefix, toDstAddr6, HasDstAddr, 6},
	{IPv4DstPrefix, toDstAddr4, HasDstAddr, 4},
	{IPv6NextHop, toNextHop6, HasNextHop, 6},
	{IPv4NextHop, toNextHop4, HasNextHop, 4},
	{BGPIPv6NextHop, toBGPNextHop6, HasBGPNextHop, 6},
	{BGPIPv4NextHop, toBGPNextHop4, HasBGPNextHop, 4},
	{InPkts, toPackets, HasPackets, 0},
	{OutPkts, toPackets, HasPackets, 0},
	{InBytes, toBytes, HasBytes, 0},
	{OutBytes, toBytes, HasBytes, 0},
	{Flows, toFlows, HasFlows, 0},
	{FlowStartMilliseconds, toFirstMillis, HasFirstMillis, 0},
	{FlowEndMilliseconds, toLastMillis, HasLastMillis, 0},
	{FirstSwitched, toFirstUptime, HasFirstUptime, 0},
	{LastSwitched, toLastUptime, HasLastUptime, 0},
	{InputSNMP, toInIf, HasInIf, 0},
	{OutputSNMP, toOutIf, HasOutIf, 0},
	{SrcAS, toSrcAS, HasSrcAS, 0},
	{DstAS, toDstAS, HasDstAS, 0},
	{IngressVRFID, toInVRF, HasInVRF, 0},
	{EgressVRFID, toOutVRF, HasOutVRF, 0},
	{IPv6FlowLabel, toFlowLabel, HasFlowLabel, 0},
	{MPLSLabel1, toMPLSLabel1, HasMPLSLabel1, 0},
	{MPLSLabel2, toMPLSLabel2, HasMPLSLabel2, 0},
	{MPLSLabel3, toMPLSLabel3, HasMPLSLabel3, 0},
	{FlowSamplerID, toSamplerID, HasSamplerID, 0},
	{SelectorID, toSamplerID, HasSamplerID, 0},
	{SamplingInterval, toSamplingInterval, HasSamplingInterval, 0},
	{FlowSamplerRandomInterval, toSamplerInterval, HasSamplingInterval, 0}, // beside the other, not instead of it
	{L4SrcPort, toSrcPort, HasSrcPort, 0},
	{L4DstPort, toDstPort, HasDstPort, 0},
	{ICMPType, toICMPTypeCode, HasICMPTypeCode, 0},
	{ICMPTypeCodeIPv6, toICMPTypeCode, HasICMPTypeCode, 0},
	{SrcVLAN, toVLAN, HasVLAN, 0},
	{Dot1qVLANID, toVLAN, HasVLAN, 0},
	{DstVLAN, toPostVLAN, HasPostVLAN, 0},
	{PostDot1qVLANID, toPostVLAN, HasPostVLAN, 0},
	{EthernetType, toEtherType, HasEtherType, 0},
	{InSrcMAC, toSrcMAC, HasSrcMAC, 0},
	{OutSrcMAC, toSrcMAC, HasSrcMAC, 0},
	{InDstMAC, toDstMAC, HasDstMAC, 0},
	{OutDstMAC, toDstMAC, HasDstMAC, 0},
	{IPProtocolVersion, toIPVersion, HasIPVersion, 0},
	{Protocol, toProtocol, HasProtocol, 0},
	{SrcTOS, toTOS, HasTOS, 0},
	{TCPFlags, toTCPFlags, HasTCPFlags, 0},
	{SrcMask, toSrcMask, HasSrcMask, 4},
	{IPv6SrcMask, toSrcMask, HasSrcMask, 6},
	{DstMask, toDstMask, HasDstMask, 4},
	{IPv6DstMask, toDstMask, HasDstMask, 6},
	{Direction, toDirection, HasDirection, 0},
	{ForwardingStatus, toForwardingStatus, HasForwardingStatus, 0},
	{FlowEndReason, toFlowEndReason, HasFlowEndReason, 0},
}

// fits reports whether a field of that length can go to the target.
func (to target) fits(length uint16) bool {
	switch {
	case to <= toBGPNextHop4:
		return length == 4
	case to <= toBGPNextHop6:
		return length == 16
	case to <= toDstMAC:
		return length == 6
	}
	return length >= 1 && length <= 8
}

// apply runs the steps on a record, or on what follows its fields of variable length. Numbers wider than their place lose
// their upper bytes, as flags of two bytes should.
func apply(steps []step, r *Record, rec []byte) {
	for i := range steps {
		s := &steps[i]
		// One load and a mask reads a number of any width. Only fields at the very start lack the eight bytes for it.
		var v uint64
		if s.end >= 8 {
			v = binary.BigEndian.Uint64(rec[s.end-8:]) & s.mask
		} else {
			v, _ = Uint(rec[s.off:s.end])
		}
		switch s.to {
		case toSrcAddr4:
			r.SrcAddr = MappedV4(uint32(v))
		case toDstAddr4:
			r.DstAddr = MappedV4(uint32(v))
		case toNextHop4:
			r.NextHop = MappedV4(uint32(v))
		case toBGPNextHop4:
			r.BGPNextHop = MappedV4(uint32(v))
		case toSrcAddr6:
			r.SrcAddr = [16]byte(rec[s.off:])
		case toDstAddr6:
			r.DstAddr = [16]byte(rec[s.off:])
		case toNextHop6:
			r.NextHop = [16]byte(rec[s.off:])
		case toBGPNextHop6:
			r.BGPNextHop = [16]byte(rec[s.off:])
		case toSrcMAC:
			r.SrcMAC = [6]byte(rec[s.off:])
		case toDstMAC:
			r.DstMAC = [6]byte(rec[s.off:])
		case toPackets:
			r.Packets = v
		case toBytes:
			r.Bytes = v
		case toFlows:
			r.Flows = v
		case toFirstMillis:
			r.FirstMillis = int64(v)
		case toLastMillis:
			r.LastMillis = int64(v)
		case toFirstUptime:
			r.FirstUptime = uint32(v)
		case toLastUptime:
			r.LastUptime = uint32(v)
		case toInIf:
			r.InIf = uint32(v)
		case toOutIf:
			r.OutIf = uint32(v)
		case toSrcAS:
			r.SrcAS = uint32(v)
		case toDstAS:
			r.DstAS = uint32(v)
		case toInVRF:
			r.InVRF = uint32(v)
		case toOutVRF:
			r.OutVRF = uint32(v)
		case toFlowLabel:
			r.FlowLabel = uint32(v) & 0xfffff
		case toMPLSLabel1:
			r.MPLSLabels[0] = uint32(v)
		case toMPLSLabel2:
			r.MPLSLabels[1] = uint32(v)
		case toMPLSLabel3:
			r.MPLSLabels[2] = uint32(v)
		case toSamplerID:
			r.SamplerID = v
		case toSamplingInterval:
			if n := uint32(v); n != 0 { // 0 is not told
				r.SamplingInterval = n
			}
		case toSamplerInterval:
			if r.SamplingInterval == 0 {
				r.SamplingInterval = uint32(v)
			}
		case toSrcPort:
			r.SrcPort = uint16(v)
		case toDstPort:
			r.DstPort = uint16(v)
		case toICMPTypeCode:
			r.ICMPTypeCode = uint16(v)
		case toVLAN:
			r.VLAN = uint16(v)
		case toPostVLAN:
			r.PostVLAN = uint16(v)
		case toEtherType:
			r.EtherType = uint16(v)
		case toIPVersion:
			r.IPVersion = uint8(v)
		case toProtocol:
			r.Protocol = uint8(v)
		case toTOS:
			r.TOS = uint8(v)
		case toTCPFlags:
			r.TCPFlags = uint8(v)
		case toSrcMask:
			r.SrcMask = uint8(v)
		case toDstMask:
			r.DstMask = uint8(v)
		case toDirection:
			r.Direction = uint8(v)
		case toForwardingStatus:
			r.ForwardingStatus = uint8(v)
		case toFlowEndReason:
			r.FlowEndReason = uint8(v)
		}
	}
}
