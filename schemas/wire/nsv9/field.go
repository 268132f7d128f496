package nsv9

import "strconv"

// FieldType is what a field of a template means. Version 9 and IPFIX share the numbers; 32768 and above are vendors'
// and opaque here.
type FieldType uint16

// Field types by their version 9 names, or where version 9 has none by those of IPFIX (the comment).
const (
	InBytes                     FieldType = 1   // IN_BYTES
	InPkts                      FieldType = 2   // IN_PKTS
	Flows                       FieldType = 3   // FLOWS
	Protocol                    FieldType = 4   // PROTOCOL
	SrcTOS                      FieldType = 5   // SRC_TOS
	TCPFlags                    FieldType = 6   // TCP_FLAGS
	L4SrcPort                   FieldType = 7   // L4_SRC_PORT
	IPv4SrcAddr                 FieldType = 8   // IPV4_SRC_ADDR
	SrcMask                     FieldType = 9   // SRC_MASK
	InputSNMP                   FieldType = 10  // INPUT_SNMP
	L4DstPort                   FieldType = 11  // L4_DST_PORT
	IPv4DstAddr                 FieldType = 12  // IPV4_DST_ADDR
	DstMask                     FieldType = 13  // DST_MASK
	OutputSNMP                  FieldType = 14  // OUTPUT_SNMP
	IPv4NextHop                 FieldType = 15  // IPV4_NEXT_HOP
	SrcAS                       FieldType = 16  // SRC_AS
	DstAS                       FieldType = 17  // DST_AS
	BGPIPv4NextHop              FieldType = 18  // BGP_IPV4_NEXT_HOP
	LastSwitched                FieldType = 21  // LAST_SWITCHED
	FirstSwitched               FieldType = 22  // FIRST_SWITCHED
	OutBytes                    FieldType = 23  // OUT_BYTES
	OutPkts                     FieldType = 24  // OUT_PKTS
	MinPktLength                FieldType = 25  // MIN_PKT_LNGTH
	MaxPktLength                FieldType = 26  // MAX_PKT_LNGTH
	IPv6SrcAddr                 FieldType = 27  // IPV6_SRC_ADDR
	IPv6DstAddr                 FieldType = 28  // IPV6_DST_ADDR
	IPv6SrcMask                 FieldType = 29  // IPV6_SRC_MASK
	IPv6DstMask                 FieldType = 30  // IPV6_DST_MASK
	IPv6FlowLabel               FieldType = 31  // IPV6_FLOW_LABEL
	ICMPType                    FieldType = 32  // ICMP_TYPE
	SamplingInterval            FieldType = 34  // SAMPLING_INTERVAL
	SamplingAlgorithm           FieldType = 35  // SAMPLING_ALGORITHM
	FlowActiveTimeout           FieldType = 36  // FLOW_ACTIVE_TIMEOUT
	FlowInactiveTimeout         FieldType = 37  // FLOW_INACTIVE_TIMEOUT
	EngineType                  FieldType = 38  // ENGINE_TYPE
	EngineID                    FieldType = 39  // ENGINE_ID
	TotalBytesExp               FieldType = 40  // TOTAL_BYTES_EXP
	TotalPktsExp                FieldType = 41  // TOTAL_PKTS_EXP
	TotalFlowsExp               FieldType = 42  // TOTAL_FLOWS_EXP
	IPv4SrcPrefix               FieldType = 44  // IPV4_SRC_PREFIX
	IPv4DstPrefix               FieldType = 45  // IPV4_DST_PREFIX
	MPLSTopLabelType            FieldType = 46  // MPLS_TOP_LABEL_TYPE
	MPLSTopLabelIPAddr          FieldType = 47  // MPLS_TOP_LABEL_IP_ADDR
	FlowSamplerID               FieldType = 48  // FLOW_SAMPLER_ID
	FlowSamplerMode             FieldType = 49  // FLOW_SAMPLER_MODE
	FlowSamplerRandomInterval   FieldType = 50  // FLOW_SAMPLER_RANDOM_INTERVAL
	MinTTL                      FieldType = 52  // MIN_TTL
	MaxTTL                      FieldType = 53  // MAX_TTL
	InSrcMAC                    FieldType = 56  // IN_SRC_MAC
	OutDstMAC                   FieldType = 57  // OUT_DST_MAC
	SrcVLAN                     FieldType = 58  // SRC_VLAN
	DstVLAN                     FieldType = 59  // DST_VLAN
	IPProtocolVersion           FieldType = 60  // IP_PROTOCOL_VERSION
	Direction                   FieldType = 61  // DIRECTION
	IPv6NextHop                 FieldType = 62  // IPV6_NEXT_HOP
	BGPIPv6NextHop              FieldType = 63  // BGP_IPV6_NEXT_HOP
	MPLSLabel1                  FieldType = 70  // MPLS_LABEL_1
	MPLSLabel2                  FieldType = 71  // MPLS_LABEL_2
	MPLSLabel3                  FieldType = 72  // MPLS_LABEL_3
	MPLSLabel4                  FieldType = 73  // MPLS_LABEL_4
	MPLSLabel5                  FieldType = 74  // MPLS_LABEL_5
	MPLSLabel6                  FieldType = 75  // MPLS_LABEL_6
	MPLSLabel7                  FieldType = 76  // MPLS_LABEL_7
	MPLSLabel8                  FieldType = 77  // MPLS_LABEL_8
	MPLSLabel9                  FieldType = 78  // MPLS_LABEL_9
	MPLSLabel10                 FieldType = 79  // MPLS_LABEL_10
	InDstMAC                    FieldType = 80  // IN_DST_MAC
	OutSrcMAC                   FieldType = 81  // OUT_SRC_MAC
	IfName                      FieldType = 82  // IF_NAME
	IfDesc                      FieldType = 83  // IF_DESC
	SamplerName                 FieldType = 84  // SAMPLER_NAME
	ForwardingStatus            FieldType = 89  // FORWARDING_STATUS
	MPLSVPNRouteDistinguisher   FieldType = 90  // mplsVpnRouteDistinguisher
	SrcTrafficIndex             FieldType = 92  // SRC_TRAFFIC_INDEX
	DstTrafficIndex             FieldType = 93  // DST_TRAFFIC_INDEX
	BGPNextAdjacentAS           FieldType = 128 // bgpNextAdjacentAsNumber
	BGPPrevAdjacentAS           FieldType = 129 // bgpPrevAdjacentAsNumber
	ExporterIPv4Addr            FieldType = 130 // exporterIPv4Address
	ExporterIPv6Addr            FieldType = 131 // exporterIPv6Address
	FlowEndReason               FieldType = 136 // flowEndReason
	ICMPTypeCodeIPv6            FieldType = 139 // icmpTypeCodeIPv6
	MPLSTopLabelIPv6Addr        FieldType = 140 // mplsTopLabelIPv6Address
	TemplateID                  FieldType = 145 // templateId
	FlowID                      FieldType = 148 // flowId
	ObservationDomainID         FieldType = 149 // observationDomainId
	FlowStartSeconds            FieldType = 150 // flowStartSeconds
	FlowEndSeconds              FieldType = 151 // flowEndSeconds
	FlowStartMilliseconds       FieldType = 152 // flowStartMilliseconds
	FlowEndMilliseconds         FieldType = 153 // flowEndMilliseconds
	FlowStartMicroseconds       FieldType = 154 // flowStartMicroseconds
	FlowEndMicroseconds         FieldType = 155 // flowEndMicroseconds
	FlowStartNanoseconds        FieldType = 156 // flowStartNanoseconds
	FlowEndNanoseconds          FieldType = 157 // flowEndNanoseconds
	SystemInitTimeMilliseconds  FieldType = 160 // systemInitTimeMilliseconds
	DstIPv6Prefix               FieldType = 169 // destinationIPv6Prefix
	SrcIPv6Prefix               FieldType = 170 // sourceIPv6Prefix
	FlowKeyIndicator            FieldType = 173 // flowKeyIndicator
	IPTTL                       FieldType = 192 // ipTTL
	IPDiffServCodePoint         FieldType = 195 // ipDiffServCodePoint
	PaddingOctets               FieldType = 210 // paddingOctets
	IngressVRFID                FieldType = 234 // ingressVRFID
	EgressVRFID                 FieldType = 235 // egressVRFID
	VRFName                     FieldType = 236 // VRFname
	Dot1qVLANID                 FieldType = 243 // dot1qVlanId
	Dot1qCustomerVLANID         FieldType = 245 // dot1qCustomerVlanId
	PostDot1qVLANID             FieldType = 254 // postDot1qVlanId
	EthernetType                FieldType = 256 // ethernetType
	SelectorID                  FieldType = 302 // selectorId
	SelectorAlgorithm           FieldType = 304 // selectorAlgorithm
	SamplingPacketInterval      FieldType = 305 // samplingPacketInterval
	SamplingPacketSpace         FieldType = 306 // samplingPacketSpace
	SamplingTimeInterval        FieldType = 307 // samplingTimeInterval
	SamplingTimeSpace           FieldType = 308 // samplingTimeSpace
	SamplingSize                FieldType = 309 // samplingSize
	SamplingPopulation          FieldType = 310 // samplingPopulation
	SamplingProbability         FieldType = 311 // samplingProbability
	SelectorIDTotalPktsObserved FieldType = 318 // selectorIdTotalPktsObserved
	SelectorIDTotalPktsSelected FieldType = 319 // selectorIdTotalPktsSelected
	SelectorName                FieldType = 335 // selectorName
	Layer2OctetDeltaCount       FieldType = 352 // layer2OctetDeltaCount
)

