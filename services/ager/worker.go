package ager

import (
	"context"
	"fmt"
	"time"

	"netstream/pipeline/bus"
	"netstream/schemas/commit"
	decision "netstream/schemas/control"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/update"
	"netstream/schemas/window"
	"netstream/services/ager/internal/flows"
)

// worker is the ager of one flow shard.
type worker struct {
	*Service
	shard    int
	sources  map[string]*source
	order    []*source // in the order they came, which the log decides
	monitors *roster
	emitter  *emitter
	keeper   *keeper
	created  time.Time // when the updates stream was made
	taken    uint64    // updates
	midway   bool      // updates of a hand-over are taken in, its commit isn't
	shown    int       // live flows of this shard in the gauge of live flows
	watch    *watch    // of flow shard 0 alone, nil of others
}

func newWorker(ctx context.Context, s *Service, shard int) (*worker, error) {
	monitors := &roster{}
	e, err := newEmitter(ctx, s, shard, monitors)
	if err != nil {
		return nil, err
	}
	w := &worker{Service: s, shard: shard, sources: map[string]*source{}, monitors: monitors, emitter: e}
	updates, err := s.bus.Usage(ctx, e.stream, false)
	if err != nil {
		return nil, err
	}
	w.created = updates.Created
	if w.keeper, err = openKeeper(ctx, w); err != nil {
		return nil, err
	}
	if err := w.keeper.recover(ctx); err != nil {
		return nil, err
	}
	if err := e.checkSettings(); err != nil {
		return nil, err
	}
	s.log.Info("ager goes on", "shard", shard, "published", e.done, "position", e.covered, "from", e.position)
	return w, nil
}

// run reads the updates stream from its checkpoint, or from where nothing was held, until ctx ends.
func (w *worker) run(ctx context.Context) error {
	p := w.bus.Pipeline
	reader, err := w.bus.Reader(ctx, p.UpdatesStream(), []string{"ns." + string(p) + ".updates." + fmt.Sprint(w.shard) + ".*", "ns." + string(p) + ".commits.*", p.Control()}, w.emitter.position)
	if err != nil {
		return err
	}
	defer reader.Close()
	defer w.showLive(0)
	// A step that is begun when ctx ends is finished, if the bus takes its flows within the grace.
	patient, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, giveUp) })()
	defer w.own(ctx, reader)()
	for {
		m, err := reader.Next(ctx, time.Second)
		if err != nil {
			if ctx.Err() != nil {
				w.leave(context.WithoutCancel(ctx), reader)
			}
			return err
		}
		if m != nil {
			if err := w.take(patient, m); err != nil {
				return err
			}
		}
		if !w.midway {
			w.keeper.tend(ctx)
		}
		w.release()
		w.follow(reader, m)
	}
}

// release lets go of what no restart will read again: it begins with the newest good checkpoint, of which the one before may be the
// one, or where the last message says that nothing was held.
func (w *worker) release() {
	w.released.Set(w.shard, max(w.emitter.resumed.sequence, w.keeper.Released()))
}

// stopGrace is how long a stop waits for the bus.
const stopGrace = 2 * time.Second

// leave saves what is alive when the worker is stopped, so that the next one needs no replay. The rest of a hand-over, of which
// some is taken in, is there and taken in too.
func (w *worker) leave(ctx context.Context, reader *bus.Reader) {
	ctx, cancel := context.WithTimeout(ctx, leaving)
	defer cancel()
	for w.midway {
		m, err := reader.Next(ctx, time.Second)
		if err == nil && m != nil {
			err = w.take(ctx, m)
		}
		if err != nil {
			w.log.Warn("no checkpoint at the stop; the next ager replays all since the last", "shard", w.shard, "error", err)
			return
		}
	}
	w.keeper.last(ctx)
}

