package traffic

import (
	"slices"
	"sync"
	"time"
)

// Kind is what sort of event is going on.
type Kind string

// The kinds of events.
const (
	PortScan   Kind = "port-scan"        // one host tries all ports of another
	Reflection Kind = "udp-reflection"   // large DNS or NTP answers flood one host
	SYNFlood   Kind = "syn-flood"        // handshakes from many invented sources
	FlashCrowd Kind = "flash-crowd"      // real people, all at one site
	Outage     Kind = "interface-outage" // an uplink is down, the other carries its traffic
)

// Event is something out of the ordinary that the generator does on purpose.
type Event struct {
	Name   string // for people, such as "SYN flood of 198.51.100.9 port 443"
	Kind   Kind
	Start  time.Time // packet time, not wall time
	End    time.Time // set from the start: events are planned
	Target string    // the address or interface that suffers
}

// recentEvents is how many events the log remembers.
const recentEvents = 64

// EventLog says what the generator does on purpose. It is safe for use from
// any goroutine.
type EventLog struct {
	mu     sync.Mutex
	now    int64 // Unix ns, packet time at the last tick
	recent []Event
}

// Active returns the events that are going on, in packet time. The slice is
// the caller's.
func (l *EventLog) Active() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Unix(0, l.now)
	var active []Event
	for _, e := range l.recent {
		if now.Before(e.End) {
			active = append(active, e)
		}
	}
	return active
}

// Recent returns the last events that have begun, oldest first, 64 at most.
// The slice is the caller's.
func (l *EventLog) Recent() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.recent)
}

func (l *EventLog) advance(now int64) {
	l.mu.Lock()
	l.now = now
	l.mu.Unlock()
}

func (l *EventLog) announce(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.recent) == recentEvents {
		l.recent = slices.Delete(l.recent, 0, 1)
	}
	l.recent = append(l.recent, e)
}
