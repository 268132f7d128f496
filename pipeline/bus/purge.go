package bus

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Usage is what a stream holds.
type Usage struct {
	Bytes    uint64
	Last     uint64    // sequence of the last message ever stored
	Created  time.Time // of the stream: one that was deleted and made anew has another
	Subjects []string  // that have messages, in order; nil unless asked for
}

// Usage looks at a stream. With subjects it lists those that have messages.
func (b *Bus) Usage(ctx context.Context, stream string, subjects bool) (Usage, error) {
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return Usage{}, fmt.Errorf("look up stream %s: %w", stream, err)
	}
	var opts []jetstream.StreamInfoOpt
	if subjects {
		opts = append(opts, jetstream.WithSubjectFilter(">"))
	}
	info, err := s.Info(ctx, opts...)
	if err != nil {
		return Usage{}, fmt.Errorf("look at stream %s: %w", stream, err)
	}
	u := Usage{Bytes: info.State.Bytes, Last: info.State.LastSeq, Created: info.Created}
	for name := range info.State.Subjects {
		u.Subjects = append(u.Subjects, name)
	}
	slices.Sort(u.Subjects)
	return u, nil
}

// Purge deletes the messages of a subject before the one with that sequence, and never the last: it is the fence.
func (b *Bus) Purge(ctx context.Context, stream, subject string, before uint64) error {
	if before <= 1 {
		return nil // nothing comes before; to the server a purge before 0 is a purge of all
	}
	last, err := b.Last(ctx, stream, subject)
	if err != nil || last == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return fmt.Errorf("look up stream %s: %w", stream, err)
	}
	if err := s.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(min(before, last.Sequence))); err != nil {
		return fmt.Errorf("purge %s before %d: %w", subject, before, err)
	}
	return nil
}
