package exporter

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"netstream/pipeline/bus"
	"netstream/schemas/flow"
	"netstream/services/exporter/internal/aggregate"
	"netstream/services/exporter/internal/clock"
	"netstream/services/exporter/internal/encode"
	"netstream/services/exporter/internal/state"
)

// grace is how long the message in hand may still take when the exporter is to stop. What isn't done then is done again
// after the next start.
const grace = 2 * time.Second

// silence is how long reading waits before it looks around.
const silence = time.Second

// run is one Run of a service. take owns encoders, selections of monitors and the clock, send all the rest.
type run struct {
	*Service
	stream       string
	writer       *bus.Writer
	destinations []*destination
	router       *router
	live         *live
	clock        clock.Clock // of the last message encoded
	state        state.State // as committed last
	states       state.Writer
}

// job is one flow message on its way from take to send; its memory is reused.
type job struct {
	sequence uint64
	clock    clock.Clock
	flows    int
	batches  []encode.Batch // one for each destination
	cursors  []encode.Cursor

	routes      string // version of the table that is in use behind the message
	rerouted    bool   // which is another than that of the message
	aggregation state.Aggregation
	reasons     [aggregate.Modes][len(flow.Reasons) + 1]uint64 // why aggregates ended with the message
	live        int                                            // aggregates behind it
	totals      []aggregate.Totals
	snapshot    *aggregate.Snapshot // to be saved when the message is committed; nil: none
	pause       time.Duration       // that it took
}

// newRun opens the fence and resumes from the last commit.
func newRun(ctx context.Context, s *Service) (*run, error) {
	p := s.bus.Pipeline
	writer, last, err := s.bus.Writer(ctx, p.ExportsStream(), p.Exports(s.cfg.Name))
	if err != nil {
		return nil, err
	}
	r := &run{Service: s, stream: p.FlowsStream(), writer: writer}
	writer.OnWait(func(err error) { s.metrics.waits.Inc(); s.log.Debug("commit waits", "err", err) })
	before := &state.State{}
	if last != nil {
		if before, err = state.Read(last.Header, last.Body, r.stream); err != nil {
			return nil, fmt.Errorf("resume from %s: %w", last.Where(), err)
		}
	}
	r.clock = before.Clock
	if r.router, err = newRouter(ctx, s, before.Routes, last == nil); err != nil {
		return nil, err
	}
	if r.live, err = newLive(ctx, s, r.stream, before, r.router.table); err != nil {
		return nil, err
	}
	r.state = state.State{Position: before.Position, Clock: before.Clock, Aggregation: r.live.state, Routes: r.router.version}
	announced, err := s.cfg.announced()
	if err != nil {
		return nil, err
	}
	for i, cfg := range s.cfg.Destinations {
		d := before.Find(cfg.Name())
		if d == nil {
			d = &state.Destination{Name: cfg.Name(), After: before.Position}
		}
		r.state.Destinations = append(r.state.Destinations, *d)
		r.destinations = append(r.destinations, newDestination(s, i, announced, d))
	}
	for _, d := range before.Destinations {
		if r.state.Find(d.Name) == nil {
			s.log.Info("destination is no longer configured, its books end here", "destination", d.Name, "totals", d.Totals)
		}
	}
	s.released.Store(r.live.released(before.Position, r.live.state.Empty))
	s.progress.set(&r.state)
	s.metrics.position.Set(float64(r.state.Position))
	s.log.Info("exporter resumes", "position", r.state.Position, "destinations", len(r.destinations))
	return r, nil
}

// run takes and sends until ctx ends or one of the two fails. Links and sending get some grace when ctx ends.
func (r *run) run(ctx context.Context) error {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	var links sync.WaitGroup
	defer links.Wait()
	defer stop()
	undo := context.AfterFunc(ctx, func() { time.AfterFunc(grace, stop) })
	defer undo()
	defer r.live.end(sending)
	links.Go(func() { r.router.follow(sending) })
	for _, d := range r.destinations {
		links.Go(func() { d.link.Run(sending) })
	}

	// Two jobs: one is being encoded while the other is sent and committed.
	jobs, free := make(chan *job), make(chan *job, 2)
	for range cap(free) {
		free <- &job{batches: make([]encode.Batch, len(r.destinations)), cursors: make([]encode.Cursor, len(r.destinations))}
	}
	g, taking := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(jobs)
		return r.take(taking, free, jobs)
	})
	g.Go(func() error {
		for j := range jobs {
			if err := r.send(sending, j); err != nil {
				return err
			}
			free <- j
		}
		return nil
	})
	return g.Wait()
}

// take reads flow messages and encodes them.
func (r *run) take(ctx context.Context, free <-chan *job, jobs chan<- *job) error {
	reader, err := r.bus.Reader(ctx, r.stream, nil, r.state.Position) // all subjects: all flow shards
	if err != nil {
		return err
	}
	defer reader.Close()
	in := newInput(r.live.keeper != nil)
	for {
		m, err := reader.Next(ctx, silence)
		if err != nil {
			return err
		}
		if m == nil {
			continue
		}
		var j *job
		select {
		case j = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := in.read(m); err != nil {
			return fmt.Errorf("%s: %w", m.Where(), err)
		}
		if err := r.encode(j, m, in); err != nil {
			return fmt.Errorf("%s: %w", m.Where(), err)
		}
		select {
		case jobs <- j:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// encode makes the datagrams of a message.
func (r *run) encode(j *job, m *bus.Message, in *input) error {
	in.cover(&r.clock)
	j.sequence, j.clock, j.flows = m.Sequence, r.clock, in.Len()
	in.Flows.Routes = r.router.table
	j.rerouted = r.router.change()
	j.routes = r.router.version
	in.Aggregates = r.live.take(j, m, in)
	for i, d := range r.destinations {
		if in.changed && d.monitors != nil {
			d.encoder.Define(d.monitors.of(in.monitors))
		}
		if err := d.encoder.Encode(&j.batches[i], &r.clock, &in.Flows); err != nil {
			return fmt.Errorf("encode for %s: %w", d.name, err)
		}
		j.cursors[i] = d.encoder.Cursor()
	}
	return nil
}

// send sends the datagrams of a message to all destinations and commits what was done.
func (r *run) send(ctx context.Context, j *job) error {
	var wg sync.WaitGroup
	errs := make([]error, len(r.destinations))
	for i, d := range r.destinations {
		wg.Go(func() { errs[i] = d.send(ctx, &j.batches[i]) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	r.state.Position, r.state.Clock, r.state.Aggregation, r.state.Routes = j.sequence, j.clock, j.aggregation, j.routes
	for i, d := range r.destinations {
		s := &r.state.Destinations[i]
		s.Cursor, s.Port = j.cursors[i], uint16(d.link.LocalPort())
		s.Totals.Add(&d.done)
	}
	if err := r.live.change(ctx, j); err != nil {
		return err
	}
	h, body, err := r.states.Write(&r.state, r.stream)
	if err != nil {
		return err
	}
	if err := r.writer.Publish(ctx, h, body); err != nil {
		return err
	}
	r.count(j)
	r.live.committed(ctx, j)
	r.released.Store(r.live.released(j.sequence, j.aggregation.Empty))
	r.progress.set(&r.state)
	return nil
}
