package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"netstream/schemas/message"
)

// readAhead bounds the messages a reader asks for at a time, and so its memory: 16 of half a megabyte as a rule.
const readAhead = 16

// Reader reads a stream's messages on some subjects in order, from a position on. It acknowledges nothing: positions
// live in the output of who reads. It is not safe for use by several goroutines.
type Reader struct {
	stream string
	it     jetstream.MessagesContext
}

// Reader starts after the message with sequence `after` (0: from the start of what is retained).
func (b *Bus) Reader(ctx context.Context, stream string, subjects []string, after uint64) (*Reader, error) {
	start, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	c, err := b.js.OrderedConsumer(start, stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: subjects,
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    after + 1,
	})
	if err != nil {
		return nil, fmt.Errorf("read stream %s after %d: %w", stream, after, err)
	}
	it, err := c.Messages(jetstream.PullMaxMessages(readAhead))
	if err != nil {
		return nil, fmt.Errorf("read stream %s after %d: %w", stream, after, err)
	}
	return &Reader{stream: stream, it: it}, nil
}

// Next returns the next message, or nil when none came within wait. The message is the caller's to keep.
func (r *Reader) Next(ctx context.Context, wait time.Duration) (*Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	m, err := r.it.Next(jetstream.NextContext(ctx))
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", r.stream, err)
	}
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", r.stream, err)
	}
	return &Message{Subject: m.Subject(), Sequence: meta.Sequence.Stream, Header: message.Header(m.Headers()), Body: m.Data()}, nil
}

// Close ends reading.
func (r *Reader) Close() { r.it.Stop() }
