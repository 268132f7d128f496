package nsv9

import (
	"encoding/binary"
	"slices"
)

// target is a place in a Record that a field goes to.
type target uint8

const (
	toNothing target = iota

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

	// Targets of numbers of 1 to 8 bytes.
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
	field FieldType
	to    target
	has   Has
}

// sources in order of preference: of several for one bit of Has the first that the template has is used. Fields as seen
// by the sender of the packet come before those after it passed the router.
var sources = [...]source{
	{IPv6SrcAddr, toSrcAddr6, HasSrcAddr},
	{IPv4SrcAddr, toSrcAddr4, HasSrcAddr},
	{SrcIPv6Prefix, toSrcAddr6, HasSrcAddr},
	{IPv4SrcPrefix, toSrcAddr4, HasSrcAddr},
	{IPv6DstAddr, toDstAddr6, HasDstAddr},
	{IPv4DstAddr, toDstAddr4, HasDstAddr},
	{DstIPv6Prefix, toDstAddr6, HasDstAddr},
	{IPv4DstPrefix, toDstAddr4, HasDstAddr},
	{IPv6NextHop, toNextHop6, HasNextHop},
	{IPv4NextHop, toNextHop4, HasNextHop},
	{BGPIPv6NextHop, toBGPNextHop6, HasBGPNextHop},
	{BGPIPv4NextHop, toBGPNextHop4, HasBGPNextHop},
	{InPkts, toPackets, HasPackets},
	{OutPkts, toPackets, HasPackets},
	{InBytes, toBytes, HasBytes},
	{OutBytes, toBytes, HasBytes},
	{Flows, toFlows, HasFlows},
	{FlowStartMilliseconds, toFirstMillis, HasFirstMillis},
	{FlowEndMilliseconds, toLastMillis, HasLastMillis},
	{FirstSwitched, toFirstUptime, HasFirstUptime},
	{LastSwitched, toLastUptime, HasLastUptime},
	{InputSNMP, toInIf, HasInIf},
	{OutputSNMP, toOutIf, HasOutIf},
	{SrcAS, toSrcAS, HasSrcAS},
	{DstAS, toDstAS, HasDstAS},
	{IngressVRFID, toInVRF, HasInVRF},
	{EgressVRFID, toOutVRF, HasOutVRF},
	{IPv6FlowLabel, toFlowLabel, HasFlowLabel},
	{MPLSLabel1, toMPLSLabel1, HasMPLSLabel1},
	{MPLSLabel2, toMPLSLabel2, HasMPLSLabel2},
	{MPLSLabel3, toMPLSLabel3, HasMPLSLabel3},
	{FlowSamplerID, toSamplerID, HasSamplerID},
	{SelectorID, toSamplerID, HasSamplerID},
	{L4SrcPort, toSrcPort, HasSrcPort},
	{L4DstPort, toDstPort, HasDstPort},
	{ICMPType, toICMPTypeCode, HasICMPTypeCode},
	{ICMPTypeCodeIPv6, toICMPTypeCode, HasICMPTypeCode},
	{SrcVLAN, toVLAN, HasVLAN},
	{Dot1qVLANID, toVLAN, HasVLAN},
	{DstVLAN, toPostVLAN, HasPostVLAN},
	{PostDot1qVLANID, toPostVLAN, HasPostVLAN},
	{EthernetType, toEtherType, HasEtherType},
	{InSrcMAC, toSrcMAC, HasSrcMAC},
	{OutSrcMAC, toSrcMAC, HasSrcMAC},
	{InDstMAC, toDstMAC, HasDstMAC},
	{OutDstMAC, toDstMAC, HasDstMAC},
	{IPProtocolVersion, toIPVersion, HasIPVersion},
	{Protocol, toProtocol, HasProtocol},
	{SrcTOS, toTOS, HasTOS},
	{TCPFlags, toTCPFlags, HasTCPFlags},
	{SrcMask, toSrcMask, HasSrcMask},
	{IPv6SrcMask, toSrcMask, HasSrcMask},
	{DstMask, toDstMask, HasDstMask},
	{IPv6DstMask, toDstMask, HasDstMask},
	{Direction, toDirection, HasDirection},
	{ForwardingStatus, toForwardingStatus, HasForwardingStatus},
	{FlowEndReason, toFlowEndReason, HasFlowEndReason},
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

// fitting is the slot of the first field of that type, or -1 when the template has none or its length does not fit.
func (l *Layout) fitting(t FieldType) int {
	i := l.Index(t)
	for _, s := range sources {
		if s.field == t && i >= 0 && s.to.fits(l.slots[i].length) {
			return i
		}
	}
	return -1
}

// plan compiles the layout without the field types to leave out.
func (l *Layout) plan(without []FieldType) *Plan {
	p := &Plan{layout: l}
	add := func(i int, to target) { p.steps = append(p.steps, step{l.slots[i], to}) }
	for _, s := range sources {
		if i := l.fitting(s.field); i >= 0 && p.has&s.has == 0 && !slices.Contains(without, s.field) {
			p.has |= s.has
			add(i, s.to)
		}
	}
	// Both of these tell the interval, and 0 in one of them does not count.
	for _, t := range []FieldType{SamplingInterval, FlowSamplerRandomInterval} {
		if i := l.Index(t); i >= 0 && toSamplingInterval.fits(l.slots[i].length) {
			p.has |= HasSamplingInterval
			add(i, toSamplingInterval)
		}
	}
	if p.has&(HasSrcAddr|HasDstAddr) != 0 {
		p.has |= HasIPVersion
	}
	slices.SortStableFunc(p.steps, func(a, b step) int {
		if a.vars != b.vars {
			return a.vars - b.vars
		}
		return a.off - b.off
	})
	return p
}

// set stores the value of a field. Numbers wider than their place lose their upper bytes, as flags of two bytes should.
func (to target) set(r *Record, b []byte) {
	switch to {
	case toSrcAddr4:
		r.SrcAddr, r.IPVersion = MappedV4(binary.BigEndian.Uint32(b)), 4
		return
	case toDstAddr4:
		r.DstAddr, r.IPVersion = MappedV4(binary.BigEndian.Uint32(b)), 4
		return
	case toNextHop4:
		r.NextHop = MappedV4(binary.BigEndian.Uint32(b))
		return
	case toBGPNextHop4:
		r.BGPNextHop = MappedV4(binary.BigEndian.Uint32(b))
		return
	case toSrcAddr6:
		r.SrcAddr, r.IPVersion = [16]byte(b), 6
		return
	case toDstAddr6:
		r.DstAddr, r.IPVersion = [16]byte(b), 6
		return
	case toNextHop6:
		r.NextHop = [16]byte(b)
		return
	case toBGPNextHop6:
		r.BGPNextHop = [16]byte(b)
		return
	case toSrcMAC:
		r.SrcMAC = [6]byte(b)
		return
	case toDstMAC:
		r.DstMAC = [6]byte(b)
		return
	}
	v, _ := Uint(b)
	switch to {
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
		if r.IPVersion == 0 { // the addresses know better
			r.IPVersion = uint8(v)
		}
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
