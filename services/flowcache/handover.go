package flowcache

import (
	"strings"

	"netstream/pipeline/bus"
	"netstream/schemas/commit"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/update"
	"netstream/services/flowcache/internal/table"
)

// partBytes is the size at which a part of a hand-over is cut.
const partBytes = 512 << 10

// handover builds the messages of one hand-over; its memory is reused.
type handover struct {
	bus    *bus.Bus
	shard  int
	header message.Header // of the parts
	parts  []bus.Part
	bodies []*message.Body          // behind parts, reused
	ipv4   []*update.Rows[key.IPv4] // one for each flow shard
	ipv6   []*update.Rows[key.IPv6]
	wide   []*update.Rows[key.Wide]
	last   message.Body
	marks  commit.Watermarks
	ledger ledger.Rows
}

func newHandover(b *bus.Bus, shard int) *handover {
	h := &handover{bus: b, shard: shard}
	for range b.Layout.FlowShards {
		h.ipv4 = append(h.ipv4, update.NewIPv4())
		h.ipv6 = append(h.ipv6, update.NewIPv6())
		h.wide = append(h.wide, update.NewWide())
	}
	return h
}

// begin starts a hand-over of all up to a position.
func (h *handover) begin(sources []*source, monitors, stream string, position uint64) {
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = s.Source
	}
	h.header = message.Header{}
	h.header.Set(message.Sources, strings.Join(names, " "))
	h.header.Set(message.Monitors, monitors)
	h.header.Set(message.Position, message.FormatPosition(stream, position))
	h.parts = h.parts[:0]
}

// build deals the rows of a monitor's table to the flow shards and cuts them into parts.
func build[K key.Key[K]](h *handover, shards []*update.Rows[K], t *table.Table[K], monitor uint8, sources []*source) error {
	sampled := t.Sampled()
	cut := 0
	err := t.Each(func(u *update.Row[K], hash uint64) error {
		u.Monitor = monitor
		out := &sources[u.Source].books[monitor].out
		out.Packets += uint64(u.Packets)
		out.Bytes += u.Bytes
		out.Rows++
		f := key.Shard(hash, len(shards))
		rows := shards[f]
		rows.Append(u, sampled)
		if cut == 0 {
			cut = partBytes / rows.RowBytes()
		}
		if rows.Len() < cut {
			return nil
		}
		return add(h, f, rows)
	})
	for f, rows := range shards {
		if err == nil && rows.Len() > 0 {
			err = add(h, f, rows)
		}
	}
	return err
}

// add makes a part of the rows and empties them.
func add[K any](h *handover, flowShard int, rows *update.Rows[K]) error {
	i := len(h.parts)
	if i == len(h.bodies) {
		h.bodies = append(h.bodies, &message.Body{})
	}
	body := h.bodies[i]
	body.Reset()
	if err := body.Add(rows.Schema(), rows.Columns()); err != nil {
		return err
	}
	rows.Reset()
	head := message.Header{message.Streams: {body.Streams()}}
	for k, v := range h.header {
		head[k] = v
	}
	h.parts = append(h.parts, bus.Part{Subject: h.bus.Pipeline.Updates(flowShard, h.shard), Header: head, Body: body.Bytes()})
	return nil
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
