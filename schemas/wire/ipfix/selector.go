package ipfix

import (
	"encoding/binary"

	"netstream/schemas/wire/nsv9"
)

// RandomNOutOfN is the algorithm of a selector (element 304) that takes so many of each so many packets, at random.
const RandomNOutOfN = 3

// SelectorRecordLen is the size of a record of SelectorTemplate.
const SelectorRecordLen = 18

// SelectorTemplate is the options template of Selector.
func SelectorTemplate() Template {
	return Template{ID: nsv9.SamplerTemplateID, Options: true, Scope: 1, Fields: []Field{
		{Type: nsv9.SelectorID, Length: 8}, {Type: nsv9.SelectorAlgorithm, Length: 2}, {Type: nsv9.SamplingSize, Length: 4}, {Type: nsv9.SamplingPopulation, Length: 4},
	}}
}

// Selector tells a collector what the selector id of a record means: of Population packets Size are taken.
type Selector struct {
	ID               uint64
	Algorithm        uint16
	Size, Population uint32
}

// Put writes a record of SelectorTemplate.
func (s *Selector) Put(b *[SelectorRecordLen]byte) {
	binary.BigEndian.PutUint64(b[0:], s.ID)
	binary.BigEndian.PutUint16(b[8:], s.Algorithm)
	binary.BigEndian.PutUint32(b[10:], s.Size)
	binary.BigEndian.PutUint32(b[14:], s.Population)
}
