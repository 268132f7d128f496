package collector

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"netstream/pipeline/bus"
	"netstream/schemas/columns"
	"netstream/schemas/datagram"
	"netstream/schemas/message"
	"netstream/schemas/wire/nsv5"
	"netstream/schemas/wire/nsv9"
	"netstream/services/analyzer/internal/store"
)

// Decoder decodes datagrams from the bus into the database. What it does is a function of the stream: the times that
// count are those of arrival, written by the receiver.
type Decoder struct {
	bus       *bus.Bus
	store     *store.Store
	interval  time.Duration
	metrics   *Metrics
	log       *slog.Logger
	stream    string
	shards    map[int]store.Position
	exporters map[exporterKey]*exporter
	touched   map[*exporter]bool // by the batch
	batch     *store.Batch
	deadline  time.Time
	landed    sync.Map // by shard: the sequence that is landed, for others to read

	records5 []nsv5.Record
	record9  nsv9.Record
	template nsv9.Template
}

// exporterKey: an exporter is in one shard, but shards may be moved between analyzers.
type exporterKey struct {
	addr  netip.Addr
	shard int
}

// Open reads positions and state. shards are those to decode; nil: all.
func Open(ctx context.Context, shards []int, interval time.Duration, b *bus.Bus, s *store.Store, m *Metrics, log *slog.Logger) (*Decoder, error) {
	d := &Decoder{
		bus: b, store: s, interval: interval, metrics: m, log: log, stream: b.Pipeline.DatagramsStream(),
		shards: map[int]store.Position{}, exporters: map[exporterKey]*exporter{}, touched: map[*exporter]bool{}, batch: store.NewBatch(),
	}
	if shards == nil {
		for n := range b.Layout.FlowShards {
			shards = append(shards, n)
		}
	}
	positions, err := s.Positions(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range shards {
		d.shards[n] = positions[store.Shard{Stream: d.stream, Number: n}]
		d.landed.Store(n, d.shards[n].Sequence)
	}
	d.batch.Also = d.save
	if err := d.load(ctx); err != nil {
		return nil, fmt.Errorf("resume decoding: %w", err)
	}
	return d, nil
}

// exporter is the one of that address, made when it is new.
func (d *Decoder) exporter(a netip.Addr, shard int) (*exporter, error) {
	k := exporterKey{a.Unmap(), shard}
	if x := d.exporters[k]; x != nil {
		return x, nil
	}
	x := newExporter(k.addr, shard)
	id, err := d.store.SourceID(x.name)
	if err != nil {
		return nil, err
	}
	x.source = id
	d.exporters[k] = x
	return x, nil
}

// Position is the sequence up to which a shard's datagrams are landed.
func (d *Decoder) Position(shard int) uint64 {
	n, _ := d.landed.Load(shard)
	sequence, _ := n.(uint64)
	return sequence
}

// Run decodes until ctx ends; what is read by then is landed before it returns.
func (d *Decoder) Run(ctx context.Context) error {
	var subjects []string
	after, first := uint64(0), true
	for n, p := range d.shards {
		subjects = append(subjects, d.bus.Pipeline.Datagrams(n, "*"))
		if first || p.Sequence < after {
			after, first = p.Sequence, false
		}
	}
	reader, err := d.bus.Reader(ctx, d.stream, subjects, after)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		wait := time.Second
		if !d.batch.Empty() {
			wait = max(time.Until(d.deadline), time.Millisecond)
		}
		m, err := reader.Next(ctx, wait)
		if ctx.Err() != nil {
			return d.flush(ctx)
		}
		if err != nil {
			return err
		}
		if m != nil {
			if err := d.take(m); err != nil {
				return fmt.Errorf("stream %s, %s: %w", d.stream, m.Where(), err)
			}
		}
		if d.batch.Rows.Len() >= store.RowGroup || !d.batch.Empty() && !time.Now().Before(d.deadline) {
			if err := d.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// take decodes one message. A datagram never fails it; the message itself was written by a receiver of ours.
func (d *Decoder) take(m *bus.Message) error {
	shard, err := d.bus.Pipeline.Shard(m.Subject)
	if err != nil {
		return err
	}
	position, ours := d.shards[shard]
	if !ours || m.Sequence <= position.Sequence {
		return nil
	}
	parts, err := message.Parts(m.Header, m.Body, datagram.Schema)
	if err != nil {
		return err
	}
	if d.batch.Empty() {
		d.deadline = time.Now().Add(d.interval)
	}
	for _, p := range parts {
		var rows datagram.Rows
		n, err := columns.Read(p.Data, rows.Columns())
		if err != nil {
			return err
		}
		for i := range n {
			x, err := d.exporter(netip.AddrFrom16(rows.Exporter[i]), shard)
			if err != nil {
				return err
			}
			d.datagram(x, received{at: rows.Received[i], port: rows.Port[i]}, rows.Payload.At(i))
			d.touched[x] = true
		}
	}
	d.batch.Rows.Complete()
	position.Sequence = m.Sequence
	d.shards[shard] = position
	d.batch.Positions[store.Shard{Stream: d.stream, Number: shard}] = position
	return nil
}

// flush lands what is decoded.
func (d *Decoder) flush(ctx context.Context) error {
	if d.batch.Empty() {
		return nil
	}
	for x := range d.touched {
		for _, e := range x.books {
			d.batch.Ledger[e.Key()] = *e
		}
	}
	if err := d.store.Land(ctx, d.batch); err != nil {
		return err
	}
	d.batch.Reset()
	for n, p := range d.shards {
		d.landed.Store(n, p.Sequence)
	}
	for x := range d.touched {
		clear(x.changed)
	}
	clear(d.touched)
	return nil
}
