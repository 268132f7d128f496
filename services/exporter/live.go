package exporter

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"netstream/pipeline/bus"
	"netstream/pipeline/checkpoints"
	"netstream/schemas/flow"
	"netstream/services/exporter/internal/aggregate"
	"netstream/services/exporter/internal/clock"
	"netstream/services/exporter/internal/routing"
	"netstream/services/exporter/internal/state"
)

// live is the live aggregates of a run, and how they outlive it: they follow from the flows stream, so a restart takes the newest
// checkpoint that is not ahead of the last commit and reads the flows in between again; what ends meanwhile was sent before.
//
// The cache is take's, the keeper is send's.
type live struct {
	*Service
	stream   string
	created  time.Time      // when the flows stream was made
	table    *routing.Table // of the start
	cache    *aggregate.Cache
	keeper   *checkpoints.Keeper // nil: no mode is at work, and none was
	state    state.Aggregation   // behind the last message taken
	snapshot time.Time           // when the last was made
	flows    int                 // taken since
	totals   []aggregate.Totals  // committed
}

// replayable is how many flows a restart may have to read again before a checkpoint comes early: some seconds' worth.
const replayable = 4 << 20

// checkpointVersion is that of the format. A reader refuses any other.
const checkpointVersion = 1

// description says what a checkpoint is of.
type description struct {
	Version  int         `json:"version"`
	Exporter string      `json:"exporter"`
	Stream   string      `json:"stream"`         // of the flows
	Created  time.Time   `json:"stream_created"` // another one of that name has other messages
	Position uint64      `json:"position"`       // sequence of the last message that was taken
	Clock    clock.Clock `json:"clock"`
	aggregate.Description
}

// newLive finds the live aggregates of a state again, and puts them under the settings of today.
func newLive(ctx context.Context, s *Service, stream string, before *state.State, table *routing.Table) (*live, error) {
	l := &live{Service: s, stream: stream, state: before.Aggregation, snapshot: time.Now(), table: table}
	now, err := settings(s.cfg.Aggregations)
	if err != nil {
		return nil, err
	}
	if l.cache, err = newCache(s.cfg.Aggregations, s.bus.Layout.FlowShards); err != nil {
		return nil, err
	}
	was := before.Aggregation.Settings
	if now == "" && was == "" {
		return l, nil
	}
	usage, err := s.bus.Usage(ctx, stream, false)
	if err != nil {
		return nil, err
	}
	l.created = usage.Created
	if l.keeper, err = checkpoints.Open(ctx, s.bus, "exporter-"+s.cfg.Name, s.metrics.checkpoints, s.log); err != nil {
		return nil, err
	}
	as, err := parseSettings(was)
	if err != nil {
		return nil, fmt.Errorf("aggregations of the last commit: %w", err)
	}
	old, err := l.recover(ctx, as, before)
	if err != nil {
		return nil, err
	}
	if now == was {
		l.cache = old
	} else if err := l.adopt(ctx, old, before, now); err != nil {
		return nil, err
	}
	l.totals = l.cache.Totals()
	return l, nil
}

// recover finds the live aggregates of a state again, under the settings that it was made with.
func (l *live) recover(ctx context.Context, as []Aggregation, before *state.State) (*aggregate.Cache, error) {
	was, shards := before.Aggregation, l.bus.Layout.FlowShards
	cache, err := newCache(as, shards)
	if err != nil {
		return nil, err
	}
	at := clock.Clock{Started: was.EmptyAt != 0, Now: was.EmptyAt}
	after := was.Empty
	if was.Since > after {
		after = was.Since - 1
	}
	from, err := l.keeper.Recover(ctx, after, func(position uint64, r io.Reader) error {
		if cache, err = newCache(as, shards); err != nil {
			return err
		}
		var d description
		cr, err := checkpoints.NewReader(r, &d)
		switch {
		case err != nil:
			return err
		case d.Version != checkpointVersion:
			return fmt.Errorf("%w: version %d, this program knows %d", checkpoints.ErrBad, d.Version, checkpointVersion)
		case d.Position != position || d.Stream != l.stream || d.Exporter != l.cfg.Name:
			return fmt.Errorf("%w: it is of position %d of stream %s, exporter %s; want what its name says, of stream %s",
				checkpoints.ErrBad, d.Position, d.Stream, d.Exporter, l.stream)
		case !d.Created.Equal(l.created):
			return fmt.Errorf("%w: it was made at %s, the one that there is at %s", checkpoints.ErrOtherStream, d.Created, l.created)
		case position > before.Position:
			return fmt.Errorf("%w: it is of position %d, the last commit of %d: that was another exporter", checkpoints.ErrOtherStream, position, before.Position)
		}
		at = d.Clock
		return cache.Restore(&d.Description, cr)
	})
	switch {
	case err != nil:
		return nil, err
	case from == 0 && was.Empty < was.Since:
		return nil, fmt.Errorf("%w: none is left since the aggregations were changed at position %d", checkpoints.ErrNone, was.Since)
	case from == 0:
		from = was.Empty
		if cache, err = newCache(as, shards); err != nil {
			return nil, err
		}
	}
	return cache, l.replay(ctx, cache, at, from, before.Position)
}