// take handles one message.
func (w *worker) take(ctx context.Context, m *bus.Message) error {
	if m.Subject == w.bus.Pipeline.Control() {
		rows, err := decision.Read(m.Header, m.Body)
		if err != nil {
			return m.Unusable(w.emitter.stream, err)
		}
		if err := w.act(ctx, m, rows); err != nil {
			return fmt.Errorf("%s: %w", m.Where(), err)
		}
		return nil
	}
	isCommit, err := w.note(m)
	if err != nil {
		return m.Unusable(w.emitter.stream, err)
	}
	w.midway = !isCommit
	if !isCommit {
		return nil
	}
	if err := w.step(ctx, m.Sequence); err != nil {
		return fmt.Errorf("%s: %w", m.Where(), err)
	}
	return nil
}

// note takes in what a message says. A step follows a commit.
func (w *worker) note(m *bus.Message) (isCommit bool, err error) {
	packetShard, isCommit, err := w.bus.Pipeline.PacketShard(m.Subject)
	switch {
	case err != nil:
		return false, err
	case packetShard < 0 || packetShard >= w.bus.Layout.PacketShards:
		return false, fmt.Errorf("packet shard %d of %d", packetShard, w.bus.Layout.PacketShards)
	case isCommit:
		return true, w.mark(m, packetShard)
	}
	return false, w.hold(m)
}

// hold files the updates of a message under their sources and windows.
func (w *worker) hold(m *bus.Message) error {
	parts, err := message.Parts(m.Header, m.Body, update.SchemaIPv4, update.SchemaIPv6, update.SchemaWide)
	if err != nil {
		return err
	}
	names := m.Header.List(message.Sources)
	monitors, err := w.monitors.read(m.Header)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := w.holdPart(p, names, monitors); err != nil {
			return err
		}
	}
	return nil
}

// holdPart files the updates of one class.
func (w *worker) holdPart(p message.Part, names []string, monitors []uint8) error {
	switch p.Schema {
	case update.SchemaIPv4:
		return hold(w, p, update.NewIPv4(), names, monitors)
	case update.SchemaIPv6:
		return hold(w, p, update.NewIPv6(), names, monitors)
	default:
		return hold(w, p, update.NewWide(), names, monitors)
	}
}

// hold cuts the rows of one part into runs of one source, monitor and window. The rows stay in the message's memory.
func hold[K key.Key[K]](w *worker, p message.Part, rows *update.Rows[K], names []string, monitors []uint8) error {
	if err := p.Read(rows.Columns()); err != nil {
		return err
	}
	if err := rows.Check(len(names), len(monitors)); err != nil {
		return err
	}
	w.metrics.updates.Add(float64(rows.Len()))
	w.taken += uint64(rows.Len())
	for lo, hi := 0, 0; lo < rows.Len(); lo = hi {
		src, number, start := rows.Source[lo], rows.Monitor[lo], rows.WindowAt(lo)
		s := w.source(names[src])
		late := start+1 <= s.clock
		if late && !s.forgives(start) {
			return fmt.Errorf("%s row %d: window %d of source %s is already closed", p.Schema, lo, start, s.name)
		}
		if start != window.Of(start) || start < 0 || start > window.MaxTime {
			return fmt.Errorf("%w: %s row %d: window %d", message.ErrBody, p.Schema, lo, start)
		}
		d := &w.monitors.list[monitors[number]]
		k, ok := w.kind(s, monitors[number]).(*keyed[K])
		if !ok {
			return fmt.Errorf("%w: %s row %d: not a record of monitor %s", message.ErrBody, p.Schema, lo, d)
		}
		collects := d.Collects()
		var packets, bytes uint64
		for hi = lo; hi < rows.Len() && rows.Source[hi] == src && rows.Monitor[hi] == number && rows.WindowAt(hi) == start; hi++ {
			if first, last := rows.First[hi], rows.Last[hi]; first < 0 || first > last || last >= start+window.Length || rows.Packets[hi] == 0 {
				return fmt.Errorf("%w: %s row %d: %d packets from %d to %d in window %d", message.ErrBody, p.Schema, hi, rows.Packets[hi], first, last, start)
			}
			if rows.Values.Has(hi) != collects {
				return fmt.Errorf("%w: %s row %d: collected values %t, of monitor %s", message.ErrBody, p.Schema, hi, !collects, d)
			}
			packets += uint64(rows.Packets[hi])
			bytes += rows.Bytes[hi]
		}
		k.book.count(hi-lo, packets, bytes)
		if late {
			w.metrics.late.Add(float64(hi - lo))
			start = s.clock
		}
		h := s.at(start)
		h.runs = append(h.runs, run{k, rows, lo, hi})
	}
	return nil
}

