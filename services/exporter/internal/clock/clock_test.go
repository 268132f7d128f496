package clock

import (
	"math"
	"math/rand/v2"
	"testing"

	"netstream/schemas/wire/nsv5"
	"netstream/schemas/wire/nsv9"
)

const (
	ms  = int64(1e6)
	sec = int64(1e9)
	day = 24 * 60 * 60 * sec
)

func TestCover(t *testing.T) {
	for _, tt := range []struct {
		name        string
		first, last int64
		want        Clock
	}{
		{"on the second", 1_700_000_000 * sec, 1_700_000_005 * sec, Clock{true, 1_700_000_000 - 86400, 1_700_000_005}},
		{"a millisecond later", 1_700_000_000*sec + ms, 1_700_000_005*sec + ms, Clock{true, 1_700_000_000 - 86400, 1_700_000_006}},
		{"less than a millisecond later", 1_700_000_000 * sec, 1_700_000_005*sec + 999_999, Clock{true, 1_700_000_000 - 86400, 1_700_000_005}},
		{"a capture without a date", 0, 0, Clock{true, 0, 0}},
		{"before 1970", -5*sec - 1, -4 * sec, Clock{true, 0, 0}},
		{"beyond 2106", math.MaxInt64, math.MaxInt64, Clock{true, math.MaxInt64/sec - 86400, math.MaxUint32}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Clock
			if c.Cover(tt.first, tt.last); c != tt.want {
				t.Errorf("%+v, want %+v", c, tt.want)
			}
		})
	}
}

func TestCoverGoesBackOnlyForAnotherTime(t *testing.T) {
	var c Clock
	c.Cover(1000*day, 1000*day+90*sec)
	want := c
	if c.Cover(998*day, 999*day+90*sec); c != want {
		t.Errorf("%+v after a flow of the day before, want %+v", c, want)
	}
	c.Cover(2*day, 3*day) // a capture of another year
	if want.Now = 3 * day / sec; c != want {
		t.Errorf("%+v after flows of years before, want %+v", c, want)
	}
	if uptime, ok := c.Uptime(2 * day); !ok || (&nsv5.Header{SysUptime: c.SysUptime(), UnixSecs: c.UnixSecs()}).Millis(uptime) != 2*day/ms {
		t.Errorf("a time of that year is not found again under %+v", c)
	}
}

// TestTimesAreFoundAgain computes times as a collector does.
func TestTimesAreFoundAgain(t *testing.T) {
	base := 19_700 * day
	for _, tt := range []struct {
		name string
		now  int64 // where the clock stands
		at   int64
		want int64 // ms
		ok   bool
	}{
		{"now", base, base, base / ms, true},
		{"cut to a millisecond", base, base - 1, base/ms - 1, true},
		{"before the boot", base, base - 2*day, (base - 2*day) / ms, true},
		{"24 days back", base, base - 24*day, (base - 24*day) / ms, true},
		{"the farthest", base, base - math.MaxInt32*ms, base/ms - math.MaxInt32, true},
		{"25 days back", base, base - 25*day, base/ms - math.MaxInt32, false},
		{"after the uptime wrapped", base + 60*day, base + 59*day + 123*ms, (base+59*day)/ms + 123, true},
		{"in the future", base, base + sec, base / ms, false},
		{"as far back as numbers go", base, math.MinInt64, base/ms - math.MaxInt32, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Clock
			c.Cover(base, base)
			c.Cover(base, tt.now)
			uptime, ok := c.Uptime(tt.at)
			v5 := nsv5.Header{SysUptime: c.SysUptime(), UnixSecs: c.UnixSecs()}
			v9 := nsv9.Header{SysUptime: c.SysUptime(), UnixSecs: c.UnixSecs()}
			if g5, g9 := v5.Millis(uptime), v9.Millis(uptime); g5 != tt.want || g9 != tt.want || ok != tt.ok {
				t.Errorf("%d in v5, %d in v9, ok %t; want %d, %t", g5, g9, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestCoveredTimesAreExact(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var c Clock
	at := 10_000 * day
	for range 10_000 {
		at += rnd.Int64N(3 * 60 * 60 * sec) // in all over 600 days: the uptime wraps a dozen times
		first := at - rnd.Int64N(20*day)
		c.Cover(first, at)
		h := nsv5.Header{SysUptime: c.SysUptime(), UnixSecs: c.UnixSecs()}
		for _, v := range []int64{first, at} {
			if uptime, ok := c.Uptime(v); !ok || h.Millis(uptime) != v/ms {
				t.Fatalf("%d became %d ms, ok %t, under %+v", v, h.Millis(uptime), ok, c)
			}
		}
	}
}
