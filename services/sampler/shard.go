package sampler

import (
	"context"
	"fmt"
	"strconv"

	"netstream/pipeline/bus"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/packet"
)

// flush is what one message of one packet shard says: its rows, and how far the source is covered with it.
type flush struct {
	ipv4      *packet.Rows[key.IPv4]
	ipv6      *packet.Rows[key.IPv6]
	ordinal   uint64 // last packet of the source covered
	watermark int64
	end       bool
	entries   []ledger.Entry
}

func newFlush() *flush { return &flush{ipv4: packet.NewIPv4(), ipv6: packet.NewIPv6()} }

// shard publishes a source's rows of one packet shard. The rows being filled belong to the source's goroutine; a flush
// on its way belongs to the shard's.
type shard struct {
	number  int
	fill    *flush      // being filled
	free    chan *flush // emptied, to fill next
	queue   chan *flush // full, to publish
	writer  *bus.Writer
	head    message.Header // what all its messages have in common
	epoch   uint64
	covered uint64 // last packet covered when the source was opened
	ended   bool   // its last message was already there
	metrics *metrics
}

// flushes is how many a shard has: one being filled, one being published, one waiting.
const flushes = 3

// openShard opens the fence of a source's packet shard.
func openShard(ctx context.Context, s *Service, source string, number int) (*shard, *bus.Message, error) {
	p := s.bus.Pipeline
	writer, last, err := s.bus.Writer(ctx, p.PacketsStream(), p.Packets(number, source))
	if err != nil {
		return nil, nil, err
	}
	writer.OnWait(func(error) { s.metrics.waits.Inc() })
	sh := &shard{
		number: number, fill: newFlush(), free: make(chan *flush, flushes), queue: make(chan *flush, 1), writer: writer,
		head: message.Header{}, metrics: s.metrics,
	}
	for range flushes - 1 {
		sh.free <- newFlush()
	}
	sh.head.Set(message.Source, source)
	sh.head.Set(message.Settings, s.cfg.fingerprint())
	if last != nil {
		if sh.epoch, sh.covered, err = last.Header.Pair(message.Ordinal); err != nil {
			return nil, nil, fmt.Errorf("resume from %s: %w", last.Where(), err)
		}
		sh.ended = last.Header.Get(message.End) != ""
	}
	return sh, last, nil
}

// send publishes flushes until the queue is closed.
func (sh *shard) send(ctx context.Context) error {
	var body message.Body
	var entries ledger.Rows
	for f := range sh.queue {
		if err := sh.publish(ctx, f, &body, &entries); err != nil {
			return err
		}
		f.ipv4.Reset()
		f.ipv6.Reset()
		sh.free <- f
	}
	return nil
}

// publish publishes one flush, unless all it covers is published already.
func (sh *shard) publish(ctx context.Context, f *flush, body *message.Body, entries *ledger.Rows) error {
	if sh.ended || f.ordinal <= sh.covered && !f.end {
		return nil
	}
	body.Reset()
	if f.ipv4.Len() > 0 {
		if err := body.Add(f.ipv4.Schema(), f.ipv4.Columns()); err != nil {
			return err
		}
	}
	if f.ipv6.Len() > 0 {
		if err := body.Add(f.ipv6.Schema(), f.ipv6.Columns()); err != nil {
			return err
		}
	}
	entries.Reset()
	for i := range f.entries {
		entries.Append(&f.entries[i])
	}
	if err := body.Add(ledger.Schema, entries.Columns()); err != nil {
		return err
	}
	h := message.Header{message.Streams: {body.Streams()}, message.Watermark: {strconv.FormatInt(f.watermark, 10)}}
	for k, v := range sh.head {
		h[k] = v
	}
	h.SetPair(message.Ordinal, sh.epoch, f.ordinal)
	if f.end {
		h.Set(message.End, "1")
	}
	if err := sh.writer.Publish(ctx, h, body.Bytes()); err != nil {
		return err
	}
	sh.metrics.messages.Inc()
	sh.metrics.published.Add(float64(f.ipv4.Len() + f.ipv6.Len()))
	return nil
}
