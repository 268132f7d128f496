package flowcache

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"netstream/pipeline/bus"
	"netstream/schemas/commit"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/packet"
	"netstream/schemas/subject"
	"netstream/schemas/window"
)

// worker is the flow cache of one packet shard.
type worker struct {
	*Service
	shard    int
	stream   string
	position uint64 // of the packets stream, covered by what is held or committed
	writer   *bus.Writer
	sources  []*source // in the order they came; the index is the source column
	byName   map[string]uint16
	caches   []cache   // by monitor
	since    time.Time // when the oldest held row or watermark came
	pending  bool      // something is not committed
	shown    int       // rows of this shard in the gauge of rows held
	ended    bool      // a source ended since the last commit
	handover *handover

	rows4 *packet.Rows[key.IPv4]
	rows6 *packet.Rows[key.IPv6]
	wide  *packet.Wide
	log1  ledger.Rows
	row   packet.WideRow
}

// newWorker opens the shard's fence and resumes from its last commit.
func newWorker(ctx context.Context, s *Service, shard int) (*worker, error) {
	w := &worker{
		Service: s, shard: shard, stream: s.bus.Pipeline.PacketsStream(), byName: map[string]uint16{},
		handover: newHandover(s.bus, shard),
		rows4:    packet.NewIPv4(), rows6: packet.NewIPv6(), wide: packet.NewWide(),
	}
	for i, d := range s.monitors {
		w.caches = append(w.caches, newCache(d, i, s.cfg.Rows))
	}
	writer, last, err := s.bus.Writer(ctx, s.bus.Pipeline.UpdatesStream(), s.bus.Pipeline.Commits(shard))
	if err != nil {
		return nil, err
	}
	writer.OnWait(func(error) { s.metrics.waits.Inc() })
	w.writer = writer
	if last == nil {
		return w, nil
	}
	if err := w.resume(last); err != nil {
		return nil, fmt.Errorf("resume from %s: %w", last.Where(), err)
	}
	s.committed.Set(shard, w.position)
	s.log.Info("flow cache resumes", "shard", shard, "position", w.position, "sources", len(w.sources))
	return w, nil
}

// resume takes position, watermarks and counters from the last commit.
func (w *worker) resume(last *bus.Message) error {
	covered, err := message.ParsePosition(last.Header.Get(message.Position))
	if err != nil {
		return err
	}
	w.position = covered[w.stream]
	parts, err := message.Parts(last.Header, last.Body, commit.SchemaWatermark, ledger.Schema)
	if err != nil {
		return err
	}
	var marks commit.Watermarks
	entries := map[string][]ledger.Entry{} // by source
	for _, p := range parts {
		switch p.Schema {
		case commit.SchemaWatermark:
			if err := p.Read(marks.Columns()); err != nil {
				return err
			}
			for i := range marks.Len() {
				if m := marks.At(i); !m.Ended {
					w.source(m.Source).Watermark = m
				}
			}
		case ledger.Schema:
			if err := p.Read(w.log1.Columns()); err != nil {
				return err
			}
			for i := range w.log1.Len() {
				e := w.log1.At(i)
				entries[e.Source] = append(entries[e.Source], e)
			}
		}
	}
	for _, s := range w.sources {
		s.restore(entries[s.Source])
	}
	return nil
}

func (w *worker) known(name string) bool {
	_, ok := w.byName[name]
	return ok
}

// source is the source of that name, made if need be.
func (w *worker) source(name string) *source {
	i, ok := w.byName[name]
	if !ok {
		i = uint16(len(w.sources))
		w.byName[name] = i
		w.sources = append(w.sources, newSource(name, w.shard, w.monitors))
	}
	return w.sources[i]
}

// run takes in messages and hands over until ctx ends.
func (w *worker) run(ctx context.Context) error {
	reader, err := w.bus.Reader(ctx, w.stream, []string{w.bus.Pipeline.Packets(w.shard, "*")}, w.position)
	if err != nil {
		return err
	}
	defer reader.Close()
	defer w.showHeld(0)
	for {
		m, err := reader.Next(ctx, w.patience())
		if err != nil {
			return err
		}
		if m != nil {
			if err := w.take(m); err != nil {
				return m.Unusable(w.stream, err)
			}
		}
		silent := m == nil
		if full := w.full(); w.pending && (silent || full || w.ended || time.Since(w.since) >= w.cfg.HandOver) {
			if err := w.handOver(ctx); err != nil {
				return err
			}
		}
	}
}

// patience is how long the input may be silent before what is held must go.
func (w *worker) patience() time.Duration {
	if !w.pending {
		return w.cfg.HandOver
	}
	return max(w.cfg.HandOver-time.Since(w.since), time.Millisecond)
}

