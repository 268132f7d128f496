package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"netstream/schemas/message"
)

// Message is one message of a stream.
type Message struct {
	Subject  string
	Sequence uint64
	Header   message.Header
	Body     []byte
	Pending  uint64 // messages behind it that the reader's server had not sent yet; of readers only
}

// Where names the message in errors.
func (m *Message) Where() string { return fmt.Sprintf("message %d on %s", m.Sequence, m.Subject) }

// Unusable is the error of a message that can't be what its writer meant, and what to do about it. The books show what it held.
func (m *Message) Unusable(stream string, err error) error {
	return fmt.Errorf("%s: %w; to go on without what it holds, delete it: nats stream rmm %s %d", m.Where(), err, stream, m.Sequence)
}

// Last reads the last message on a subject from the stream's leader; nil if there is none.
func (b *Bus) Last(ctx context.Context, stream, subject string) (*Message, error) {
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	ctx, release := b.link.bound(ctx)
	defer release()
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", stream, err)
	}
	m, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the last message on %s: %w", subject, err)
	}
	return &Message{Subject: m.Subject, Sequence: m.Sequence, Header: message.Header(m.Header), Body: m.Data}, nil
}
