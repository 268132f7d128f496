package traffic

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// effect is what the frames of an event's time show of it.
type effect struct {
	frames  int // all, while it lasts
	victim  int // to the target
	sources map[address]bool
	ports   map[uint16]bool
	iface   [4]int
	bytes   int // to the target
}

// watched is an event and what was seen of it.
type watched struct {
	Event
	effect
}

// watch runs a generator and notes the effects of its first events.
func watch(events int) []watched {
	g := New(Config{Seed: 14, PacketsPerSecond: 1000}, start)
	var out []watched
	var target address
	for {
		f := g.next()
		if f == nil {
			continue
		}
		recent := g.log.recent
		if len(recent) == 0 {
			continue
		}
		e := recent[len(recent)-1]
		if len(recent) > len(out) {
			out = append(out, watched{e, effect{sources: map[address]bool{}, ports: map[uint16]bool{}}})
			target = address{}
			if a, err := netip.ParseAddr(e.Target); err == nil {
				copy(target[:], a.AsSlice())
			}
		}
		if g.now >= e.End.UnixNano() {
			if len(out) == events {
				return out
			}
			continue
		}
		seen := &out[len(out)-1].effect
		seen.frames++
		tap := f.iface[g.packet.dir]
		if tap == g.down {
			tap = uplinkA + uplinkB - tap
		}
		if _, wire := g.encode(f, &g.packet, tap); f.addr[1-g.packet.dir] == target {
			seen.victim++
			seen.bytes += wire
			seen.sources[f.addr[g.packet.dir]] = true
			seen.ports[f.port[1-g.packet.dir]] = true
		}
		seen.iface[tap]++
	}
}

func TestEventsHappen(t *testing.T) {
	seen := watch(10)
	if first := seen[0].Start.Sub(start); first > time.Minute {
		t.Errorf("first event after %v, want it within a minute", first)
	}
	var kinds []Kind
	for i, e := range seen {
		kinds = append(kinds, e.Kind)
		if i > 0 {
			if pause := e.Start.Sub(seen[i-1].End); pause < 30*time.Second || pause > 4*time.Minute {
				t.Errorf("event %d begins %v after the one before", i, pause)
			}
		}
		seconds := e.End.Sub(e.Start).Seconds()
		ok := false
		switch e.Kind {
		case PortScan:
			ok = len(e.ports) > 500
		case Reflection:
			ok = float64(e.victim) > 500*seconds && e.bytes/e.victim > 400 && len(e.sources) > 400
		case SYNFlood:
			ok = float64(len(e.sources)) > 350*seconds
		case FlashCrowd:
			ok = float64(e.victim) > 50*seconds && len(e.sources) > 500
		case Outage:
			dead, other := uplinkA, uplinkB
			if e.Target == "uplink-b" {
				dead, other = other, dead
			}
			ok = e.iface[dead] == 0 && e.iface[other] > e.frames/5
		}
		if !ok {
			t.Errorf("%s (%v): %d frames, %d with %d bytes to the target, %d sources, %d ports, interfaces %v",
				e.Name, e.Kind, e.frames, e.victim, e.bytes, len(e.sources), len(e.ports), e.iface)
		}
	}
	for round := range slices.Chunk(kinds, 5) {
		if slices.Sort(round); len(slices.Compact(round)) != 5 {
			t.Errorf("a round of events is %v, want every kind once", round)
		}
	}
}

func TestLogKnowsWhatIsActive(t *testing.T) {
	var l EventLog
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	for i := range int64(recentEvents + 10) {
		l.announce(Event{Start: at(i), End: at(i + 2)})
	}
	l.advance(recentEvents * 1e9)
	if n := len(l.Recent()); n != recentEvents {
		t.Errorf("the log remembers %d events, want %d", n, recentEvents)
	}
	active := l.Active()
	for _, e := range active {
		if !e.End.After(at(recentEvents)) {
			t.Errorf("active after its end: %+v", e)
		}
	}
	if len(active) == 0 {
		t.Error("nothing is active")
	}
	l.advance(1e18)
	if len(l.Active()) != 0 {
		t.Error("an old event is still active")
	}
}
