package ager_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// sourceLife is what happens to a source: an update for each step on one packet shard or both, then its end on both.
type sourceLife struct {
	name        string
	begin, last int // global steps
}

// TestReplayFromAnyMessage lets sources come and go, with two flow caches that commit each at its own pace, so that now
// and then nothing is held. Whichever message the ager died before, the flows from there on are the same.
func TestReplayFromAnyMessage(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			l := newLine(t)
			publishLives(l, rand.New(rand.NewPCG(seed, 1)), func() {})
			first := l.life(l.start(quick(), prometheus.NewRegistry(), 0))
			if len(first) < 5 {
				t.Fatalf("%d messages, want several", len(first))
			}
			for cut := len(first) - 1; cut >= 0; cut -= 1 + cut/8 {
				for _, m := range first[cut:] {
					l.forget(m.Sequence)
				}
				l.rewind()
				again := l.life(l.start(quick(), prometheus.NewRegistry(), 0))
				flows := func(ms []received) (out []ended) {
					for _, m := range ms {
						out = append(out, m.Flows...)
					}
					return out
				}
				if diff := cmp.Diff(flows(first), flows(again)); diff != "" {
					t.Fatalf("died before message %d of %d (-first +again):\n%s", cut, len(first), diff)
				}
				first = again
			}
		})
	}
}

// publishLives publishes what two flow caches hand over, and calls after each.
func publishLives(l *line, rng *rand.Rand, after func()) {
	const steps = 60
	lives := []sourceLife{{"tap", steps, steps}} // the last to end
	for i, at := 0, 0; at < steps-8; i++ {
		life := sourceLife{fmt.Sprint("file", i), at, at + 1 + rng.IntN(6)}
		lives = append(lives, life)
		at += rng.IntN(8) // they overlap or leave gaps
	}
	done := [2]int{-1, -1} // last step committed by each packet shard
	for done[0] < steps || done[1] < steps {
		shard := rng.IntN(2)
		if done[shard] == steps {
			continue
		}
		from, to := done[shard]+1, min(steps, done[shard]+1+rng.IntN(6))
		done[shard] = to
		h := newHandOver()
		for _, s := range lives {
			if s.begin > to || s.last < from {
				continue
			}
			h.sources = append(h.sources, s.name)
			index := uint16(len(h.sources) - 1)
			for step := max(from, s.begin); step <= min(to, s.last); step++ {
				for n := range 4 {
					if (step+n+shard)%3 != 0 { // some keys come over one packet shard, some over both
						u := up(n, int64(step)*second+int64(n))
						u.Source = index
						h.add(u)
					}
				}
			}
			if s.last <= to {
				h.end(s.name, start+int64(s.last)*second+9)
			} else {
				h.mark(s.name, start+int64(to)*second+9)
			}
		}
		l.publish(shard, h)
		after()
	}
}
