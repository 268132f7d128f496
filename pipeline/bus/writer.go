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

// ErrFenced is met when another writer has published on the subject since this one read its last message. This writer
// must stand down: whoever holds the subject now goes on.
var ErrFenced = errors.New("another writer owns the subject")

// Header fields that tell a writer's own message from another's after a doubt.
const headerAttempt = "Ns-Attempt"

// JetStream's errors for a failed Nats-Expected-Last-Subject-Sequence and for a stream that can't store, at its limit or
// for want of space; both come with what the server found in words.
const (
	wrongLastSequence = 10071
	storeFailed       = 10077
	noSpace           = 10047
)

// Writer publishes on one subject under a fence. It is not safe for use by several goroutines.
type Writer struct {
	bus     *Bus
	stream  string
	subject string
	fence   uint64 // sequence of the last message on the subject
	id      string
	count   uint64
	waiting func(error) // told when a full stream makes the writer wait
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

// OnWait sets a function that is told each time a full stream makes the writer wait.
func (w *Writer) OnWait(f func(error)) { w.waiting = f }

// Publish publishes one message and returns when it is stored. Header and body stay the caller's. A full stream makes it
// wait until there is room or ctx ends.
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

// PublishBatch publishes parts and then, fenced, a message on the writer's own subject, all or nothing. A batch may have
// up to 999 parts.
func (w *Writer) PublishBatch(ctx context.Context, parts []Part, h message.Header, body []byte) error {
	if len(parts) == 0 {
		return w.Publish(ctx, h, body)
	}
	return w.attempt(ctx, func(ctx context.Context, attempt string) (uint64, error) {
		batch := nuid.Next() // a new one for every attempt: a server may still hold the last one open
		for i, p := range parts {
			m := nats.NewMsg(p.Subject)
			for k, v := range p.Header {
				m.Header[k] = v
			}
			m.Header.Set("Nats-Batch-Id", batch)
			m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
			m.Data = p.Body
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
	f := make(nats.Header, len(h)+5)
	for k, v := range h {
		f[k] = v
	}
	f.Set("Nats-Expected-Last-Subject-Sequence", strconv.FormatUint(w.fence, 10))
	f.Set(headerAttempt, attempt)
	return f
}

// attempt runs try until its message is stored, which is known by its acknowledgement or, after any doubt, by reading
// the subject's last message again.
func (w *Writer) attempt(ctx context.Context, try func(ctx context.Context, attempt string) (uint64, error)) error {
	w.count++
	attempt := w.id + "-" + strconv.FormatUint(w.count, 10)
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		tryCtx, cancel := context.WithTimeout(ctx, w.bus.Timeout)
		seq, err := try(tryCtx, attempt)
		cancel()
		if err == nil {
			w.fence = seq
			return nil
		}
		var api *apiError
		if errors.As(err, &api) && !api.doubtful() {
			return fmt.Errorf("publish on %s: %w", w.subject, err)
		}
		last, lastErr := w.bus.Last(ctx, w.stream, w.subject)
		switch {
		case lastErr != nil: // no answer at all: keep asking until there is one
			err = lastErr
		case last != nil && last.Header.Get(headerAttempt) == attempt:
			w.fence = last.Sequence
			return nil
		case last != nil && last.Sequence != w.fence:
			return fmt.Errorf("publish on %s: %w: its last message is %d, not %d", w.subject, ErrFenced, last.Sequence, w.fence)
		}
		w.waiting(err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("publish on %s: %w (%w)", w.subject, ctx.Err(), err)
		case <-time.After(wait):
		}
	}
}

// send publishes a message and returns its sequence.
func (w *Writer) send(ctx context.Context, subject string, h nats.Header, body []byte) (uint64, error) {
	ack, err := w.request(ctx, &nats.Msg{Subject: subject, Header: h, Data: body})
	if err != nil {
		return 0, err
	}
	if ack.Sequence == 0 {
		return 0, errors.New("acknowledged without a sequence")
	}
	return ack.Sequence, nil
}

// ack is what the server answers to a publish.
type ack struct {
	Sequence uint64    `json:"seq"`
	Error    *apiError `json:"error"`
}

// apiError is the server's refusal.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string {
	return fmt.Sprintf("%s (JetStream error %d)", e.Description, e.ErrCode)
}

// doubtful tells whether trying again, after a look at the last message, can help: the fence failed (perhaps because of
// an earlier attempt of this writer), the stream is full, or the server is short of something for the moment.
func (e *apiError) doubtful() bool {
	return e.ErrCode == wrongLastSequence || e.ErrCode == storeFailed || e.ErrCode == noSpace || e.Code >= 500 || e.Code == 429
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
