package collector

// sequence follows the sequence numbers of a session (spec section 10.4).
type sequence struct {
	Next   uint32 `json:"next"` // expected
	Uptime uint32 `json:"uptime"`
	Seen   bool   `json:"seen"`
}

// A step back is a restart of the exporter when its uptime went back by more than a minute or the distance is large;
// else a datagram came late or twice.
const (
	restartUptime   = 60_000     // ms
	pause           = 86_400_000 // ms; what is further ahead mod 2^32, after 49.7 days, is behind
	restartDistance = 10_000     // units
)

// take takes the number of a datagram with so many units and returns how many units are newly missing. A late datagram
// fills a gap counted before: the result is negative.
func (s *sequence) take(number, units, uptime uint32) (lost int64) {
	gap := number - s.Next // mod 2^32
	switch {
	case !s.Seen:
	case gap < 1<<31:
		lost = int64(gap)
	case s.Uptime-uptime > restartUptime && uptime-s.Uptime > pause || -gap > restartDistance:
	default:
		return -int64(min(units, -gap))
	}
	s.Next, s.Uptime, s.Seen = number+units, uptime, true
	return lost
}
