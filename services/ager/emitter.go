package ager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"netstream/pipeline/bus"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/monitor"
)

// A message is cut at so many flows, 300 to 550 kB, or before it has so many bytes, which flows of wide keys have earlier.
const (
	messageRows  = 4096
	messageBytes = 600 << 10
)

// emitter numbers the flows that end and publishes them. Messages are cut by their size or the end of a step, never by
// time, so that the same updates stream always gives the same messages.
type emitter struct {
	*Service
	stream   string
	shard    int
	writer   *bus.Writer
	number   uint64   // of the last flow that ended
	first    uint64   // number of the first flow in the rows
	done     uint64   // last flow number already published when this worker started
	covered  uint64   // position already published when this worker started
	position uint64   // of the last step finished
	replay   point    // where nothing was held last
	resumed  point    // the same as the last message published says
	was      []string // settings, as the last message of the worker before says
	ipv4     *flow.Rows[key.IPv4]
	ipv6     *flow.Rows[key.IPv6]
	wide     *flow.Rows[key.Wide]
	roster   *roster
	monitors []uint8  // of the rows: their numbers in the roster
	size     int      // bytes of the rows, as monitor.Definition.RowBytes counts them
	names    []string // sources of the rows
	byName   map[string]uint16
	inside   []*source // the same
	ended    []*source // sources that ended in this step
	body     message.Body
	ledger   ledger.Rows
}

// point is a place in the stream of updates, and the number of the last flow that had ended by then.
type point struct{ sequence, number uint64 }

// newEmitter opens the fence of the shard's flows and reads how far they are published.
func newEmitter(ctx context.Context, s *Service, shard int, monitors *roster) (*emitter, error) {
	p := s.bus.Pipeline
	writer, last, err := s.bus.Writer(ctx, p.FlowsStream(), p.Flows(shard))
	if err != nil {
		return nil, err
	}
	e := &emitter{
		Service: s, stream: p.UpdatesStream(), shard: shard, writer: writer, roster: monitors,
		ipv4: flow.NewIPv4(), ipv6: flow.NewIPv6(), wide: flow.NewWide(), byName: map[string]uint16{},
	}
	writer.OnWait(func(error) { s.metrics.waits.Inc() })
	if last == nil {
		return e, nil
	}
	if err := e.resume(last); err != nil {
		return nil, fmt.Errorf("resume from %s: %w", last.Where(), err)
	}
	return e, nil
}

// ErrSettings is met when flows that ended under other settings have to be found again by replay, which would end them
// otherwise.
var ErrSettings = errors.New("flows since the last checkpoint ended under other aging settings")

// resume takes how far the flows are published from the last message, and where replay begins.
func (e *emitter) resume(last *bus.Message) error {
	first, count, err := last.Header.Pair(message.Numbers)
	if err != nil {
		return err
	}
	covered, err := message.ParsePosition(last.Header.Get(message.Position))
	if err != nil {
		return err
	}
	e.done, e.covered = first+count-1, covered[e.stream]
	if e.replay.sequence, e.replay.number, err = last.Header.Pair(message.Replay); err != nil {
		return err
	}
	e.number, e.position, e.resumed = e.replay.number, e.replay.sequence, e.replay
	e.was = last.Header.List(message.Settings)
	return nil
}

// checkSettings refuses other settings if flows that are published have to be found again.
func (e *emitter) checkSettings() error {
	if e.number == e.done {
		return nil
	}
	for _, was := range e.was {
		name, _, _ := strings.Cut(was, ":")
		if now := e.settings(name); was != now {
			return fmt.Errorf("%w: %s, now %s; set them back, stop the ager in good order, which saves what is alive, and change them then", ErrSettings, was, now)
		}
	}
	return nil
}

// allSettings says how the flows age of all monitors that came since nothing was held.
func (e *emitter) allSettings() string {
	names := e.roster.names()
	for i, name := range names {
		names[i] = e.settings(name)
	}
	return strings.Join(names, " ")
}

// collect takes the flows of a source that ended with a window, monitor by monitor.
func (e *emitter) collect(ctx context.Context, s *source) error {
	for _, k := range s.kinds {
		if k == nil {
			continue
		}
		if err := k.collect(ctx, e, s); err != nil {
			return err
		}
	}
	return nil
}

