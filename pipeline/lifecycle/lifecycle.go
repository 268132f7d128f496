// Package lifecycle starts the parts of a process in order and stops them in reverse. It is the
// frame around everything that runs: bus, stages, servers.
//
//	          start, each when the one before is ready
//	bus ------> exporter ------> ager ------> flowcache ------> sampler
//	bus <------ exporter <------ ager <------ flowcache <------ sampler
//	          stop, each when the one behind it has returned
//
// The group stops when its context ends, when every component has ended by itself, or when one
// fails; the first failure is the group's error, with the component's name.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ErrEnded is the failure of a component that returned nil before it was asked to stop and isn't
// Finite.
var ErrEnded = errors.New("ended without being asked to stop")

// ErrHangs is the failure of a component that didn't return in time after it was asked to stop. Its
// goroutine still runs; the process should exit.
var ErrHangs = errors.New("did not stop in time")

// Component is one part of a process.
type Component struct {
	Name string // in errors, logs and the profiler label "component"

	// Run does the work until ctx ends and returns when everything it started has stopped. The
	// context ends when it is this component's turn to stop, not before. After that, nil and
	// context.Canceled both mean a clean stop.
	Run func(ctx context.Context) error

	// Ready is closed by the component when those that depend on it may start. Nil: at once.
	Ready <-chan struct{}

	// Finite says that Run may return nil by itself, as when a file has been read to its end; the
	// others go on. A finite component that is the purpose of the process cancels the context of
	// the group before it returns.
	Finite bool
}

// Group is an ordered set of components.
type Group struct {
	log         *slog.Logger
	stopTimeout time.Duration
	components  []Component
}

// New returns an empty group. Each component gets stopTimeout to stop when its turn comes.
func New(log *slog.Logger, stopTimeout time.Duration) *Group {
	return &Group{log: log, stopTimeout: stopTimeout}
}

// Add appends a component, which starts after and stops before those added earlier.
func (g *Group) Add(c Component) { g.components = append(g.components, c) }

// Run starts the components and returns when all of them have stopped, or hang. It returns nil
// after a clean stop; else the first failure, joined with what went wrong while stopping. Run is
// called once.
func (g *Group) Run(ctx context.Context) error {
	r := &run{Group: g, ended: make(chan *task, len(g.components))}
	first := r.start(ctx)
	if first == nil {
		first = r.watch(ctx)
	}
	return errors.Join(first, r.stop())
}

// run is the state of one Group.Run; one goroutine owns it.
type run struct {
	*Group
	tasks []*task    // started, in order
	ended chan *task // each task once, when its Run has returned
	live  int        // tasks whose end hasn't been received
}

// start starts the components one after another, each when the one before is ready.
func (r *run) start(ctx context.Context) error {
	for _, c := range r.components {
		if ctx.Err() != nil {
			return nil
		}
		t := launch(ctx, c, r.ended)
		r.tasks = append(r.tasks, t)
		r.live++
		ready := c.Ready
		if ready == nil {
			r.log.Info("component started", "component", c.Name)
			continue
		}
		for ready != nil {
			select {
			case <-ready:
				ready = nil
				r.log.Info("component started", "component", c.Name)
			case ended := <-r.ended:
				if err := r.end(ctx, ended); err != nil {
					return err
				}
				if ended == t {
					ready = nil // it was finite and had nothing to do
				}
			case <-ctx.Done():
				return nil
			}
		}
	}
	return nil
}

// watch waits for the end of the context, of every component, or for the first failure.
func (r *run) watch(ctx context.Context) error {
	for r.live > 0 {
		select {
		case t := <-r.ended:
			if err := r.end(ctx, t); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// end takes note of a component that returned before its turn, and says whether that is a failure.
func (r *run) end(ctx context.Context, t *task) error {
	r.live--
	t.seen = true
	if t.err == nil && !t.Finite && ctx.Err() == nil {
		t.err = ErrEnded
	}
	if t.err != nil {
		r.log.Error("component failed", "component", t.Name, "err", t.err)
		return t.failure()
	}
	r.log.Info("component ended", "component", t.Name)
	return nil
}

// stop stops what was started in reverse order, waiting for each, and joins what goes wrong.
func (r *run) stop() error {
	var errs []error
	for i := len(r.tasks) - 1; i >= 0; i-- {
		t := r.tasks[i]
		if t.seen {
			continue
		}
		begin := time.Now()
		t.cancel()
		late := time.NewTimer(r.stopTimeout)
		select {
		case <-t.done:
			late.Stop()
		case <-late.C:
			r.log.Error("component hangs", "component", t.Name, "timeout", r.stopTimeout)
			errs = append(errs, fmt.Errorf("%s: %w (%s)", t.Name, ErrHangs, r.stopTimeout))
			continue
		}
		if t.err != nil && !errors.Is(t.err, context.Canceled) {
			r.log.Error("component failed while stopping", "component", t.Name, "err", t.err)
			errs = append(errs, t.failure())
			continue
		}
		r.log.Info("component stopped", "component", t.Name, "took", time.Since(begin))
	}
	return errors.Join(errs...)
}
