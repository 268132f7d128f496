package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Release deletes what all readers are done with: a stream's messages on the subjects of one filter, up to and including
// sequence upTo, but never the last on a subject, where fence and resume position live. A stale upTo is safe.
//
// It also bounds the memory of a server that writes one copy: it keeps some 10 s of what was written or read in memory,
// and drops it earlier only for what is deleted.
func (b *Bus) Release(ctx context.Context, stream, filter string, upTo uint64) error {
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return fmt.Errorf("look up stream %s: %w", stream, err)
	}
	last, err := b.lastSequences(ctx, stream, filter)
	if err != nil {
		return fmt.Errorf("release %s up to %d: %w", filter, upTo, err)
	}
	for subject, seq := range last {
		// A purge deletes what comes before its sequence.
		err := s.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(min(upTo+1, seq)))
		if err != nil {
			return fmt.Errorf("release %s up to %d: %w", subject, upTo, err)
		}
	}
	return nil
}

// lastSequences returns the sequence of the last message on each subject of a filter, without reading their bodies.
func (b *Bus) lastSequences(ctx context.Context, stream, filter string) (map[string]uint64, error) {
	c, err := b.js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		FilterSubject: filter, DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy, HeadersOnly: true,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Minute,
	})
	if err != nil {
		return nil, err
	}
	info := c.CachedInfo()
	defer func() { _ = b.js.DeleteConsumer(ctx, stream, info.Name) }()
	last := map[string]uint64{}
	for left := int(info.NumPending); left > 0; {
		batch, err := c.Fetch(min(left, 1000), jetstream.FetchMaxWait(time.Second))
		if err != nil {
			return nil, err
		}
		got := 0
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return nil, err
			}
			last[m.Subject()] = meta.Sequence.Stream
			got++
		}
		if batch.Error() != nil {
			return nil, batch.Error()
		}
		if left -= got; got == 0 {
			break // those that are missing were replaced by later ones; they keep until the next time
		}
	}
	return last, nil
}