// fieldInfo has the usual length in version 9; 0 where there is none, as for texts.
type fieldInfo struct {
	name   string
	length uint16
}

var fieldTable = [...]fieldInfo{
	InBytes:                     {"IN_BYTES", 4},
	InPkts:                      {"IN_PKTS", 4},
	Flows:                       {"FLOWS", 4},
	Protocol:                    {"PROTOCOL", 1},
	SrcTOS:                      {"SRC_TOS", 1},
	TCPFlags:                    {"TCP_FLAGS", 1},
	L4SrcPort:                   {"L4_SRC_PORT", 2},
	IPv4SrcAddr:                 {"IPV4_SRC_ADDR", 4},
	SrcMask:                     {"SRC_MASK", 1},
	InputSNMP:                   {"INPUT_SNMP", 2},
	L4DstPort:                   {"L4_DST_PORT", 2},
	IPv4DstAddr:                 {"IPV4_DST_ADDR", 4},
	DstMask:                     {"DST_MASK", 1},
	OutputSNMP:                  {"OUTPUT_SNMP", 2},
	IPv4NextHop:                 {"IPV4_NEXT_HOP", 4},
	SrcAS:                       {"SRC_AS", 2},
	DstAS:                       {"DST_AS", 2},
	BGPIPv4NextHop:              {"BGP_IPV4_NEXT_HOP", 4},
	LastSwitched:                {"LAST_SWITCHED", 4},
	FirstSwitched:               {"FIRST_SWITCHED", 4},
	OutBytes:                    {"OUT_BYTES", 4},
	OutPkts:                     {"OUT_PKTS", 4},
	MinPktLength:                {"MIN_PKT_LNGTH", 2},
	MaxPktLength:                {"MAX_PKT_LNGTH", 2},
	IPv6SrcAddr:                 {"IPV6_SRC_ADDR", 16},
	IPv6DstAddr:                 {"IPV6_DST_ADDR", 16},
	IPv6SrcMask:                 {"IPV6_SRC_MASK", 1},
	IPv6DstMask:                 {"IPV6_DST_MASK", 1},
	IPv6FlowLabel:               {"IPV6_FLOW_LABEL", 3},
	ICMPType:                    {"ICMP_TYPE", 2},
	SamplingInterval:            {"SAMPLING_INTERVAL", 4},
	SamplingAlgorithm:           {"SAMPLING_ALGORITHM", 1},
	FlowActiveTimeout:           {"FLOW_ACTIVE_TIMEOUT", 2},
	FlowInactiveTimeout:         {"FLOW_INACTIVE_TIMEOUT", 2},
	EngineType:                  {"ENGINE_TYPE", 1},
	EngineID:                    {"ENGINE_ID", 1},
	TotalBytesExp:               {"TOTAL_BYTES_EXP", 4},
	TotalPktsExp:                {"TOTAL_PKTS_EXP", 4},
	TotalFlowsExp:               {"TOTAL_FLOWS_EXP", 4},
	IPv4SrcPrefix:               {"IPV4_SRC_PREFIX", 4},
	IPv4DstPrefix:               {"IPV4_DST_PREFIX", 4},
	MPLSTopLabelType:            {"MPLS_TOP_LABEL_TYPE", 1},
	MPLSTopLabelIPAddr:          {"MPLS_TOP_LABEL_IP_ADDR", 4},
	FlowSamplerID:               {"FLOW_SAMPLER_ID", 1},
	FlowSamplerMode:             {"FLOW_SAMPLER_MODE", 1},
	FlowSamplerRandomInterval:   {"FLOW_SAMPLER_RANDOM_INTERVAL", 4},
	MinTTL:                      {"MIN_TTL", 1},
	MaxTTL:                      {"MAX_TTL", 1},
	InSrcMAC:                    {"IN_SRC_MAC", 6},
	OutDstMAC:                   {"OUT_DST_MAC", 6},
	SrcVLAN:                     {"SRC_VLAN", 2},
	DstVLAN:                     {"DST_VLAN", 2},
	IPProtocolVersion:           {"IP_PROTOCOL_VERSION", 1},
	Direction:                   {"DIRECTION", 1},
	IPv6NextHop:                 {"IPV6_NEXT_HOP", 16},
	BGPIPv6NextHop:              {"BGP_IPV6_NEXT_HOP", 16},
	MPLSLabel1:                  {"MPLS_LABEL_1", 3},
	MPLSLabel2:                  {"MPLS_LABEL_2", 3},
	MPLSLabel3:                  {"MPLS_LABEL_3", 3},
	MPLSLabel4:                  {"MPLS_LABEL_4", 3},
	MPLSLabel5:                  {"MPLS_LABEL_5", 3},
	MPLSLabel6:                  {"MPLS_LABEL_6", 3},
	MPLSLabel7:                  {"MPLS_LABEL_7", 3},
	MPLSLabel8:                  {"MPLS_LABEL_8", 3},
	MPLSLabel9:                  {"MPLS_LABEL_9", 3},
	MPLSLabel10:                 {"MPLS_LABEL_10", 3},
	InDstMAC:                    {"IN_DST_MAC", 6},
	OutSrcMAC:                   {"OUT_SRC_MAC", 6},
	IfName:                      {"IF_NAME", 0},
	IfDesc:                      {"IF_DESC", 0},
	SamplerName:                 {"SAMPLER_NAME", 0},
	ForwardingStatus:            {"FORWARDING_STATUS", 1},
	MPLSVPNRouteDistinguisher:   {"mplsVpnRouteDistinguisher", 8},
	SrcTrafficIndex:             {"SRC_TRAFFIC_INDEX", 4},
	DstTrafficIndex:             {"DST_TRAFFIC_INDEX", 4},
	BGPNextAdjacentAS:           {"bgpNextAdjacentAsNumber", 4},
	BGPPrevAdjacentAS:           {"bgpPrevAdjacentAsNumber", 4},
	ExporterIPv4Addr:            {"exporterIPv4Address", 4},
	ExporterIPv6Addr:            {"exporterIPv6Address", 16},
	FlowEndReason:               {"flowEndReason", 1},
	ICMPTypeCodeIPv6:            {"icmpTypeCodeIPv6", 2},
	MPLSTopLabelIPv6Addr:        {"mplsTopLabelIPv6Address", 16},
	TemplateID:                  {"templateId", 2},
	FlowID:                      {"flowId", 8},
	ObservationDomainID:         {"observationDomainId", 4},
	FlowStartSeconds:            {"flowStartSeconds", 4},
	FlowEndSeconds:              {"flowEndSeconds", 4},
	FlowStartMilliseconds:       {"flowStartMilliseconds", 8},
	FlowEndMilliseconds:         {"flowEndMilliseconds", 8},
	FlowStartMicroseconds:       {"flowStartMicroseconds", 8},
	FlowEndMicroseconds:         {"flowEndMicroseconds", 8},
	FlowStartNanoseconds:        {"flowStartNanoseconds", 8},
	FlowEndNanoseconds:          {"flowEndNanoseconds", 8},
	SystemInitTimeMilliseconds:  {"systemInitTimeMilliseconds", 8},
	DstIPv6Prefix:               {"destinationIPv6Prefix", 16},
	SrcIPv6Prefix:               {"sourceIPv6Prefix", 16},
	FlowKeyIndicator:            {"flowKeyIndicator", 8},
	IPTTL:                       {"ipTTL", 1},
	IPDiffServCodePoint:         {"ipDiffServCodePoint", 1},
	PaddingOctets:               {"paddingOctets", 0},
	IngressVRFID:                {"ingressVRFID", 4},
	EgressVRFID:                 {"egressVRFID", 4},
	VRFName:                     {"VRFname", 0},
	Dot1qVLANID:                 {"dot1qVlanId", 2},
	Dot1qCustomerVLANID:         {"dot1qCustomerVlanId", 2},
	PostDot1qVLANID:             {"postDot1qVlanId", 2},
	EthernetType:                {"ethernetType", 2},
	SelectorID:                  {"selectorId", 8},
	SelectorAlgorithm:           {"selectorAlgorithm", 2},
	SamplingPacketInterval:      {"samplingPacketInterval", 4},
	SamplingPacketSpace:         {"samplingPacketSpace", 4},
	SamplingTimeInterval:        {"samplingTimeInterval", 4},
	SamplingTimeSpace:           {"samplingTimeSpace", 4},
	SamplingSize:                {"samplingSize", 4},
	SamplingPopulation:          {"samplingPopulation", 4},
	SamplingProbability:         {"samplingProbability", 8},
	SelectorIDTotalPktsObserved: {"selectorIdTotalPktsObserved", 8},
	SelectorIDTotalPktsSelected: {"selectorIdTotalPktsSelected", 8},
	SelectorName:                {"selectorName", 0},
	Layer2OctetDeltaCount:       {"layer2OctetDeltaCount", 8},
}

