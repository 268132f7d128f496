package sflow

// sequence follows the numbers of a data source's samples, so that each is taken once and each missing one is counted.
// The zero value awaits the first.
type sequence struct {
	begun bool
	next  uint32 // one more than the highest number so far
	seen  uint64 // the numbers before next: bit 0 is next-1
	drops uint32 // the agent's counter of drops
}

const (
	// reorderWindow is how many numbers a sample may come late.
	reorderWindow = 64
	// newBeginning is a step that no loss explains: the agent counts anew.
	newBeginning = 1 << 24
)

// take takes a sample's number. fresh is false for a sample that came before, or so late that it was given up. lost is
// how many are given up now, dropped how many more the agent could not send.
func (s *sequence) take(number, drops uint32) (fresh bool, lost, dropped uint64) {
	ahead := number - s.next // mod 2^32
	behind := s.next - number
	switch {
	case !s.begun, min(ahead, behind) > newBeginning, ahead >= 1<<31 && behind > reorderWindow:
		*s = sequence{begun: true, next: number + 1, seen: ^uint64(0), drops: drops}
		return true, 0, 0
	case ahead >= 1<<31: // late, or for the second time
		bit := uint64(1) << (behind - 1)
		fresh = s.seen&bit == 0
		s.seen |= bit
		return fresh, 0, 0
	}
	step := uint64(ahead) + 1
	lost = s.missing(min(step, reorderWindow)) + (max(step, reorderWindow) - reorderWindow)
	s.seen = s.seen<<step | 1
	s.next = number + 1
	if d := drops - s.drops; d < newBeginning {
		dropped = uint64(d)
	}
	s.drops = drops
	return true, lost, dropped
}

// missing counts what isn't seen among the oldest n numbers of the window.
func (s *sequence) missing(n uint64) (lost uint64) {
	for i := reorderWindow - n; i < reorderWindow; i++ {
		lost += ^s.seen >> i & 1
	}
	return lost
}

// settle gives up all that is missing so far.
func (s *sequence) settle() (lost uint64) {
	lost = s.missing(reorderWindow)
	s.seen = ^uint64(0)
	return lost
}
