package ipfix

import (
	"encoding/binary"

	"netstream/schemas/wire/nsv9"
)

// FlowKeysTemplateID is the id of FlowKeysTemplate; the other options templates have the ids of version 9's.
const FlowKeysTemplateID = 269

// Bytes of their records.
const (
	SamplingRecordLen = 16
	VRFRecordLen      = nsv9.VRFRecordLen - 4
	FlowKeysRecordLen = 10
)

// SamplingTemplate is the options template of Sampling.
func SamplingTemplate() Template {
	return Template{ID: nsv9.SamplingTemplateID, Options: true, Scope: 1, Fields: []Field{
		{Type: nsv9.SelectorID, Length: 8}, {Type: nsv9.SamplingPacketInterval, Length: 4}, {Type: nsv9.SamplingPacketSpace, Length: 4},
	}}
}

// Sampling tells the rate of a selector in another way than Selector: Interval packets are taken, and Space packets after them
// aren't (RFC 5477 section 8.2.2).
type Sampling struct {
	ID              uint64
	Interval, Space uint32
}

// Put writes a record of SamplingTemplate.
func (s *Sampling) Put(b *[SamplingRecordLen]byte) {
	binary.BigEndian.PutUint64(b[0:], s.ID)
	binary.BigEndian.PutUint32(b[8:], s.Interval)
	binary.BigEndian.PutUint32(b[12:], s.Space)
}

// InterfaceTemplate is the options template whose records are those of nsv9.Interface.
func InterfaceTemplate() Template { return scoped(nsv9.InputSNMP, nsv9.InterfaceTemplate()) }

// VRFTemplate is the options template of a nsv9.VRF without its system.
func VRFTemplate() Template {
	t := nsv9.VRFTemplate()
	t.Fields = t.Fields[1:]
	return scoped(nsv9.IngressVRFID, t)
}

// StatisticsTemplate is the options template whose records are those of nsv9.Statistics, with the observation domain in place of the system.
func StatisticsTemplate() Template {
	return scoped(nsv9.ObservationDomainID, nsv9.StatisticsTemplate())
}

// scoped is an options template of version 9 with an element of 4 bytes as its scope.
func scoped(scope nsv9.FieldType, v9 nsv9.Template) Template {
	t := Template{ID: v9.ID, Options: true, Scope: 1, Fields: []Field{{Type: scope, Length: 4}}}
	for _, f := range v9.Fields {
		t.Fields = append(t.Fields, Field{Type: f.Type, Length: f.Length})
	}
	return t
}

// FlowKeysTemplate is the options template of FlowKeys (RFC 7011 section 4.4).
func FlowKeysTemplate() Template {
	return Template{ID: FlowKeysTemplateID, Options: true, Scope: 1, Fields: []Field{
		{Type: nsv9.TemplateID, Length: 2}, {Type: nsv9.FlowKeyIndicator, Length: 8},
	}}
}

// FlowKeys tells which fields of a template tell flows apart: bit 0 is the first field.
type FlowKeys struct {
	Template uint16
	Fields   uint64
}

// Put writes a record of FlowKeysTemplate.
func (k *FlowKeys) Put(b *[FlowKeysRecordLen]byte) {
	binary.BigEndian.PutUint16(b[0:], k.Template)
	binary.BigEndian.PutUint64(b[2:], k.Fields)
}
