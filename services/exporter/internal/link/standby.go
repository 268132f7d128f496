package link

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Why a session ends that isn't broken.
var (
	errRefused   = errors.New("nobody listens")
	errBack      = errors.New("an address before it is back")
	errTemplates = errors.New("other templates")
)

// times are those of connecting.
type times struct {
	firstBackOff, lastBackOff time.Duration // between attempts, doubled each time
	firstTry, lastTry         time.Duration // of an address before the one in use, doubled each time
	settled                   time.Duration // a session that lasted so long was a good one
	patience                  time.Duration // a batch waits for another session
	write                     time.Duration // a stream may take for a buffer
	refused                   time.Duration // an address may refuse before it is left, and
	accepted                  time.Duration // has to take datagrams before that is forgotten
	silent                    time.Duration // an address that is tried may take to refuse
}

var defaultTimes = times{
	firstBackOff: time.Second, lastBackOff: time.Minute,
	firstTry: 10 * time.Second, lastTry: time.Minute,
	settled: 10 * time.Second, patience: 2 * time.Second, write: 5 * time.Second,
	refused: 5 * time.Second, accepted: 2 * time.Second, silent: time.Second,
}

// order is which address to connect to next, and when.
type order struct {
	times  *times
	n      int           // addresses
	first  int           // to connect to next
	wait   time.Duration // waited last
	tryGap time.Duration // waited last before an address was tried
}

// failed is how long to wait when no address could be connected to.
func (o *order) failed() time.Duration {
	o.first = 0
	o.wait = min(max(2*o.wait, o.times.firstBackOff), o.times.lastBackOff)
	return o.wait
}

// ended is how long to wait when a session with address at is over. A session that was a good one begins again at the first
// address. One that wasn't moves on to the next, and behind the last there is a wait, so that a collector that accepts
// connections and closes them is not hammered.
func (o *order) ended(at int, lasted time.Duration, err error) time.Duration {
	if lasted >= o.times.settled {
		o.wait = 0
		if at == 0 {
			o.tryGap = 0
		}
	}
	switch {
	case errors.Is(err, errTemplates):
		o.first = at
	case errors.Is(err, errBack):
		o.first = 0
	case errors.Is(err, errRefused):
		o.first = (at + 1) % o.n
	case lasted >= o.times.settled:
		o.first = 0
	case at+1 < o.n:
		o.first = at + 1
	default:
		return o.failed()
	}
	return 0
}

// tryAgain is how long to wait before the addresses before the one in use are tried.
func (o *order) tryAgain() time.Duration {
	o.tryGap = min(max(2*o.tryGap, o.times.firstTry), o.times.lastTry)
	return o.tryGap
}

// probe tells whether an address can be reached: it can be connected to, and says nothing against it for a while. Over UDP that
// is asked by an empty datagram, which collectors drop and a machine without one refuses.
func probe(ctx context.Context, l *Link, address string) bool {
	cfg := l.Config
	cfg.Source = netip.AddrPortFrom(cfg.Source.Addr(), 0) // the session in use has the port
	conn, err := connect(ctx, &cfg, address, 0)
	if err != nil {
		return false
	}
	defer conn.Close()
	if cfg.Transport == UDP {
		if _, err := conn.Write(nil); err != nil {
			return false
		}
	}
	return silence(conn, l.times.silent) == nil
}

// refusing tells whether an address refuses for good. A UDP socket learns only by sending that nobody listens: from the answer
// to a datagram sent before, and from some machines one answer a second. A collector that restarts refuses too, so it has to
// do so for a while, several times, and without taking datagrams in between.
type refusing struct {
	times *times
	n     int       // refusals in a row
	first time.Time // of these
	since time.Time // datagrams sent since then drew none; zero: none was sent
}

// rowOfRefusals is how many there must be.
const rowOfRefusals = 3

// refused notes a refusal and tells whether the address is to be left.
func (r *refusing) refused(now time.Time) bool {
	if r.n == 0 {
		r.first = now
	}
	r.n++
	r.since = time.Time{}
	return r.n >= rowOfRefusals && now.Sub(r.first) >= r.times.refused
}

// sent notes that datagrams were sent.
func (r *refusing) sent(now time.Time) {
	switch {
	case r.since.IsZero():
		r.since = now
	case now.Sub(r.since) >= r.times.accepted:
		r.n = 0
	}
}
