package traffic

import "time"

// Config sets the size and pace of the traffic. The zero value is usable.
type Config struct {
	// Seed selects one of many equally plausible histories.
	Seed uint64

	// PacketsPerSecond is the rate of the ordinary traffic, averaged over a
	// day; events come on top. Zero or less means 10,000. Below about 1,000
	// single downloads become visible in the totals.
	PacketsPerSecond float64

	// Day is how long 24 hours of the daily rhythm take. Days are aligned to
	// the Unix epoch, so a stopped demo goes on at the right hour. Zero or
	// less means 10 minutes.
	Day time.Duration

	// SnapLen is the most bytes kept of a frame. Zero or less means 128,
	// which holds every header that is generated.
	SnapLen int
}

func (c Config) withDefaults() Config {
	if !(c.PacketsPerSecond > 0) { // NaN counts as not set
		c.PacketsPerSecond = 10_000
	}
	if c.Day <= 0 {
		c.Day = 10 * time.Minute
	}
	if c.SnapLen <= 0 {
		c.SnapLen = 128
	}
	return c
}