// String is the name of the type, or its number when it has none here.
func (t FieldType) String() string {
	if int(t) < len(fieldTable) && fieldTable[t].name != "" {
		return fieldTable[t].name
	}
	return strconv.Itoa(int(t))
}

// DefaultLen is the usual number of bytes of the field, or 0 when it has none. Devices use others too.
func (t FieldType) DefaultLen() uint16 {
	if int(t) < len(fieldTable) {
		return fieldTable[t].length
	}
	return 0
}

// ScopeType is what options are about (RFC 3954 section 6.1). Its numbers are not those of FieldType.
type ScopeType uint16

// Scope types.
const (
	ScopeSystem    ScopeType = 1
	ScopeInterface ScopeType = 2 // the value is an ifIndex, of any width
	ScopeLineCard  ScopeType = 3
	ScopeCache     ScopeType = 4
	ScopeTemplate  ScopeType = 5
)

var scopeNames = [...]string{ScopeSystem: "System", ScopeInterface: "Interface", ScopeLineCard: "LineCard", ScopeCache: "Cache", ScopeTemplate: "Template"}

// String is the name of the scope, or its number when it has none.
func (t ScopeType) String() string {
	if int(t) < len(scopeNames) && scopeNames[t] != "" {
		return scopeNames[t]
	}
	return strconv.Itoa(int(t))
}
