package ager

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"netstream/pipeline/bus"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
)

// messageRows is the number of flows at which a message is cut: 300 to 550 kB.
const messageRows = 4096

// emitter numbers the flows that end and publishes them. Messages are cut by their size or the end of a step, never by
// time, so that the same updates stream always gives the same messages.
type emitter struct {
	*Service
	stream   string
	shard    int
	writer   *bus.Writer
	number   uint64 // of the last flow that ended
	first    uint64 // number of the first flow in the rows
	done     uint64 // last flow number already published when this worker started
	covered  uint64 // position already published when this worker started
	position uint64 // of the last step finished
	replay   point  // where nothing was held last
	ipv4     *flow.Rows[key.IPv4]
	ipv6     *flow.Rows[key.IPv6]
	wide     *flow.Rows[key.Wide]
	monitors string   // definitions of those that the monitor columns count through
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
func newEmitter(ctx context.Context, s *Service, shard int) (*emitter, error) {
	p := s.bus.Pipeline
	writer, last, err := s.bus.Writer(ctx, p.FlowsStream(), p.Flows(shard))
	if err != nil {
		return nil, err
	}
	e := &emitter{
		Service: s, stream: p.UpdatesStream(), shard: shard, writer: writer,
		ipv4: flow.NewIPv4(), ipv6: flow.NewIPv6(), wide: flow.NewWide(), byName: map[string]uint16{},
	}
	writer.OnWait(func(error) { s.metrics.waits.Inc() })
	if last == nil {
		return e, nil
	}
	if err := e.resume(last); err != nil {
		return nil, fmt.Errorf("resume from %s: %w", last.Where(), err)
	}
	s.log.Info("ager replays", "shard", shard, "published", e.done, "position", e.covered, "from", e.replay.sequence)
	return e, nil
}

// ErrSettings is met when flows are alive that began under other settings: replay would end them otherwise.
var ErrSettings = errors.New("live flows began with other aging settings")

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
	e.number, e.position = e.replay.number, e.replay.sequence
	if was, now := last.Header.Get(message.Settings), e.fingerprint(); was != now && e.replay != (point{e.covered, e.done}) {
		return fmt.Errorf("%w: %s, now %s; set them back until their sources have ended, or use another pipeline", ErrSettings, was, now)
	}
	return nil
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
	for i := range ended {
		f := &ended[i]
		if rows.Len() > 0 && rows.Sums.Present() != sampled || e.count() >= messageRows {
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
		f.Source, f.Monitor = e.source(s), k.monitor
		rows.Append(f, sampled)
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
	h.Set(message.Monitors, e.monitors)
	h.Set(message.Position, message.FormatPosition(e.stream, position))
	h.Set(message.Settings, e.fingerprint())
	h.SetPair(message.Numbers, e.first, count)
	h.SetPair(message.Replay, e.replay.sequence, e.replay.number)
	if err := e.writer.Publish(ctx, h, e.body.Bytes()); err != nil {
		return err
	}
	e.metrics.messages.Inc()
	e.ipv4.Reset()
	e.ipv6.Reset()
	e.wide.Reset()
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
