package analyzer

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