// kind is the flows of a monitor of a source, made if need be.
func (w *worker) kind(s *source, monitor uint8) kind {
	for len(s.kinds) <= int(monitor) {
		s.kinds = append(s.kinds, nil)
	}
	if s.kinds[monitor] == nil {
		d := w.monitors.list[monitor]
		aging := w.aging(d.Name)
		if d.Immediate {
			aging.Cache = flows.Immediate
		}
		s.kinds[monitor] = newKind(s, d, monitor, aging)
	}
	return s.kinds[monitor]
}

// mark takes watermarks and counters from a commit.
func (w *worker) mark(m *bus.Message, packetShard int) error {
	parts, err := message.Parts(m.Header, m.Body, commit.SchemaWatermark, ledger.Schema)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if p.Schema == commit.SchemaWatermark {
			var marks commit.Watermarks
			if err := p.Read(marks.Columns()); err != nil {
				return err
			}
			for i := range marks.Len() {
				mark := marks.At(i)
				if mark.Time > window.MaxTime {
					return fmt.Errorf("%w: watermark %d of source %s, want at most %d", message.ErrBody, mark.Time, mark.Source, window.MaxTime)
				}
				w.watch.heard(mark, time.Now())
				s := w.source(mark.Source)
				mark.Time = max(mark.Time, s.marks[packetShard].Time) // a clock never goes back
				s.marks[packetShard] = mark
				s.touched = true
			}
			continue
		}
		var rows ledger.Rows
		if err := p.Read(rows.Columns()); err != nil {
			return err
		}
		for i := range rows.Len() {
			e := rows.At(i)
			w.source(e.Source).upstream.Put(e)
		}
	}
	return nil
}

// step moves the clocks as far as the watermarks allow and publishes what ended.
func (w *worker) step(ctx context.Context, sequence uint64) error {
	var failed error
	emit := func(s *source) {
		if failed == nil {
			failed = w.emitter.collect(ctx, s)
		}
	}
	live, over := 0, []*source(nil)
	for _, s := range w.order {
		until, ended := s.horizon()
		s.advance(until, emit)
		if ended {
			s.end()
			emit(s)
			w.emitter.ended = append(w.emitter.ended, s)
			over = append(over, s)
		}
		live += s.live()
	}
	if failed != nil {
		return failed
	}
	w.showLive(live)
	for _, s := range over {
		w.forget(s)
	}
	if err := w.emitter.finish(ctx, sequence, w.order); err != nil {
		return err
	}
	if len(w.order) == 0 { // a replay begins here, and numbers the monitors anew
		*w.monitors = roster{}
	}
	return nil
}

// live is the number of live flows.
func (w *worker) live() (flows int) {
	for _, s := range w.order {
		flows += s.live()
	}
	return flows
}

// showLive sets this shard's share of the live flows.
func (w *worker) showLive(flows int) {
	w.metrics.live.Add(float64(flows - w.shown))
	w.shown = flows
}

// source is the source of that name, made if need be.
func (w *worker) source(name string) *source {
	s := w.sources[name]
	if s == nil {
		s = newSource(name, w.shard, w.bus.Layout.PacketShards)
		w.sources[name] = s
		w.order = append(w.order, s)
	}
	return s
}

// forget drops a source that has ended.
func (w *worker) forget(s *source) {
	delete(w.sources, s.name)
	w.watch.forget(s.name)
	for i, o := range w.order {
		if o == s {
			w.order = append(w.order[:i], w.order[i+1:]...)
			return
		}
	}
}
