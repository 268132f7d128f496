package sampler

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"netstream/pipeline/bus"
	"netstream/schemas/columns"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/packet"
)

// flush is what one message of one packet shard says: its rows, and how far the source is covered with it.
type flush struct {
	ipv4      class[packet.Row[key.IPv4]]
	ipv6      class[packet.Row[key.IPv6]]
	wide      class[packet.WideRow]
	ordinal   uint64 // last packet of the source covered
	watermark int64
	end       bool
	entries   []ledger.Entry
}

// class is the rows of one class of packets.
type class[R any] struct {
	rows rows[R]
	wire []uint32 // length of each row's frame, for the books
}

// rows is what packet.Rows and packet.Wide have in common.
type rows[R any] interface {
	Append(*R)
	Read(int, *R)
	Len() int
	Reset()
	Schema() string
	Columns() []columns.Column
}

func (c *class[R]) append(row *R, wire uint32) {
	c.rows.Append(row)
	c.wire = append(c.wire, wire)
}

func (c *class[R]) reset() {
	c.rows.Reset()
	c.wire = c.wire[:0]
}

// addTo adds the rows to a message's body, if there are any.
func (c *class[R]) addTo(body *message.Body) error {
	if c.rows.Len() == 0 {
		return nil
	}
	return body.Add(c.rows.Schema(), c.rows.Columns())
}

func newFlush() *flush {
	f := &flush{}
	f.ipv4.rows, f.ipv6.rows, f.wide.rows = packet.NewIPv4(), packet.NewIPv6(), packet.NewWide()
	return f
}

// len is the number of rows.
func (f *flush) len() int { return f.ipv4.rows.Len() + f.ipv6.rows.Len() + f.wide.rows.Len() }

func (f *flush) reset() {
	f.ipv4.reset()
	f.ipv6.reset()
	f.wide.reset()
}

// shard publishes a source's rows of one packet shard. The rows being filled belong to the source's goroutine; a flush
// on its way belongs to the shard's.
type shard struct {
	number  int
	fill    *flush      // being filled
	free    chan *flush // emptied, to fill next
	spare   *flush      // for thinning, nil until it is needed
	queue   chan *flush // full, to publish
	writer  *bus.Writer
	head    message.Header // what all its messages have in common
	epoch   uint64
	covered uint64 // last packet covered when the source was opened
	ended   bool   // its last message was already there
	metrics *metrics
}

// flushes is how many a shard has: one being filled, one being published, the rest waiting. With two waiting, a source can
// feel the bus getting slow before it has no room.
const flushes = 4

// openShard opens the fence of a source's packet shard.
func openShard(ctx context.Context, s *Service, source, settings string, number int) (*shard, *bus.Message, error) {
	p := s.bus.Pipeline
	writer, last, err := s.bus.Writer(ctx, p.PacketsStream(), p.Packets(number, source))
	if err != nil {
		return nil, nil, err
	}
	writer.OnWait(func(error) { s.metrics.waits.Inc() })
	sh := &shard{
		number: number, fill: newFlush(), free: make(chan *flush, flushes), queue: make(chan *flush, flushes-2), writer: writer,
		head: message.Header{}, metrics: s.metrics,
	}
	for range flushes - 1 {
		sh.free <- newFlush()
	}
	sh.head.Set(message.Source, source)
	sh.head.Set(message.Settings, settings)
	sh.head.Set(message.Monitors, s.definitions)
	if last != nil {
		if sh.epoch, sh.covered, err = last.Header.Pair(message.Ordinal); err != nil {
			return nil, nil, fmt.Errorf("resume from %s: %w", last.Where(), err)
		}
		sh.ended = last.Header.Get(message.End) != ""
	}
	return sh, last, nil
}

// spareFlush is an empty flush beside the one being filled.
func (sh *shard) spareFlush() *flush {
	if sh.spare == nil {
		sh.spare = newFlush()
	}
	return sh.spare
}

// send publishes flushes until the queue is closed.
func (sh *shard) send(ctx context.Context) error {
	var body message.Body
	var entries ledger.Rows
	for f := range sh.queue {
		if err := sh.publish(ctx, f, &body, &entries); err != nil {
			return err
		}
		f.reset()
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
	if err := errors.Join(f.ipv4.addTo(body), f.ipv6.addTo(body), f.wide.addTo(body)); err != nil {
		return err
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
	sh.metrics.published.Add(float64(f.len()))
	return nil
}
