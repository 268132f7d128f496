package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"netstream/schemas/message"
)

// ErrFenced is met when the last message on the subject is neither the one this writer knows nor its own: another has
// published since. This writer must stand down: whoever holds the subject now goes on.
var ErrFenced = errors.New("another writer owns the subject")

// maxParts is how many messages a batch may have before its last: JetStream takes 1,000 in all.
const maxParts = 999

// Writer publishes on one subject under a fence. After an error it is of no more use: what it sent may still be stored,
// and only a new writer, which reads the last message first, can tell. It is not safe for use by several goroutines.
type Writer struct {
	bus     *Bus
	stream  string
	subject string
	fence   uint64 // sequence of the last message on the subject
	id      string
	count   uint64
	waiting func(error) // told before each wait
}

// Writer opens the fence of a subject: it returns the last message there, nil if there is none, from whose header the
// caller resumes.
func (b *Bus) Writer(ctx context.Context, stream, subject string) (*Writer, *Message, error) {
	last, err := b.Last(ctx, stream, subject)
	if err != nil {
		return nil, nil, err
	}
	w := &Writer{bus: b, stream: stream, subject: subject, id: nuid.Next(), waiting: func(error) {}}
	if last != nil {
		w.fence = last.Sequence
	}
	return w, last, nil
}

// OnWait sets a function that is told each time the writer waits to try again, because the stream is full or the server
// away.
func (w *Writer) OnWait(f func(error)) { w.waiting = f }

// Sequence is that of the last message on the subject, as far as this writer knows: after Publish its own.
func (w *Writer) Sequence() uint64 { return w.fence }

// Publish publishes one message and returns when it is stored. Header and body stay the caller's. A full stream, or a
// server that doesn't answer, makes it wait until there is room, or an answer, or ctx ends.
func (w *Writer) Publish(ctx context.Context, h message.Header, body []byte) error {
	return w.attempt(ctx, func(ctx context.Context, attempt string) (uint64, error) {
		return w.send(ctx, w.subject, w.fenced(h, attempt), body)
	})
}

// Part is one message of an atomic batch.
type Part struct {
	Subject string
	Header  message.Header
	Body    []byte
}

// PublishBatch publishes parts and then, fenced, a message on the writer's own subject, all or nothing; it waits as Publish
// does. A batch may have up to 999 parts.
func (w *Writer) PublishBatch(ctx context.Context, parts []Part, h message.Header, body []byte) error {
	if len(parts) == 0 {
		return w.Publish(ctx, h, body)
	}
	if len(parts) > maxParts {
		return fmt.Errorf("publish on %s: a batch of %d parts, want %d at most", w.subject, len(parts), maxParts)
	}
	return w.attempt(ctx, func(ctx context.Context, attempt string) (uint64, error) {
		batch := nuid.Next() // a new one for every attempt: a server may still hold the last one open
		for i, p := range parts {
			m := &nats.Msg{Subject: p.Subject, Header: copyHeader(p.Header), Data: p.Body}
			m.Header.Set("Nats-Batch-Id", batch)
			m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
			align(m.Header)
			if i > 0 {
				if err := w.bus.conn.PublishMsg(m); err != nil {
					return 0, err
				}
				continue
			}
			// The first message is acknowledged, with nothing inside, when the server can take a batch.
			if _, err := w.request(ctx, m); err != nil {
				return 0, err
			}
		}
		last := w.fenced(h, attempt)
		last.Set("Nats-Batch-Id", batch)
		last.Set("Nats-Batch-Sequence", strconv.Itoa(len(parts)+1))
		last.Set("Nats-Batch-Commit", "1")
		return w.send(ctx, w.subject, last, body)
	})
}

// fenced is a copy of the header with the fence and the attempt's name.
func (w *Writer) fenced(h message.Header, attempt string) nats.Header {
	f := copyHeader(h)
	f.Set("Nats-Expected-Last-Subject-Sequence", strconv.FormatUint(w.fence, 10))
	f.Set(headerAttempt, attempt)
	return f
}

// attempt runs try until its message is stored, which is known by its acknowledgement or, after any doubt, by reading
// the subject's last message again.
//
// Tries are copies of one message with one fence, so the server stores at most one of them, however late some arrive.
// The name of the attempt tells that one from another writer's message.
func (w *Writer) attempt(ctx context.Context, try func(ctx context.Context, attempt string) (uint64, error)) error {
	w.count++
	attempt := w.id + "-" + strconv.FormatUint(w.count, 10)
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		tryCtx, cancel := context.WithTimeout(ctx, w.bus.Timeout)
		tryCtx, release := w.bus.link.bound(tryCtx)
		seq, err := try(tryCtx, attempt)
		release()
		cancel()
		if err == nil {
			w.fence = seq
			return nil
		}
		if hopeless(err) {
			return fmt.Errorf("publish on %s: %w", w.subject, err)
		}
		last, lastErr := w.bus.Last(ctx, w.stream, w.subject)
		seq = 0
		if last != nil {
			seq = last.Sequence
		}
		switch {
		case lastErr != nil && hopeless(lastErr):
			return lastErr
		case lastErr != nil: // no answer at all: keep asking until there is one
			err = lastErr
		case last != nil && last.Header.Get(headerAttempt) == attempt:
			w.fence = seq
			return nil
		case seq != w.fence:
			return fmt.Errorf("publish on %s: %w: its last message is %d, not %d", w.subject, ErrFenced, seq, w.fence)
		}
		w.waiting(err)
		pause(ctx, wait)
		if ctx.Err() != nil {
			return fmt.Errorf("publish on %s: %w (%w)", w.subject, ctx.Err(), err)
		}
	}
}

// send publishes a message and returns its sequence.
func (w *Writer) send(ctx context.Context, subject string, h nats.Header, body []byte) (uint64, error) {
	align(h)
	ack, err := w.request(ctx, &nats.Msg{Subject: subject, Header: h, Data: body})
	if err != nil {
		return 0, err
	}
	if ack.Sequence == 0 {
		return 0, errors.New("acknowledged without a sequence")
	}
	return ack.Sequence, nil
}

// request publishes a message and waits for the server's answer. An empty answer is one: the first message of a batch
// gets it.
func (w *Writer) request(ctx context.Context, m *nats.Msg) (ack, error) {
	reply, err := w.bus.conn.RequestMsgWithContext(ctx, m)
	if err != nil {
		return ack{}, err
	}
	var a ack
	if len(reply.Data) == 0 {
		return a, nil
	}
	if err := json.Unmarshal(reply.Data, &a); err != nil {
		return a, fmt.Errorf("unreadable acknowledgement: %w", err)
	}
	if a.Error != nil {
		return a, a.Error
	}
	return a, nil
}