// take merges one message of sampled packets.
func (w *worker) take(m *bus.Message) error {
	name := m.Header.Get(message.Source)
	if err := subject.Valid(name); err != nil {
		return fmt.Errorf("%w: %s: %w", message.ErrHeader, message.Source, err)
	}
	mark, err := m.Header.Int(message.Watermark)
	if err != nil {
		return err
	}
	if mark > window.MaxTime {
		return fmt.Errorf("%w: %s: %d, want at most %d", message.ErrHeader, message.Watermark, mark, window.MaxTime)
	}
	parts, err := message.Parts(m.Header, m.Body, packet.SchemaIPv4, packet.SchemaIPv6, packet.SchemaWide, ledger.Schema)
	if err != nil {
		return err
	}
	if len(w.sources) > math.MaxUint16-1 && !w.known(name) {
		return fmt.Errorf("more than %d sources", math.MaxUint16)
	}
	src := w.source(name)
	if err := src.serves.read(m.Header, name, w.monitors, w.log); err != nil {
		return err
	}
	w.rows4.Reset()
	w.rows6.Reset()
	w.wide.Reset()
	w.log1.Reset()
	for i, p := range parts { // read all before any of it counts
		if slices.ContainsFunc(parts[:i], func(o message.Part) bool { return o.Schema == p.Schema }) {
			return fmt.Errorf("%w: two streams of %s", message.ErrBody, p.Schema)
		}
		cols := w.log1.Columns()
		switch p.Schema {
		case packet.SchemaIPv4:
			cols = w.rows4.Columns()
		case packet.SchemaIPv6:
			cols = w.rows6.Columns()
		case packet.SchemaWide:
			cols = w.wide.Columns()
		}
		if err := p.Read(cols); err != nil {
			return err
		}
	}
	if err := errors.Join(check(&w.rows4.Seen, packet.SchemaIPv4), check(&w.rows6.Seen, packet.SchemaIPv6), check(&w.wide.Seen, packet.SchemaWide)); err != nil {
		return err
	}
	before := src.in
	w.merge(src, w.byName[name])
	w.metrics.packets.Add(float64(src.in.Packets - before.Packets))
	w.metrics.bytes.Add(float64(src.in.Bytes - before.Bytes))
	w.metrics.messages.Inc()
	w.showHeld(w.held())
	for i := range w.log1.Len() {
		src.sampler.Put(w.log1.At(i))
	}
	src.Time = max(src.Time, mark)
	src.Live = src.Live || isLive(m.Header)
	if m.Header.Get(message.End) != "" {
		src.Ended, w.ended = true, true
	}
	w.position = m.Sequence
	if !w.pending {
		w.pending, w.since = true, time.Now()
	}
	return nil
}

// isLive tells whether a source is a live one: each of its starts is an epoch, and a file has none.
func isLive(h message.Header) bool {
	epoch, _, err := h.Pair(message.Ordinal)
	return err == nil && epoch > 0
}

// check refuses times that no sampler publishes: an ager would never come to the windows of such rows.
func check(rows *packet.Seen, schema string) error {
	for i, t := range rows.Time {
		filed := rows.WindowAt(i)
		if t < 0 || t >= filed+window.Length || filed > window.MaxTime || filed != window.Of(filed) {
			return fmt.Errorf("%w: %s row %d: time %d filed under window %d", message.ErrBody, schema, i, t, filed)
		}
	}
	return nil
}

// showHeld sets this shard's share of the rows held.
func (w *worker) showHeld(rows int) {
	w.metrics.held.Add(float64(rows - w.shown))
	w.shown = rows
}

// held is how many rows all monitors hold together.
func (w *worker) held() (rows int) {
	for _, c := range w.caches {
		rows += c.Len()
	}
	return rows
}

// full tells whether a monitor holds its limit, or all together as much as leaves room for one more message in a batch.
func (w *worker) full() bool {
	bytes := 0
	for i, c := range w.caches {
		if c.Len() >= w.cfg.Rows {
			return true
		}
		bytes += c.Len() * w.monitors[i].RowBytes()
	}
	return bytes >= heldBytes-shardBytes*w.bus.Layout.FlowShards
}

// handOver publishes all that is held as one atomic batch and empties the tables.
func (w *worker) handOver(ctx context.Context) error {
	h := w.handover
	sampled := slices.ContainsFunc(w.caches, cache.Sampled)
	h.begin(w.sources, w.definitions, w.stream, w.position, sampled)
	held := w.held()
	for _, c := range w.caches {
		if err := c.handOver(h, w.sources); err != nil {
			return err
		}
	}
	if err := h.rest(); err != nil {
		return err
	}
	head, body, err := h.commit(w.sources)
	if err != nil {
		return err
	}
	if err := w.writer.PublishBatch(ctx, h.batch(), head, body); err != nil {
		return err
	}
	w.committed.Set(w.shard, w.position)
	w.metrics.handOvers.Inc()
	w.metrics.updates.Add(float64(held))
	w.showHeld(0)
	for _, c := range w.caches {
		c.Reset()
	}
	w.pending = false
	if w.ended {
		w.forgetEnded()
	}
	return nil
}

// forgetEnded drops sources whose end is committed.
func (w *worker) forgetEnded() {
	w.ended = false
	kept := w.sources[:0]
	clear(w.byName)
	for _, s := range w.sources {
		if !s.Ended {
			w.byName[s.Source] = uint16(len(kept))
			kept = append(kept, s)
		}
	}
	clear(w.sources[len(kept):])
	w.sources = kept
}
