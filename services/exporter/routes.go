package exporter

import (
	"context"
	"errors"
	"time"

	"netstream/pipeline/routes"
	"netstream/services/exporter/internal/routing"
)

// routesWait is how long a first start waits for a routing table.
const routesWait = 30 * time.Second

// router says by which routing table flows are told of. It changes to another one between two messages, and the commit of the
// first says so: then a message that is encoded anew after a restart comes out the same.
type router struct {
	*Service
	follower *routes.Follower // nil: no routes are wanted

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
	wait := time.Duration(0)
	if first {
		wait = routesWait
	}
	var err error
	if r.follower, err = routes.Follow(ctx, s.bus, s.log, wait); err != nil {
		return nil, err
	}
	t := r.follower.Table()
	switch {
	case version != "" && (t == nil || t.Version() != version):
		if t, err = r.follower.Load(ctx, version); errors.Is(err, routes.ErrNoTable) {
			s.log.Warn("the routing table of the last commit isn't kept any more; a message that is sent again may tell of others", "version", version)
			t, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
	case version == "" && !first:
		t = nil
	}
	r.use(t)
	return r, nil
}

// follow follows the table on the bus until ctx ends.
func (r *router) follow(ctx context.Context) {
	if r.follower != nil {
		r.follower.Run(ctx)
	}
}

// change takes another table in use, if there is one, and tells whether there was.
func (r *router) change() bool {
	if r.follower == nil {
		return false
	}
	t := r.follower.Table()
	if t == nil || r.table != nil && t == r.table.Table {
		return false
	}
	was := r.version
	r.use(t)
	return r.version != was
}

func (r *router) use(t *routes.Table) {
	r.table, r.version = nil, ""
	if t != nil {
		r.table, r.version = &routing.Table{Table: t, Peer: r.cfg.AS == PeerAS}, t.Version()
		r.metrics.prefixes.Set(float64(t.Len()))
	}
}
