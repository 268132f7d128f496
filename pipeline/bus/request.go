package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Requests and their answers are messages that no stream keeps: who isn't there doesn't hear them.

// ErrNobody is met when nobody listens for a request.
var ErrNobody = errors.New("nobody answers")

// inbox is what all subjects for answers begin with. An answer is sent nowhere else: whoever asks could otherwise have a
// stage publish on a subject of the server's API.
const inbox = nats.InboxPrefix

// Request is a question that came in.
type Request struct {
	Reply string // subject to answer on, by Answer
	Body  []byte
}

// Requests listens for requests on a subject. It is not safe for use by several goroutines.
type Requests struct{ sub *nats.Subscription }

// Requests begins to listen. Every listener gets every request.
func (b *Bus) Requests(subject string) (*Requests, error) {
	sub, err := b.conn.SubscribeSync(subject)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", subject, err)
	}
	return &Requests{sub}, nil
}

// Next returns the next request, or nil when none came within wait.
func (r *Requests) Next(ctx context.Context, wait time.Duration) (*Request, error) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	m, err := r.sub.NextMsgWithContext(waiting)
	switch {
	case err == nil:
		return &Request{Reply: m.Reply, Body: m.Data}, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case waiting.Err() != nil, errors.Is(err, nats.ErrSlowConsumer): // too many came at once; who asked asks again
		return nil, nil
	}
	return nil, fmt.Errorf("listen on %s: %w", r.sub.Subject, err)
}

// Close ends listening.
func (r *Requests) Close() { _ = r.sub.Unsubscribe() } // fails when the connection is closed, which ends it too

// CanAnswer tells whether Answer would send on a subject.
func CanAnswer(subject string) bool {
	return strings.HasPrefix(subject, inbox) && len(subject) <= 256 && !strings.ContainsAny(subject, " \t\r\n*>")
}

// Answer sends an answer, if somebody still waits for it. Nobody can tell.
func (b *Bus) Answer(subject string, body []byte) {
	if CanAnswer(subject) {
		_ = b.conn.Publish(subject, body)
	}
}

// Answers are what comes back to one request. It is not safe for use by several goroutines.
type Answers struct {
	subject string
	sub     *nats.Subscription
}

// Ask sends a request and listens for its answers, of which there may be several.
func (b *Bus) Ask(subject string, body []byte) (*Answers, error) {
	reply := b.conn.NewInbox()
	sub, err := b.conn.SubscribeSync(reply)
	if err != nil {
		return nil, fmt.Errorf("ask on %s: %w", subject, err)
	}
	a := &Answers{subject, sub}
	if err := b.conn.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: body}); err != nil {
		a.Close()
		return nil, fmt.Errorf("ask on %s: %w", subject, err)
	}
	return a, nil
}

// Next waits for the next answer until ctx ends. It returns ErrNobody at once when nobody has heard the request.
func (a *Answers) Next(ctx context.Context) ([]byte, error) {
	m, err := a.sub.NextMsgWithContext(ctx)
	switch {
	case err == nil:
		return m.Data, nil
	case errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("ask on %s: %w", a.subject, ErrNobody)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, fmt.Errorf("ask on %s: %w", a.subject, err)
}

// Close ends listening.
func (a *Answers) Close() { _ = a.sub.Unsubscribe() } // fails when the connection is closed, which ends it too

// Link tells whether the connection is up, and how often it has been made anew.
func (b *Bus) Link() (up bool, reconnects uint64) {
	return b.conn.IsConnected(), b.conn.Stats().Reconnects
}