func collect[K key.Key[K]](ctx context.Context, e *emitter, rows *flow.Rows[K], s *source, k *keyed[K]) error {
	ended := k.table.Ended()
	if len(ended) == 0 {
		return nil
	}
	s.touched = true
	sampled := k.table.Sampled()
	bytes := e.roster.list[k.monitor].RowBytes()
	for i := range ended {
		f := &ended[i]
		if rows.Len() > 0 && sampled && !rows.Sums.Present() || e.count() >= messageRows || e.size+bytes > messageBytes || e.clashes(k.monitor) {
			if err := e.publish(ctx, e.position); err != nil {
				return err
			}
		}
		k.account(f)
		if e.number++; e.number <= e.done {
			e.metrics.replayed.Inc()
			continue
		}
		if e.count() == 0 {
			e.first = e.number
		}
		f.Source, f.Monitor = e.source(s), e.monitor(k.monitor)
		rows.Append(f, sampled || rows.Sums.Present())
		e.size += bytes
		e.metrics.flows[f.Reason].Inc()
	}
	return nil
}

// count is the number of flows collected for the next message.
func (e *emitter) count() int { return e.ipv4.Len() + e.ipv6.Len() + e.wide.Len() }

// source is the index of a source in the message being filled.
func (e *emitter) source(s *source) uint16 {
	i, ok := e.byName[s.name]
	if !ok {
		i = uint16(len(e.names))
		e.byName[s.name] = i
		e.names = append(e.names, s.name)
		e.inside = append(e.inside, s)
	}
	return i
}

// monitor is the index of a monitor in the message being filled.
func (e *emitter) monitor(number uint8) uint8 {
	i := slices.Index(e.monitors, number)
	if i < 0 {
		i = len(e.monitors)
		e.monitors = append(e.monitors, number)
	}
	return uint8(i)
}

// clashes tells whether the message has flows of another monitor of the same name, which was defined otherwise: a message
// has one of a name.
func (e *emitter) clashes(number uint8) bool {
	for _, n := range e.monitors {
		if n != number && e.roster.list[n].Name == e.roster.list[number].Name {
			return true
		}
	}
	return false
}

// finish ends a step: what is left of its flows is published, and so is the end of a source without flows.
func (e *emitter) finish(ctx context.Context, sequence uint64, live []*source) error {
	e.position = sequence
	if len(live) == 0 {
		e.replay = point{sequence, e.number}
	}
	if e.count() == 0 && (len(e.ended) == 0 || sequence <= e.covered) {
		e.ended = e.ended[:0]
		return nil
	}
	for _, s := range live {
		if s.touched {
			e.source(s)
		}
	}
	return e.publish(ctx, sequence)
}

// publish publishes the rows with the counters of their sources.
func (e *emitter) publish(ctx context.Context, position uint64) error {
	count := uint64(e.count())
	if count == 0 {
		e.first = e.number + 1
	}
	for _, s := range e.ended {
		e.source(s)
	}
	e.body.Reset()
	if err := errors.Join(add(&e.body, e.ipv4), add(&e.body, e.ipv6), add(&e.body, e.wide)); err != nil {
		return err
	}
	e.ledger.Reset()
	for _, s := range e.inside {
		s.entries(&e.ledger, e.isEnded(s))
		s.touched = false
	}
	if err := e.body.Add(ledger.Schema, e.ledger.Columns()); err != nil {
		return err
	}
	h := message.Header{}
	h.Set(message.Streams, e.body.Streams())
	h.Set(message.Sources, strings.Join(e.names, " "))
	monitors := make([]monitor.Definition, len(e.monitors))
	for i, number := range e.monitors {
		monitors[i] = e.roster.list[number]
	}
	h.Set(message.Monitors, monitor.Format(monitors))
	h.Set(message.Position, message.FormatPosition(e.stream, position))
	h.Set(message.Settings, e.allSettings())
	h.SetPair(message.Numbers, e.first, count)
	h.SetPair(message.Replay, e.replay.sequence, e.replay.number)
	if err := e.writer.Publish(ctx, h, e.body.Bytes()); err != nil {
		return err
	}
	e.resumed = e.replay
	e.metrics.messages.Inc()
	e.ipv4.Reset()
	e.ipv6.Reset()
	e.wide.Reset()
	e.monitors, e.size = e.monitors[:0], 0
	e.names, e.inside, e.ended = e.names[:0], e.inside[:0], e.ended[:0]
	clear(e.byName)
	return nil
}

// add adds the rows of a class, if there are any.
func add[K any](body *message.Body, rows *flow.Rows[K]) error {
	if rows.Len() == 0 {
		return nil
	}
	return body.Add(rows.Schema(), rows.Columns())
}

func (e *emitter) isEnded(s *source) bool {
	for _, o := range e.ended {
		if o == s {
			return true
		}
	}
	return false
}
