package link

import (
	"testing"
	"time"
)

func TestPacer(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	p := pacer{rate: 1000}
	if got := p.burst(); got != 10 {
		t.Fatalf("burst %d at 1000/s, want 10", got)
	}
	// The first may make up for slack; from then on every burst waits for its time.
	for i, want := range []time.Duration{0, 0, 0, 10, 20, 30} {
		if got := p.take(now, 10); got != want*time.Millisecond {
			t.Errorf("burst %d at the same moment waits %s, want %s", i, got, want*time.Millisecond)
		}
	}
	if got := p.take(now.Add(time.Hour), 10); got != 0 {
		t.Errorf("after an hour of silence: wait %s", got)
	}
}

func TestPacerKeepsTheRate(t *testing.T) {
	for _, rate := range []int{1, 7, 100, 999, 64_000, 10_000_000} {
		p := pacer{rate: rate}
		start := time.Unix(1_700_000_000, 0)
		now, sent := start, 0
		for sent < 5*rate && sent < 1_000_000 {
			n := p.burst()
			now = now.Add(p.take(now, n)) // time passes by waiting alone
			sent += n
		}
		allowed := now.Sub(start).Seconds()*float64(rate) + slack.Seconds()*float64(rate) + float64(p.burst())
		if float64(sent) > allowed+1 || float64(sent) < allowed*0.9-float64(2*p.burst()) {
			t.Errorf("%d/s: %d datagrams in %s, want about %.0f", rate, sent, now.Sub(start), allowed)
		}
	}
}

func TestNoLimit(t *testing.T) {
	var p pacer
	if p.burst() != chunk || p.take(time.Now(), chunk) != 0 {
		t.Error("a pacer without a rate makes wait")
	}
}
