// Package link is the way of datagrams to one destination: over UDP, or over TCP with TLS or without, to its address or to
// one that stands in for it. Nothing that happens to a destination is an error here: what can't be sent is counted, and
// the link goes on.
//
//	Run:  resolve -> connect -> hold until broken, refused, or an address before is back -> back off -> resolve …
//	Send: pace -> the templates, where a session begins with them -> sendmmsg on a socket, or a write on a stream
package link

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// Transport is what datagrams travel by.
type Transport uint8

// The transports.
const (
	UDP Transport = iota
	TCP           // one message after another: those of IPFIX tell their length (RFC 7011 §10.4)
	TCPWithTLS
)

// Config of a link.
type Config struct {
	Address   string   // host:port
	Standby   []string // addresses that take over, each for those before it
	Transport Transport
	TLS       TLS            // of TCPWithTLS
	Source    netip.AddrPort // to send from; no address: any, port 0: Port, or any
	DSCP      int            // of the packets
	TTL       int            // or hop limit; 0: as the system has it
	Rate      int            // datagrams a second; 0: as fast as it goes
	Port      int            // local UDP port to take if it is free; 0: any
	Log       *slog.Logger
	Events    Events
}

// Events are called when something happened; nil is for what nobody wants to know.
type Events struct {
	Refused  func()       // the destination has answered that nobody listens; it concerns a datagram sent before
	Failed   func()       // no address could be connected to, or a session was lost
	Repeated func()       // a batch was begun anew, in another session
	Switched func(at int) // another address is used: 0 is Address, 1 the first of Standby
}

// Link is the way to one destination.
type Link struct {
	Config
	times     times
	pace      pacer
	losses    []loss        // of the batch in hand
	attempted chan struct{} // closed when the first attempt to connect is over
	dropped   chan error    // tells Run why the session is over
	watchers  sync.WaitGroup

	mu      sync.Mutex
	session *session      // nil while there is none
	changed chan struct{} // closed when there is another
	until   time.Time     // for how long one that was lost is waited for
	leave   *session      // to be left before the next batch
	port    int           // local UDP port of the session, or of the last one
}

// New makes a link; it opens nothing.
func New(cfg Config) *Link {
	nothing := func() {}
	for _, f := range []*func(){&cfg.Events.Refused, &cfg.Events.Failed, &cfg.Events.Repeated} {
		if *f == nil {
			*f = nothing
		}
	}
	if cfg.Events.Switched == nil {
		cfg.Events.Switched = func(int) {}
	}
	l := &Link{
		Config: cfg, times: defaultTimes, pace: pacer{rate: cfg.Rate},
		attempted: make(chan struct{}), dropped: make(chan error, 1), changed: make(chan struct{}),
	}
	if cfg.Transport == UDP {
		l.port = cfg.Port
	}
	return l
}

// introduces tells whether sessions begin with the templates. One over UDP to the only address there is doesn't: it can't be
// told from the one before it.
func (l *Link) introduces() bool { return l.Transport != UDP || len(l.Standby) > 0 }

// Run keeps the link connected until ctx ends.
func (l *Link) Run(ctx context.Context) {
	defer l.watchers.Wait()
	defer l.set(nil)
	var once sync.Once
	order := order{times: &l.times, n: 1 + len(l.Standby)}
	for last := 0; ; {
		s, err := l.connect(ctx, order.first)
		if s != nil && s.at != last {
			l.Log.Info("destination is reached by another address", "address", l.address(s.at), "before", l.address(last), "err", err)
			last = s.at
			l.Events.Switched(s.at)
		}
		l.set(s)
		once.Do(func() { close(l.attempted) })
		var wait time.Duration
		if s == nil {
			wait = order.failed()
		} else {
			err = l.hold(ctx, s, &order)
			wait = order.ended(s.at, time.Since(s.since), err)
		}
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, errBack) && !errors.Is(err, errTemplates) {
			l.Log.Warn("destination can't be reached", "err", err, "retry_in", wait)
			l.Events.Failed()
		}
		if pause(ctx, wait) != nil {
			return
		}
	}
}

// connect tries the addresses in turn, from one of them on. The error is that of those that couldn't be connected to, beside a
// session too.
func (l *Link) connect(ctx context.Context, first int) (*session, error) {
	var errs []error
	for i := range 1 + len(l.Standby) {
		at := (first + i) % (1 + len(l.Standby))
		t, err := dial(ctx, l, l.address(at))
		if err == nil {
			return &session{transport: t, at: at, since: time.Now()}, errors.Join(errs...)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// hold waits until the session is over, and says why.
func (l *Link) hold(ctx context.Context, s *session, o *order) error {
	trying, stop := context.WithCancel(ctx)
	var tries sync.WaitGroup
	defer tries.Wait()
	defer stop()
	if s.at > 0 {
		tries.Go(func() { l.tryBack(trying, s, o) })
	}
	select {
	case err := <-l.dropped:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tryBack tries the addresses before that of a session until one is back; the session is to be left then.
func (l *Link) tryBack(ctx context.Context, s *session, o *order) {
	for pause(ctx, o.tryAgain()) == nil {
		for at := range s.at {
			if probe(ctx, l, l.address(at)) {
				l.mu.Lock()
				l.leave = s
				l.mu.Unlock()
				return
			}
		}
	}
}

// address is Address or one of Standby.
func (l *Link) address(at int) string {
	if at == 0 {
		return l.Address
	}
	return l.Standby[at-1]
}

// Attempted is closed when the first attempt to connect is over.
func (l *Link) Attempted() <-chan struct{} { return l.attempted }

// Up tells whether there is a session to send in.
func (l *Link) Up() bool { return l.current() != nil }

// LocalPort is the local UDP port of the session, or of the last one. A link that is opened anew takes it again if it can, so
// that collectors, which know a session by addresses and ports, see the same one. It is 0 over TCP, where each connection is
// a session of its own.
func (l *Link) LocalPort() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.port
}

func (l *Link) current() *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session
}

// set replaces the session, which may be nil, and closes the one before.
func (l *Link) set(s *session) {
	l.mu.Lock()
	old := l.session
	if l.session = s; s != nil {
		if port := s.localPort(); port != 0 {
			l.port = port
		}
		close(l.changed)
		l.changed = make(chan struct{})
	}
	l.mu.Unlock()
	if old != nil {
		old.close()
	}
	if s != nil {
		l.watchers.Go(func() {
			if err := s.watch(); err != nil {
				l.drop(s, err)
			}
		})
	}
}

// drop takes a session out of use and has Run find another.
func (l *Link) drop(s *session, why error) {
	l.mu.Lock()
	mine := l.session == s
	if mine {
		l.session, l.until = nil, time.Now().Add(l.times.patience)
	}
	l.mu.Unlock()
	if mine {
		s.close()
		l.dropped <- why // Run reads one for each session
	}
}
