package exporter

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"netstream/pipeline/routes"
	"netstream/services/exporter/internal/routing"
)

// routesWait is how long a start waits for a first routing table.
const routesWait = 30 * time.Second

// router follows the routing table on the bus. take changes to another table between two messages, and the commit of the
// first says so: then a message that is encoded anew after a restart comes out the same.
type router struct {
	*Service
	store *routes.Store // nil: no routes are wanted
	next  atomic.Pointer[routes.Table]

	// Of take.
	table   *routing.Table // in use; nil: none
	version string         // of that
}

// newRouter finds the table that was in use at the last commit, or for a first start the one that is in use now.
func newRouter(ctx context.Context, s *Service, version string, first bool) (*router, error) {
	r := &router{Service: s}
	if !s.cfg.Routes {
		return r, nil
	}
	var err error
	if r.store, err = routes.NewStore(ctx, s.bus); err != nil {
		return nil, err
	}
	var t *routes.Table
	switch {
	case version != "":
		if t, err = r.store.Load(ctx, version); errors.Is(err, routes.ErrNoTable) {
			s.log.Warn("the routing table of the last commit isn't kept any more; a message that is sent again may tell of others", "version", version)
			t, err = nil, nil
		}
	case first:
		t, err = r.await(ctx)
	}
	if err != nil {
		return nil, err
	}
	r.use(t)
	if t, err = r.store.Current(ctx); err != nil && !errors.Is(err, routes.ErrNoTable) {
		return nil, err
	}
	r.next.Store(t) // for what comes behind the first message
	return r, nil
}

// await waits for a first table.
func (r *router) await(ctx context.Context) (*routes.Table, error) {
	for deadline := time.Now().Add(routesWait); ; {
		t, err := r.store.Current(ctx)
		if !errors.Is(err, routes.ErrNoTable) {
			return t, err
		}
		if time.Now().After(deadline) {
			r.log.Warn("no routing table was published; flows are sent without routes until one is", "waited", routesWait)
			return nil, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// watch follows the table in use until ctx ends.
func (r *router) watch(ctx context.Context) {
	for r.store != nil && ctx.Err() == nil {
		if err := r.store.Watch(ctx, r.next.Store); err != nil {
			r.log.Warn("the routing table can't be followed", "error", err)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
	}
}

// change takes another table in use, if there is one, and tells whether there was.
func (r *router) change() bool {
	t := r.next.Swap(nil)
	if t == nil || t.Version() == r.version {
		return false
	}
	r.use(t)
	return true
}

func (r *router) use(t *routes.Table) {
	r.table, r.version = nil, ""
	if t != nil {
		r.table, r.version = &routing.Table{Table: t, Peer: r.cfg.AS == PeerAS}, t.Version()
		r.metrics.prefixes.Set(float64(t.Len()))
	}
}
