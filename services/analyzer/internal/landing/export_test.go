package landing

import (
	"netstream/pipeline/bus"
	"netstream/services/analyzer/internal/store"
)

var benchDecoder *decoder

// Add decodes one message into a batch.
func Add(b *store.Batch, s *store.Store, m *bus.Message, after uint64) (uint64, error) {
	if benchDecoder == nil || benchDecoder.ids != ids(s) {
		benchDecoder = newDecoder(s)
	}
	return benchDecoder.add(b, m, after)
}
