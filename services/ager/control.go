package ager

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"netstream/pipeline/bus"
	"netstream/pipeline/control"
	"netstream/pipeline/filter"
	decision "netstream/schemas/control"
	"netstream/schemas/message"
)

// act does what a control message says and publishes what ended. It is one step, as a commit is. A row that can't be acted
// on is passed over: the shard would stop there at each start.
func (w *worker) act(ctx context.Context, m *bus.Message, rows []decision.Row) error {
	forced := 0
	for i := range rows {
		r := &rows[i]
		f, err := w.readable(r)
		if err != nil {
			w.metrics.unacted.Inc()
			w.log.Warn("a control row can't be acted on", "shard", w.shard, "sequence", m.Sequence, "row", i, "error", err)
			continue
		}
		switch r.Action {
		case decision.Force:
			flows, err := w.force(ctx, r, f)
			if err != nil {
				return err
			}
			forced += flows
		case decision.Idle:
			w.moveOn(r.Source, r.Time)
		}
	}
	if err := w.step(ctx, m.Sequence); err != nil {
		return err
	}
	w.answer(m.Header, forced)
	return nil
}

// readable reads the filter of a row, nil if it has none, and refuses a row that can't be acted on. The log alone decides.
func (w *worker) readable(r *decision.Row) (*filter.Filter, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	if s := w.sources[r.Source]; r.Action == decision.Idle && s != nil && !s.isLive() {
		return nil, fmt.Errorf("source %s is a file, which is never idle", r.Source)
	}
	if r.Filter == "" {
		return nil, nil
	}
	return filter.Compile(r.Filter)
}

// force ends live flows and hands them to the emitter. Updates of open windows aren't merged yet and stay.
func (w *worker) force(ctx context.Context, r *decision.Row, f *filter.Filter) (flows int, err error) {
	for _, s := range w.order {
		if r.Source != "" && r.Source != s.name {
			continue
		}
		for number, k := range s.kinds {
			d := w.monitors.list[number]
			if k == nil || r.Monitor != "" && r.Monitor != d.Name {
				continue
			}
			if f != nil {
				f.Of(s.name, d)
			}
			flows += k.force(f)
		}
		if err := w.emitter.collect(ctx, s); err != nil {
			return 0, err
		}
	}
	return flows, nil
}

// force ends the flows that a filter accepts, all if it is nil.
func (k *keyed[K]) force(f *filter.Filter) int {
	if f == nil {
		return k.table.Force(nil)
	}
	return k.table.Force(func(flow *K) bool { return filter.Match(f, flow) })
}

// moveOn moves the clock of a silent source, if it is still there.
func (w *worker) moveOn(source string, to int64) {
	if s := w.sources[source]; s != nil {
		s.idle = max(s.idle, to)
	}
	w.watch.moved(source, to, time.Now())
}

// answer tells who asked how many flows ended; all are published.
func (w *worker) answer(h message.Header, flows int) {
	reply := h.Get(message.Reply)
	if reply == "" {
		return
	}
	if body, err := json.Marshal(control.Answer{ID: h.Get(message.Request), Shard: &w.shard, Flows: &flows}); err == nil {
		w.bus.Answer(reply, body)
	}
}
