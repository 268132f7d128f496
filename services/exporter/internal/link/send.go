package link

import (
	"context"
	"time"
)

// Reason says why a datagram wasn't sent.
type Reason uint8

// Reasons.
const (
	Down    Reason = iota // no session: the name isn't resolved, there is no route, the collector doesn't accept, …
	TooBig                // larger than the path to the destination takes
	NoRoom                // the kernel had no buffer for it, again and again
	Failing               // any other error of the network
	reasons
)

// Reasons lists all of them.
var Reasons = [reasons]Reason{Down, TooBig, NoRoom, Failing}

func (r Reason) String() string { return [reasons]string{"down", "too_big", "no_room", "failing"}[r] }

// maxRepeats is how often a batch is begun anew; behind that it goes on where it stands.
const maxRepeats = 3

// Batch is what is sent at a time. Where a link has several sessions, one after another, each gets batches from their first
// datagram on: nobody knows what of a batch the one before has delivered.
type Batch struct {
	Datagrams [][]byte
	// Introduction holds the templates of the datagrams. It is sent before them to begin a session, but for one over UDP to the
	// only address there is.
	Introduction [][]byte
	// Templates tells those of the introduction from others. Over TCP a template holds until the session ends and is sent once
	// (RFC 7011 §8), so other ones make another session.
	Templates uint64
}

// loss is a datagram that wasn't sent.
type loss struct {
	i   int
	why Reason
}

// Send sends a batch in order, and then tells lost of each datagram that wasn't sent. One that was sent may still not arrive.
// The only error is that of ctx; what was not sent then is not told.
func (l *Link) Send(ctx context.Context, b Batch, lost func(i int, why Reason)) error {
	l.turnBack()
	l.losses = l.losses[:0]
	var s *session // that the last datagram was for
	repeats := 0
	for at := 0; at < len(b.Datagrams); {
		if err := ctx.Err(); err != nil {
			return err
		}
		now := l.await(ctx)
		if now == nil {
			l.losses = append(l.losses, loss{at, Down})
			at++
			continue
		}
		if now != s {
			if l.introduces() && at > 0 && repeats < maxRepeats {
				repeats++
				at, l.losses = 0, l.losses[:0]
				l.Events.Repeated()
			}
			s = now
			if err := l.introduce(ctx, s, &b); err != nil {
				l.drop(s, err)
				continue
			}
		}
		var err error
		if at, err = l.some(ctx, s, b.Datagrams, at); err != nil && ctx.Err() == nil {
			l.drop(s, err)
		}
	}
	for _, o := range l.losses {
		lost(o.i, o.why)
	}
	return nil
}

// some sends datagrams from at on, as many as may leave at once, and returns where to go on. An error ends the session, or is
// that of ctx.
func (l *Link) some(ctx context.Context, s *session, datagrams [][]byte, at int) (int, error) {
	n := min(len(datagrams)-at, chunk, l.pace.burst())
	if err := pause(ctx, l.pace.take(time.Now(), n)); err != nil {
		return at, err
	}
	for end := at + n; at < end; {
		sent, why, err := s.write(ctx, datagrams[at:end])
		if at += sent; at == end {
			break
		}
		if ctx.Err() != nil {
			return at, ctx.Err()
		}
		if err == nil || !l.introduces() { // else another session gets it
			l.losses = append(l.losses, loss{at, why})
			at++
		}
		if err != nil {
			return at, err
		}
	}
	return at, nil
}

// introduce begins a session that begins with templates, if it hasn't begun.
func (l *Link) introduce(ctx context.Context, s *session, b *Batch) error {
	if !l.introduces() {
		return nil
	}
	if s.introduced {
		if l.Transport != UDP && s.templates != b.Templates {
			return errTemplates
		}
		return nil
	}
	s.introduced, s.templates = true, b.Templates
	if len(b.Introduction) == 0 {
		return nil
	}
	if err := pause(ctx, l.pace.take(time.Now(), len(b.Introduction))); err != nil {
		return err
	}
	sent, why, err := s.write(ctx, b.Introduction)
	if err == nil && sent < len(b.Introduction) {
		l.Log.Warn("templates can't be sent", "reason", why)
	}
	return err
}

// await is the session to send in, nil if there is none. One that was lost a moment ago is waited for where sessions have a
// beginning: the batch can then be sent whole.
func (l *Link) await(ctx context.Context) *session {
	for {
		l.mu.Lock()
		s, changed, until := l.session, l.changed, l.until
		l.mu.Unlock()
		if s != nil || !l.introduces() {
			return s
		}
		left := time.Until(until)
		if left <= 0 {
			return nil
		}
		t := time.NewTimer(left)
		select {
		case <-changed:
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil
		}
		t.Stop()
	}
}

// turnBack leaves a session whose address isn't needed any more.
func (l *Link) turnBack() {
	l.mu.Lock()
	s := l.leave
	l.leave = nil
	l.mu.Unlock()
	if s != nil {
		l.drop(s, errBack)
	}
}

// pause waits, or not if d is not above zero.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
