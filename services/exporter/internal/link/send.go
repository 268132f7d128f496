package link

import (
	"context"
	"errors"
	"log/slog"
	"syscall"
	"time"
)

// Reason says why a datagram wasn't sent.
type Reason uint8

// Reasons.
const (
	Down    Reason = iota // no socket: the name isn't resolved, there is no route, …
	TooBig                // larger than the path to the destination takes
	NoRoom                // the kernel had no buffer for it, again and again
	Failing               // any other error of the network
	reasons
)

// Reasons lists all of them.
var Reasons = [reasons]Reason{Down, TooBig, NoRoom, Failing}

func (r Reason) String() string { return [reasons]string{"down", "too_big", "no_room", "failing"}[r] }

// Patience with one datagram.
const (
	refusals  = 8                // times it may meet the refusal of an earlier one
	roomWait  = time.Millisecond // first wait for a buffer, doubled each time
	roomWaits = 7                // 127 ms in all
)

// Send sends datagrams in order, and tells lost of each that wasn't sent. A datagram that was sent may still not arrive.
// The only error is that of ctx; what was not sent then is not told.
func (l *Link) Send(ctx context.Context, datagrams [][]byte, lost func(i int, why Reason)) error {
	for at := 0; at < len(datagrams); {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := l.current()
		if s == nil {
			lost(at, Down)
			at++
			continue
		}
		n := min(len(datagrams)-at, chunk, l.pace.burst())
		if err := wait(ctx, l.pace.take(time.Now(), n)); err != nil {
			return err
		}
		for end := at + n; at < end; {
			sent, why, ok := l.write(ctx, s, datagrams[at:end])
			at += sent
			if ok {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			lost(at, why)
			at++
		}
	}
	return nil
}

// write sends as many of the datagrams as it can; when that isn't all, why says what is wrong with the next.
func (l *Link) write(ctx context.Context, s *socket, datagrams [][]byte) (sent int, why Reason, ok bool) {
	refused, roomless := 0, 0
	for sent < len(datagrams) {
		ms := l.messages[:len(datagrams)-sent]
		for i := range ms {
			ms[i].Buffers = datagrams[sent+i : sent+i+1]
		}
		n, err := s.batch.WriteBatch(ms, 0)
		if n > 0 {
			sent, refused, roomless = sent+n, 0, 0
			continue
		}
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			// The kernel hands on what an earlier datagram met and has not sent this one.
			l.Refused()
			if refused++; refused > refusals {
				return sent, Failing, false
			}
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EMSGSIZE):
			return sent, TooBig, false
		case errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
			if roomless++; roomless > roomWaits || wait(ctx, roomWait<<(roomless-1)) != nil {
				return sent, NoRoom, false
			}
		default:
			l.breakOff(s, err)
			return sent, Failing, false
		}
	}
	return sent, 0, true
}

// breakOff gives the socket up: Run connects again.
func (l *Link) breakOff(s *socket, err error) {
	l.mu.Lock()
	mine := l.socket == s
	if mine {
		l.socket = nil
	}
	l.mu.Unlock()
	if !mine {
		return
	}
	s.close()
	l.Log.Warn("destination can't be sent to", slog.Any("err", err), slog.Duration("retry_in", firstBackOff))
	select {
	case l.broken <- struct{}{}:
	default:
	}
}

// wait waits, or not if d is not above zero.
func wait(ctx context.Context, d time.Duration) error {
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
