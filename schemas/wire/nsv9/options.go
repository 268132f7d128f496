package nsv9

import (
	"encoding/binary"
	"unicode/utf8"
)

// Modes of a sampler (type 49).
const (
	SamplerDeterministic = 1
	SamplerRandom        = 2
)

// SamplerTemplate is the options template of Sampler.
func SamplerTemplate() Template {
	return Template{ID: SamplerTemplateID, Options: true, Scope: []ScopeField{{ScopeSystem, 4}}, Fields: []Field{
		{FlowSamplerID, 1}, {FlowSamplerMode, 1}, {FlowSamplerRandomInterval, 4}, {SamplerName, samplerNameLen},
	}}
}

// Sampler tells a collector what the sampler id of a record means.
type Sampler struct {
	System uint32 // the exporter's IPv4 address, or 0
	ID     uint8
	Mode   uint8
	// Interval is one packet in that many; 0 for a sampler that goes by time and has no fixed ratio.
	Interval uint32
	Name     string // the first 16 bytes count
}

// Put writes a record of SamplerTemplate.
func (s *Sampler) Put(b *[SamplerRecordLen]byte) {
	binary.BigEndian.PutUint32(b[0:], s.System)
	b[4] = s.ID
	b[5] = s.Mode
	binary.BigEndian.PutUint32(b[6:], s.Interval)
	putText(b[10:], s.Name)
}

// InterfaceTemplate is the options template of Interface.
func InterfaceTemplate() Template {
	return Template{ID: InterfaceTemplateID, Options: true, Scope: []ScopeField{{ScopeInterface, 4}}, Fields: []Field{
		{IfName, interfaceNameLen}, {IfDesc, interfaceDescLen},
	}}
}

// Interface tells a collector the name of an ifIndex.
type Interface struct {
	Index       uint32
	Name        string // the first 16 bytes count
	Description string // the first 24 bytes count
}

// Put writes a record of InterfaceTemplate.
func (i *Interface) Put(b *[InterfaceRecordLen]byte) {
	binary.BigEndian.PutUint32(b[0:], i.Index)
	putText(b[4:4+interfaceNameLen], i.Name)
	putText(b[4+interfaceNameLen:], i.Description)
}

// SamplingTemplate is the options template of Sampling.
func SamplingTemplate() Template {
	return Template{ID: SamplingTemplateID, Options: true, Scope: []ScopeField{{ScopeSystem, 4}}, Fields: []Field{
		{SamplingInterval, 4}, {SamplingAlgorithm, 1},
	}}
}

// Sampling tells a collector the rate of all records, those too that name no sampler.
type Sampling struct {
	System    uint32 // the exporter's IPv4 address, or 0
	Interval  uint32 // one packet in that many
	Algorithm uint8  // SamplerDeterministic or SamplerRandom: type 35 has the numbers of type 49
}

// Put writes a record of SamplingTemplate.
func (s *Sampling) Put(b *[SamplingRecordLen]byte) {
	binary.BigEndian.PutUint32(b[0:], s.System)
	binary.BigEndian.PutUint32(b[4:], s.Interval)
	b[8] = s.Algorithm
}

// VRFTemplate is the options template of VRF.
func VRFTemplate() Template {
	return Template{ID: VRFTemplateID, Options: true, Scope: []ScopeField{{ScopeSystem, 4}}, Fields: []Field{
		{IngressVRFID, 4}, {VRFName, vrfNameLen},
	}}
}

// VRF tells a collector the name of a VRF's number.
type VRF struct {
	System uint32 // the exporter's IPv4 address, or 0
	ID     uint32
	Name   string // the first 32 bytes count
}

// Put writes a record of VRFTemplate.
func (v *VRF) Put(b *[VRFRecordLen]byte) {
	binary.BigEndian.PutUint32(b[0:], v.System)
	binary.BigEndian.PutUint32(b[4:], v.ID)
	putText(b[8:], v.Name)
}

// StatisticsTemplate is the options template of Statistics.
func StatisticsTemplate() Template {
	return Template{ID: StatisticsTemplateID, Options: true, Scope: []ScopeField{{ScopeSystem, 4}}, Fields: []Field{
		{TotalBytesExp, 8}, {TotalPktsExp, 8}, {TotalFlowsExp, 8},
	}}
}

// Statistics tells a collector what was sent to it before the datagram with this record.
type Statistics struct {
	System    uint32 // the exporter's IPv4 address, or 0
	Bytes     uint64 // of the datagrams, headers of UDP and IP not among them
	Datagrams uint64
	Flows     uint64 // records of flows
}

// Put writes a record of StatisticsTemplate.
func (s *Statistics) Put(b *[StatisticsRecordLen]byte) {
	binary.BigEndian.PutUint32(b[0:], s.System)
	binary.BigEndian.PutUint64(b[4:], s.Bytes)
	binary.BigEndian.PutUint64(b[12:], s.Datagrams)
	binary.BigEndian.PutUint64(b[20:], s.Flows)
}

// putText fills b with the text and zeros. A text that is too long is cut between two characters.
func putText(b []byte, s string) {
	n := len(s)
	if n > len(b) {
		for n = len(b); n > 0 && !utf8.RuneStart(s[n]); n-- {
		}
	}
	clear(b[copy(b, s[:n]):])
}
