package ager

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"netstream/pipeline/bus"
	"netstream/pipeline/control"
	"netstream/pipeline/filter"
	"netstream/pipeline/janitor"
	"netstream/schemas/commit"
	decision "netstream/schemas/control"
	"netstream/schemas/message"
)

// owner writes the control subject. It is with the worker of flow shard 0: who owns that shard takes requests and moves on
// the clocks of silent sources. Two owners for a moment do no harm, since the fence lets their messages in one by one.
type owner struct {
	*Service
	watch  *watch
	writer *bus.Writer // nil: to be opened
}

// own begins what one process of the pipeline does, if this worker has flow shard 0: it takes requests, moves on silent sources and
// keeps the streams clean. It returns how to end it.
func (w *worker) own(ctx context.Context, reader *bus.Reader) (stop func()) {
	if w.shard != 0 {
		return func() {}
	}
	w.watch = newWatch(w.cfg.Idle, w.longestInactive())
	for _, s := range w.order { // of a checkpoint: no commit may come to tell of them
		for _, m := range s.marks {
			m.Source = s.name
			w.watch.heard(m, time.Now())
		}
		w.watch.moved(s.name, s.idle, time.Now())
	}
	reader.OnWait(func(error) { w.watch.lost() })
	o := &owner{Service: w.Service, watch: w.watch}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { o.run(ctx) })
	running.Go(func() { janitor.New(w.bus, w.streams, w.log).Run(ctx) })
	return func() { cancel(); running.Wait() }
}

// follow tells the watch how far the worker has read.
func (w *worker) follow(reader *bus.Reader, m *bus.Message) {
	if w.watch != nil {
		up, reconnects := w.bus.Link()
		w.watch.reached(reader.After(), m == nil || m.Pending == 0, up, reconnects, time.Now())
	}
}

// longestInactive is the longest inactive timeout of all monitors.
func (s *Service) longestInactive() int64 {
	longest := int64(s.cfg.Inactive)
	for _, m := range s.monitors {
		longest = max(longest, s.aging(m.Name).Inactive)
	}
	return longest
}

// run takes requests and looks for silent sources until ctx ends.
func (o *owner) run(ctx context.Context) {
	requests, err := o.bus.Requests(o.bus.Pipeline.RequestAge())
	if err != nil {
		o.log.Error("nobody takes requests for forced aging", "error", err)
		return
	}
	defer requests.Close()
	for {
		r, err := requests.Next(ctx, o.watch.step())
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			o.log.Error("nobody takes requests for forced aging", "error", err)
			return
		case r != nil:
			o.take(ctx, r)
		}
		o.moveOn(ctx)
	}
}

// take writes a request to the log, or says why not.
func (o *owner) take(ctx context.Context, r *bus.Request) {
	a := control.Answer{ID: rand.Text()}
	row, err := o.read(r.Body)
	if err == nil {
		h := message.Header{message.Request: {a.ID}}
		if bus.CanAnswer(r.Reply) {
			h.Set(message.Reply, r.Reply)
		}
		short, cancel := context.WithTimeout(ctx, o.bus.Timeout)
		a.Sequence, err = o.write(short, h, row)
		cancel()
		if err != nil {
			err = fmt.Errorf("it can't be written to the log now, and may act later: %w", err)
		}
	}
	if err != nil {
		a = control.Answer{Error: err.Error()}
	} else {
		a.Shards = o.bus.Layout.FlowShards
		o.log.Info("forced aging", "request", a.ID, "sequence", a.Sequence, "source", row.Source, "monitor", row.Monitor, "filter", row.Filter)
	}
	if body, err := json.Marshal(a); err == nil {
		o.bus.Answer(r.Reply, body)
	}
}

