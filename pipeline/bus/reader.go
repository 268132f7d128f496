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

const (
	// readAhead bounds the messages a reader asks for at a time, and so its memory: 16 of half a megabyte as a rule.
	readAhead = 16
	// opening bounds one try to open, so that a caller with little patience gets there too.
	opening = 2 * time.Second
	// slice bounds the waiting between two looks at the connection.
	slice = time.Second
	// silence is how long nothing may come before the reader asks whether the server still knows it.
	silence = 5 * time.Second
	// forgotten is how long the server keeps the consumer of a reader that asks for nothing.
	forgotten = 5 * time.Minute
)

// Reader reads a stream's messages on some subjects in order, from a position on, each once. It acknowledges nothing:
// positions live in the output of who reads. When the connection or the server's side of it is lost, the reader opens
// itself again after the last message it gave out. It is not safe for use by several goroutines.
type Reader struct {
	bus        *Bus
	stream     string
	subjects   []string
	after      uint64    // sequence of the last message given out
	delivered  uint64    // messages its consumer has delivered; a gap means that some were lost on the way
	reconnects uint64    // of the connection when it was opened
	heard      time.Time // when the server last gave a sign
	consumer   jetstream.Consumer
	it         jetstream.MessagesContext // nil: to be opened
	waiting    func(error)               // told when the reader has to be opened again
}

// Reader starts after the message with sequence `after` (0: from the start of what is retained).
func (b *Bus) Reader(ctx context.Context, stream string, subjects []string, after uint64) (*Reader, error) {
	r := &Reader{bus: b, stream: stream, subjects: subjects, after: after, waiting: func(error) {}}
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// After is the sequence of the last message given out.
func (r *Reader) After() uint64 { return r.after }

// OnWait sets a function that is told each time the reader is cut off, and at each try in vain to open it again.
func (r *Reader) OnWait(f func(error)) { r.waiting = f }

// open makes a consumer that lives in the server's memory and starts after the last message given out.
func (r *Reader) open(ctx context.Context) error {
	r.reconnects = r.bus.conn.Stats().Reconnects
	c, err := r.bus.js.CreateConsumer(ctx, r.stream, jetstream.ConsumerConfig{
		FilterSubjects: r.subjects, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.after + 1,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: forgotten,
	})
	if err != nil {
		return fmt.Errorf("read stream %s after %d: %w", r.stream, r.after, err)
	}
	it, err := c.Messages(jetstream.PullMaxMessages(readAhead))
	if err != nil {
		return fmt.Errorf("read stream %s after %d: %w", r.stream, r.after, err)
	}
	r.consumer, r.it, r.delivered, r.heard = c, it, 0, time.Now()
	return nil
}

// Next returns the next message, or nil when none came within wait; while the server is away it may take 2 s to say so.
// The message is the caller's to keep.
func (r *Reader) Next(ctx context.Context, wait time.Duration) (*Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for until := time.Now().Add(wait); ; {
		m, err := r.try(ctx, min(time.Until(until), slice))
		switch {
		case m != nil:
			return m, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, nats.ErrConnectionClosed):
			return nil, err
		case err != nil:
			r.drop()
			r.waiting(err)
			pause(ctx, min(time.Until(until), 100*time.Millisecond))
		}
		if !time.Now().Before(until) {
			return nil, nil
		}
	}
}

// try waits for a message, and opens the reader before if need be. An error means that it must be opened again.
func (r *Reader) try(ctx context.Context, wait time.Duration) (*Message, error) {
	if r.bus.conn.Stats().Reconnects != r.reconnects {
		r.drop() // what was on its way is lost, and the server may be another
	}
	if r.it == nil {
		ctx, cancel := context.WithTimeout(ctx, opening)
		defer cancel()
		if err := r.open(ctx); err != nil {
			return nil, err
		}
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	m, err := r.it.Next(jetstream.NextContext(waiting))
	if err != nil && waiting.Err() != nil {
		return nil, r.ask(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", r.stream, err)
	}
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", r.stream, err)
	}
	if meta.Sequence.Consumer != r.delivered+1 || meta.Sequence.Stream <= r.after {
		return nil, fmt.Errorf("read stream %s: message %d is the consumer's %d, want its %d and one after %d",
			r.stream, meta.Sequence.Stream, meta.Sequence.Consumer, r.delivered+1, r.after)
	}
	r.delivered, r.after, r.heard = meta.Sequence.Consumer, meta.Sequence.Stream, time.Now()
	return &Message{Subject: m.Subject(), Sequence: r.after, Header: message.Header(m.Headers()), Body: m.Data(), Pending: meta.NumPending}, nil
}

// ask makes sure, after some silence, that the server still knows the consumer and has nothing for it.
func (r *Reader) ask(ctx context.Context) error {
	if time.Since(r.heard) < silence || ctx.Err() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, opening)
	defer cancel()
	info, err := r.consumer.Info(ctx)
	if err != nil {
		return fmt.Errorf("read stream %s: ask for consumer: %w", r.stream, err)
	}
	if info.NumPending > 0 || info.Delivered.Consumer != r.delivered {
		return fmt.Errorf("read stream %s: %d messages after %d don't come", r.stream, info.NumPending, r.after)
	}
	r.heard = time.Now()
	return nil
}

// pause waits, or less when ctx ends.
func pause(ctx context.Context, wait time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}

// drop gives up the server's side of the reader; what it held is read again.
func (r *Reader) drop() {
	if r.it != nil {
		r.it.Stop()
		r.it = nil
	}
}

// Close ends reading.
func (r *Reader) Close() {
	r.drop()
	if r.consumer == nil || !r.bus.conn.IsConnected() {
		return // the server forgets the consumer by itself
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.bus.js.DeleteConsumer(ctx, r.stream, r.consumer.CachedInfo().Name)
}
