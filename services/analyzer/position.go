package analyzer

import "netstream/pipeline/positions"

// positions is how far flows and datagrams are landed.
func (s *Service) positions() (out []positions.Position) {
	p := s.bus.Pipeline
	for shard := range s.bus.Layout.FlowShards {
		out = append(out,
			positions.Position{Stream: p.FlowsStream(), Shard: shard, Sequence: s.Position(shard)},
			positions.Position{Stream: p.DatagramsStream(), Shard: shard, Sequence: s.decoder.Position(shard)})
	}
	return out
}

// Position is the sequence of the flows stream up to which a flow shard is landed: what is before is no longer needed here.
func (s *Service) Position(shard int) uint64 {
	select {
	case <-s.ready:
		if s.landing != nil {
			return s.landing.Position(shard)
		}
	default:
	}
	return 0
}
