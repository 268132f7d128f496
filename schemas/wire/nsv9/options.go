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

// putText fills b with the text and zeros. A text that is too long is cut between two characters.
func putText(b []byte, s string) {
	n := len(s)
	if n > len(b) {
		for n = len(b); n > 0 && !utf8.RuneStart(s[n]); n-- {
		}
	}
	clear(b[copy(b, s[:n]):])
}
