// Package link is the way of datagrams to one destination over UDP. Nothing that happens to a destination is an error
// here: what can't be sent is counted, and the link goes on.
//
//	Run:  resolve -> connect -> wait until broken -> back off -> resolve …
//	Send: pace -> sendmmsg on the connected socket, if there is one
package link

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
)

// Times of connecting.
const (
	connectTimeout = 5 * time.Second // of one attempt, resolving included
	firstBackOff   = time.Second
	lastBackOff    = time.Minute
)

// chunk is how many datagrams go to the kernel in one call.
const chunk = 64

// Config of a link.
type Config struct {
	Address string         // host:port
	Source  netip.AddrPort // to send from; no address: any, port 0: Port, or any
	DSCP    int            // of the packets
	TTL     int            // or hop limit; 0: as the system has it
	Rate    int            // datagrams a second; 0: as fast as it goes
	Port    int            // local port to take if it is free; 0: any
	Log     *slog.Logger
	// Refused is called when the destination has answered that nobody listens; it concerns a datagram sent before.
	Refused func()
}

// Link is the way to one destination.
type Link struct {
	Config
	pace      pacer
	attempted chan struct{} // closed when the first attempt to connect is over
	broken    chan struct{} // tells Run that the socket is of no use
	messages  []ipv4.Message

	mu     sync.Mutex
	socket *socket // nil while there is none
	port   int     // local port of the socket, or of the last one
}

// New makes a link; it opens nothing.
func New(cfg Config) *Link {
	return &Link{
		Config: cfg, port: cfg.Port, pace: pacer{rate: cfg.Rate},
		attempted: make(chan struct{}), broken: make(chan struct{}, 1),
		messages: make([]ipv4.Message, chunk),
	}
}

// Run keeps the link connected until ctx ends.
func (l *Link) Run(ctx context.Context) {
	defer l.set(nil)
	var once sync.Once
	for wait := firstBackOff; ; {
		s, err := dial(ctx, &l.Config, l.LocalPort())
		l.set(s)
		once.Do(func() { close(l.attempted) })
		switch {
		case err == nil:
			wait = firstBackOff
			select {
			case <-l.broken:
			case <-ctx.Done():
				return
			}
		case ctx.Err() == nil:
			l.Log.Warn("destination can't be reached", "err", err, "retry_in", wait)
		}
		select {
		case <-time.After(wait):
			wait = min(2*wait, lastBackOff)
		case <-ctx.Done():
			return
		}
	}
}

// Attempted is closed when the first attempt to connect is over.
func (l *Link) Attempted() <-chan struct{} { return l.attempted }

// Up tells whether there is a socket to send on.
func (l *Link) Up() bool { return l.current() != nil }

// LocalPort is the local port of the socket, or of the last one. A link that is opened anew takes it again if it can, so
// that collectors, which know a session by addresses and ports, see the same one.
func (l *Link) LocalPort() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.port
}

func (l *Link) current() *socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.socket
}

// set replaces the socket, which may be nil, and closes the one before.
func (l *Link) set(s *socket) {
	l.mu.Lock()
	old := l.socket
	if l.socket = s; s != nil {
		l.port = s.port
	}
	l.mu.Unlock()
	if old != nil {
		old.close()
	}
}
