package members

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestView goes through the life of a view of member "me", in steps of time.
func TestView(t *testing.T) {
	type step struct {
		at     time.Duration
		id     string
		count  uint64
		bye    bool
		died   []string
		live   []string
		joined bool
	}
	const ms = time.Millisecond
	for name, steps := range map[string][]step{
		"a member dies while this one hears itself": {
			{at: 0, id: "you", count: 1, live: []string{"you"}, joined: true},
			{at: 1 * ms, id: "me", count: 1, live: []string{"me", "you"}, joined: true},
			{at: 300 * ms, id: "me", count: 2, live: []string{"me", "you"}},
			{at: 600 * ms, id: "me", count: 3, live: []string{"me", "you"}},
			{at: 900 * ms, id: "me", count: 4, live: []string{"me", "you"}},
			{at: 1200 * ms, id: "me", count: 5, live: []string{"me", "you"}},
			{at: 1500 * ms, id: "me", count: 6, died: []string{"you"}, live: []string{"me"}},
			{at: 1800 * ms, id: "me", count: 7, live: []string{"me"}},
			{at: 2000 * ms, id: "you", count: 2, live: []string{"me", "you"}, joined: true}, // it stood still
		},
		"nobody dies while nothing comes": {
			{at: 0, id: "me", count: 1, live: []string{"me"}, joined: true},
			{at: 1 * ms, id: "you", count: 1, live: []string{"me", "you"}, joined: true},
			{at: 60_000 * ms, id: "me", count: 2, live: []string{"me", "you"}},
			{at: 60_300 * ms, id: "me", count: 3, live: []string{"me", "you"}},
			{at: 60_600 * ms, id: "me", count: 4, live: []string{"me", "you"}},
			{at: 60_700 * ms, id: "you", count: 2, live: []string{"me", "you"}},
		},
		"what is read again is no heartbeat": {
			{at: 0, id: "you", count: 5, live: []string{"you"}, joined: true},
			{at: 0, id: "me", count: 1, live: []string{"me", "you"}, joined: true},
			{at: 600 * ms, id: "me", count: 2, live: []string{"me", "you"}},
			{at: 700 * ms, id: "you", count: 5, live: []string{"me", "you"}},
			{at: 1200 * ms, id: "me", count: 3, died: []string{"you"}, live: []string{"me"}},
			{at: 1300 * ms, id: "you", count: 5, live: []string{"me"}},
			{at: 1500 * ms, id: "me", count: 4, live: []string{"me"}},
		},
		"a goodbye": {
			{at: 0, id: "you", count: 5, live: []string{"you"}, joined: true},
			{at: 1 * ms, id: "me", count: 1, live: []string{"me", "you"}, joined: true},
			{at: 2 * ms, id: "you", bye: true, live: []string{"me"}},
			{at: 3 * ms, id: "you", bye: true, live: []string{"me"}},
			{at: 4 * ms, id: "stranger", bye: true, live: []string{"me"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			v, start := newView("me", usual), time.Now()
			for _, s := range steps {
				var joined bool
				var died []string
				if h := (heartbeat{Count: s.count}); s.bye {
					v.left(s.id, start.Add(s.at))
				} else if v.news(s.id, h) {
					var dead []farewell
					joined, dead = v.heard(s.id, h, start.Add(s.at))
					for _, f := range dead {
						died = append(died, f.id)
					}
				}
				if diff := cmp.Diff(s.live, v.live()); diff != "" {
					t.Errorf("at %s: live (-want +got):\n%s", s.at, diff)
				}
				if diff := cmp.Diff(s.died, died); diff != "" {
					t.Errorf("at %s: died (-want +got):\n%s", s.at, diff)
				}
				if joined != s.joined {
					t.Errorf("at %s: joined: %t, want %t", s.at, joined, s.joined)
				}
				if want := v.peers["me"] != nil; v.complete() != want {
					t.Errorf("at %s: complete: %t, want %t", s.at, v.complete(), want)
				}
			}
		})
	}
}

// TestTheDeadAreForgotten: a view doesn't grow with each process that ever was.
func TestTheDeadAreForgotten(t *testing.T) {
	v, now := newView("me", usual), time.Now()
	v.heard("you", heartbeat{Count: 1}, now)
	for count := range uint64(1000) { // five minutes
		now = now.Add(usual.beat)
		v.heard("me", heartbeat{Count: count}, now)
	}
	if len(v.peers) != 1 {
		t.Errorf("knows %d, want itself alone", len(v.peers))
	}
}