// replay takes the flows between two positions again.
func (l *live) replay(ctx context.Context, cache *aggregate.Cache, at clock.Clock, from, to uint64) error {
	if from >= to {
		return nil
	}
	begin := time.Now()
	reader, err := l.bus.Reader(ctx, l.stream, nil, from)
	if err != nil {
		return err
	}
	defer reader.Close()
	in := newInput(true)
	for position := from; position < to; {
		m, err := reader.Next(ctx, silence)
		if err != nil {
			return err
		}
		if m == nil {
			continue
		}
		if m.Sequence > to {
			break
		}
		if m.Sequence != position+1 {
			l.log.Error("flows that a restart needs are deleted; live aggregates lack them", "from", position+1, "to", m.Sequence-1)
		}
		position = m.Sequence
		if err := in.read(m); err != nil {
			return m.Unusable(l.stream, err)
		}
		if in.changed {
			cache.Define(in.monitors)
		}
		in.cover(&at)
		in.Routes = l.table
		cache.Take(at.Now, in.forCache())
		l.metrics.replayed.Add(float64(in.Len()))
	}
	l.log.Info("flows are read again for live aggregates", "from", from, "to", to, "live", cache.Live(), "took", time.Since(begin))
	return nil
}

// adopt puts the live aggregates of a cache under other settings. A checkpoint stands where they change: no replay crosses that.
func (l *live) adopt(ctx context.Context, old *aggregate.Cache, before *state.State, settings string) error {
	position := before.Position
	l.state.Settings, l.state.Since = settings, position
	if old.Empty() {
		l.state.Empty, l.state.EmptyAt = position, before.Clock.Now
		return nil
	}
	write := l.writer(old.Snapshot(), position, before.Clock)
	if l.keeper.Newest() != position {
		l.keeper.Save(ctx, position, 0, write)
		l.keeper.Wait(ctx)
		if l.keeper.Newest() != position {
			return fmt.Errorf("exporter %s: the live aggregates can't be saved before their settings change, see the log", l.cfg.Name)
		}
	}
	var archive bytes.Buffer
	if err := write(&archive); err != nil {
		return err
	}
	var d description
	r, err := checkpoints.NewReader(&archive, &d)
	if err != nil {
		return err
	}
	if err := l.cache.Restore(&d.Description, r); err != nil {
		return err
	}
	l.log.Info("aggregations are changed", "live", l.cache.Live())
	return nil
}

// writer writes a snapshot as a checkpoint.
func (l *live) writer(s *aggregate.Snapshot, position uint64, at clock.Clock) func(io.Writer) error {
	return func(to io.Writer) error {
		w, err := checkpoints.NewWriter(to, &description{
			Version: checkpointVersion, Exporter: l.cfg.Name, Stream: l.stream, Created: l.created, Position: position, Clock: at, Description: s.Description,
		})
		if err != nil {
			return err
		}
		if err := s.Write(w); err != nil {
			return err
		}
		return w.Close()
	}
}

// take merges the flows of a message, and makes a snapshot if it is time, or if what is behind the message is merged by other routes.
func (l *live) take(j *job, m *bus.Message, in *input) []aggregate.Aggregate {
	j.snapshot = nil
	var ended []aggregate.Aggregate
	if l.cache.Working() {
		if in.changed {
			l.cache.Define(in.monitors)
		}
		ended = l.cache.Take(j.clock.Now, in.forCache())
	}
	if !l.cache.Working() || l.cache.Empty() {
		l.state.Empty, l.state.EmptyAt = m.Sequence, 0
		if j.clock.Started {
			l.state.EmptyAt = j.clock.Now
		}
	} else if l.flows += in.Len(); j.rerouted || time.Since(l.snapshot) >= l.cfg.Checkpoint || l.flows >= replayable {
		begin := time.Now()
		j.snapshot, j.pause = l.cache.Snapshot(), time.Since(begin)
		l.snapshot, l.flows = begin, 0
	}
	if j.rerouted {
		l.state.Since = m.Sequence // no replay crosses a change of routes
	}
	j.aggregation, j.live = l.state, l.cache.Live()
	j.totals = append(j.totals[:0], l.cache.Totals()...)
	j.reasons = [aggregate.Modes][len(flow.Reasons) + 1]uint64{}
	for i := range ended {
		j.reasons[ended[i].Mode][ended[i].Reason]++
	}
	return ended
}

// end waits for the checkpoint that is being written.
func (l *live) end(ctx context.Context) {
	if l.keeper != nil {
		l.keeper.Wait(ctx)
	}
}

// released is up to where no restart will read again, behind a commit.
func (l *live) released(position, empty uint64) uint64 {
	if l.keeper == nil {
		return position
	}
	return max(l.keeper.Released(), empty)
}

// change writes the checkpoint that must stand behind a message before its commit may say that the routes change there: no replay
// crosses that. Should the commit fail, a restart passes the checkpoint over. The only error is that of ctx.
func (l *live) change(ctx context.Context, j *job) error {
	if l.keeper == nil || !j.rerouted || j.snapshot == nil {
		return nil
	}
	l.keeper.Wait(ctx)
	for {
		l.keeper.Save(ctx, j.sequence, j.pause, l.writer(j.snapshot, j.sequence, j.clock))
		if l.keeper.Wait(ctx); l.keeper.Newest() == j.sequence {
			j.snapshot = nil
			return nil
		}
		select { // why it couldn't be written is in the log
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// committed begins to write the snapshot of a message that is committed, if it has one.
func (l *live) committed(ctx context.Context, j *job) {
	if l.keeper == nil {
		return
	}
	if l.keeper.Tend(ctx); j.snapshot != nil && !l.keeper.Saving() {
		l.keeper.Save(ctx, j.sequence, j.pause, l.writer(j.snapshot, j.sequence, j.clock))
	}
}