// read reads a request and refuses what can't be done.
func (o *owner) read(body []byte) (decision.Row, error) {
	r, err := control.ParseRequest(bytes.NewReader(body))
	if err != nil {
		return decision.Row{}, err
	}
	row := decision.Row{Action: decision.Force, Source: r.Source, Monitor: r.Monitor, Filter: r.Filter, Time: commit.NoTime}
	if err := row.Check(); err != nil {
		return decision.Row{}, err
	}
	sources, sure := o.watch.names(time.Now())
	if r.Source != "" && sure && !slices.Contains(sources, r.Source) {
		return decision.Row{}, fmt.Errorf("source %q isn't alive, want %s", r.Source, oneOf(sources))
	}
	names := make([]string, len(o.monitors))
	for i, m := range o.monitors {
		names[i] = m.Name
	}
	if r.Monitor != "" && !slices.Contains(names, r.Monitor) {
		return decision.Row{}, fmt.Errorf("monitor %q isn't configured, want %s; flows of a former one: filter monitor == %q", r.Monitor, oneOf(names), r.Monitor)
	}
	if r.Filter != "" {
		_, err = filter.Compile(r.Filter)
	}
	return row, err
}

// oneOf lists names for an error.
func oneOf(names []string) string {
	switch len(names) {
	case 0:
		return "none: there is none"
	case 1:
		return names[0]
	}
	return "one of " + strings.Join(names, ", ")
}

// fencedTries is how often an owner tries again after another has written: that one is standing down, or this one is.
const fencedTries = 3

// write publishes decisions and returns the sequence of their message.
func (o *owner) write(ctx context.Context, h message.Header, rows ...decision.Row) (uint64, error) {
	head, body, err := decision.Write(rows)
	if err != nil {
		return 0, err
	}
	for name, value := range head {
		h[name] = value
	}
	for try := 1; ; try++ {
		if o.writer == nil {
			p := o.bus.Pipeline
			if o.writer, _, err = o.bus.Writer(ctx, p.UpdatesStream(), p.Control()); err != nil {
				return 0, err
			}
			o.writer.OnWait(func(error) { o.metrics.waits.Inc() })
		}
		if err = o.writer.Publish(ctx, h, body); err == nil {
			return o.writer.Sequence(), nil
		}
		o.writer = nil // what it sent may be there or not: a new one looks
		if !errors.Is(err, bus.ErrFenced) || try == fencedTries {
			return 0, err
		}
	}
}

// moveOn moves on the clocks of live sources that are silent.
func (o *owner) moveOn(ctx context.Context) {
	rows := o.watch.idle(time.Now())
	if len(rows) == 0 {
		return
	}
	short, cancel := context.WithTimeout(ctx, o.bus.Timeout)
	defer cancel()
	silent, err := o.silent(short, rows)
	if err == nil && len(silent) > 0 {
		_, err = o.write(short, message.Header{}, silent...)
	}
	if err != nil {
		if ctx.Err() == nil {
			o.log.Warn("idle sources can't be moved on", "error", err)
		}
		o.watch.lost()
		return
	}
	begun := o.watch.told(rows, time.Now())
	for _, r := range silent {
		if slices.Contains(begun, r.Source) {
			o.log.Info("a live source is silent, its clock is moved on", "source", r.Source, "timeout", o.cfg.Idle)
		}
	}
}

// silent are those of the sources of which nothing is on its way: all that they published has passed the flow caches, whose
// commits have been read. A flow cache that is down or lags makes no source idle.
func (o *owner) silent(ctx context.Context, rows []decision.Row) (silent []decision.Row, err error) {
	p, read := o.bus.Pipeline, o.watch.position()
	covered := make([]uint64, o.bus.Layout.PacketShards)
	for shard := range covered {
		last, err := o.bus.Last(ctx, p.UpdatesStream(), p.Commits(shard))
		if err != nil {
			return nil, err
		}
		if last == nil {
			continue
		}
		if last.Sequence > read {
			return nil, nil
		}
		position, err := message.ParsePosition(last.Header.Get(message.Position))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", last.Where(), err)
		}
		covered[shard] = position[p.PacketsStream()]
	}
	for _, r := range rows {
		passed := true
		for shard := range covered {
			last, err := o.bus.Last(ctx, p.PacketsStream(), p.Packets(shard, r.Source))
			if err != nil {
				return nil, err
			}
			passed = passed && (last == nil || last.Sequence <= covered[shard])
		}
		if passed {
			silent = append(silent, r)
		}
	}
	return silent, nil
}
