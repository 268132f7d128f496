package flows

// chunk entries are allocated at a time, so that growing copies nothing.
const chunk = 1 << 12

// slab holds entries by number. Number 0 is never given out.
type slab[K any] struct {
	chunks []*[chunk]entry[K]
	next   uint32 // first number never used
	free   uint32 // first of the released entries, linked by their tags
}

func (s *slab[K]) at(n uint32) *entry[K] { return &s.chunks[n/chunk][n%chunk] }

// len is one more than the largest number ever given out.
func (s *slab[K]) len() int { return int(max(s.next, 1)) }

// alloc gives out the number of a zero entry.
func (s *slab[K]) alloc() uint32 {
	if n := s.free; n != 0 {
		e := s.at(n)
		s.free, e.tag = e.tag, 0
		return n
	}
	if s.next == 0 {
		s.next = 1
	}
	n := s.next
	if int(n/chunk) == len(s.chunks) {
		s.chunks = append(s.chunks, new([chunk]entry[K]))
	}
	s.next++
	return n
}

// release takes an entry back.
func (s *slab[K]) release(n uint32) {
	e := s.at(n)
	*e = entry[K]{tag: s.free}
	s.free = n
}
