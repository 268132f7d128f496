package flowcache

import (
	"strings"

	"netstream/pipeline/bus"
	"netstream/schemas/columns"
	"netstream/schemas/commit"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/update"
	"netstream/schemas/weight"
	"netstream/services/flowcache/internal/table"
)

// partBytes is the size at which a part of a hand-over is cut.
const partBytes = 512 << 10

// cutEvery is after how many rows it is looked at: more of them make columns present, so the size of a row isn't known before.
const cutEvery = 256

// handover builds the messages of one hand-over; its memory is reused.
type handover struct {
	bus       *bus.Bus
	shard     int
	header    message.Header           // of the parts
	sampled   bool                     // some packet stands for more than itself
	ipv4      []*update.Rows[key.IPv4] // one for each flow shard
	ipv6      []*update.Rows[key.IPv6]
	wide      []*update.Rows[key.Wide]
	collected []*update.Rows[key.Wide] // with values, apart so that others need no room for any
	streams   [][]stream               // by flow shard, all of these
	parts     []part
	bodies    []*message.Body // of parts, reused
	batched   []bus.Part
	last      message.Body
	marks     commit.Watermarks
	ledger    ledger.Rows
}

// part is one message of updates.
type part struct {
	flowShard int
	body      *message.Body
}

// stream is the rows of one class for one flow shard.
type stream interface {
	Schema() string
	Columns() []columns.Column
	Len() int
	RowBytes() int
	Reset()
}

func newHandover(b *bus.Bus, shard int) *handover {
	h := &handover{bus: b, shard: shard}
	for f := range b.Layout.FlowShards {
		h.ipv4 = append(h.ipv4, update.NewIPv4())
		h.ipv6 = append(h.ipv6, update.NewIPv6())
		h.wide = append(h.wide, update.NewWide())
		h.collected = append(h.collected, update.NewWide())
		h.streams = append(h.streams, []stream{h.ipv4[f], h.ipv6[f], h.wide[f], h.collected[f]})
	}
	return h
}

// begin starts a hand-over of all up to a position.
func (h *handover) begin(sources []*source, monitors, stream string, position uint64, sampled bool) {
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = s.Source
	}
	h.header = message.Header{}
	h.header.Set(message.Sources, strings.Join(names, " "))
	h.header.Set(message.Monitors, monitors)
	h.header.Set(message.Position, message.FormatPosition(stream, position))
	h.parts, h.sampled = h.parts[:0], sampled
}

// build deals the rows of a monitor's table to the flow shards, and makes parts of those that are large enough.
func build[K key.Key[K]](h *handover, shards []*update.Rows[K], t *table.Table[K], monitor uint8, sources []*source) error {
	unsampled := h.sampled && !t.Sampled() // rows of one class have sums, all or none
	return t.Each(func(u *update.Row[K], hash uint64) error {
		u.Monitor = monitor
		if unsampled {
			u.Sums = weight.Unsampled(uint64(u.Packets), u.Bytes)
		}
		out := &sources[u.Source].books[monitor].out
		out.Packets += uint64(u.Packets)
		out.Bytes += u.Bytes
		out.Rows++
		f := key.Shard(hash, len(shards))
		rows := shards[f]
		rows.Append(u, h.sampled)
		if rows.Len()%cutEvery != 0 || rows.Len()*rows.RowBytes() < partBytes {
			return nil
		}
		return add(h.part(f), rows)
	})
}

// rest makes parts of what is left: one for a flow shard, or several if it is much.
func (h *handover) rest() error {
	for f, streams := range h.streams {
		var body *message.Body
		for _, s := range streams {
			if s.Len() == 0 {
				continue
			}
			if body == nil || body.Len()+s.Len()*s.RowBytes() > partBytes {
				body = h.part(f)
			}
			if err := add(body, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// part is the body of a new part.
func (h *handover) part(flowShard int) *message.Body {
	i := len(h.parts)
	if i == len(h.bodies) {
		h.bodies = append(h.bodies, &message.Body{})
	}
	h.bodies[i].Reset()
	h.parts = append(h.parts, part{flowShard, h.bodies[i]})
	return h.bodies[i]
}

// add adds the rows to a body and empties them.
func add(body *message.Body, rows stream) error {
	err := body.Add(rows.Schema(), rows.Columns())
	rows.Reset()
	return err
}

// batch is all parts, with their headers.
func (h *handover) batch() []bus.Part {
	h.batched = h.batched[:0]
	for _, p := range h.parts {
		head := message.Header{message.Streams: {p.body.Streams()}}
		for k, v := range h.header {
			head[k] = v
		}
		h.batched = append(h.batched, bus.Part{Subject: h.bus.Pipeline.Updates(p.flowShard, h.shard), Header: head, Body: p.body.Bytes()})
	}
	return h.batched
}

// commit makes the last message.
func (h *handover) commit(sources []*source) (message.Header, []byte, error) {
	h.marks.Reset()
	h.ledger.Reset()
	for _, s := range sources {
		h.marks.Append(s.Watermark)
		s.entries(&h.ledger)
	}
	h.last.Reset()
	if err := h.last.Add(commit.SchemaWatermark, h.marks.Columns()); err != nil {
		return nil, nil, err
	}
	if err := h.last.Add(ledger.Schema, h.ledger.Columns()); err != nil {
		return nil, nil, err
	}
	head := message.Header{message.Streams: {h.last.Streams()}, message.Position: h.header[message.Position]}
	return head, h.last.Bytes(), nil
}
