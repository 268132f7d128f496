package routes

import (
	"context"
	"log/slog"
	"time"

	"netstream/pipeline/bus"
)

// Publisher makes the routing table of a configuration and keeps it on the bus, for exporters and analyzers. A pipeline has one.
type Publisher struct {
	*Loader
	bus  *bus.Bus
	wake chan struct{} // holds one when there is another table
}

// NewPublisher makes a publisher of a configuration that has been validated; it opens nothing.
func NewPublisher(cfg Config, b *bus.Bus, log *slog.Logger, m *Metrics) *Publisher {
	p := &Publisher{bus: b, wake: make(chan struct{}, 1)}
	p.Loader = NewLoader(cfg, log, m, func(*Table) {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	})
	return p
}

// Run loads and publishes until ctx ends. What can't be published is tried again: those who read go on with what they have. It returns the
// error of the store if that can't be opened, and else nil.
func (p *Publisher) Run(ctx context.Context) error {
	store, err := NewStore(ctx, p.bus)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	loaded := make(chan error, 1)
	go func() { loaded <- p.Loader.Run(ctx) }()
	looked := p.looked
	for {
		select {
		case <-p.wake:
			p.publish(ctx, store)
		case <-looked:
			looked = nil
			if err := p.publishNothing(ctx, store); err != nil {
				p.log.Error("no routing table can be published", "error", err)
			}
		case err := <-loaded:
			return err
		}
	}
}

// publishNothing publishes a table without routes if the files gave none and none was ever published, so that nobody waits for one.
func (p *Publisher) publishNothing(ctx context.Context, store *Store) error {
	if p.Table().Len() > 0 {
		return nil
	}
	versions, err := store.Versions(ctx)
	if err != nil || len(versions) > 0 {
		return err
	}
	return store.Publish(ctx, p.Table())
}

// publish publishes the table in use.
func (p *Publisher) publish(ctx context.Context, store *Store) {
	for {
		t := p.Table()
		err := store.Publish(ctx, t)
		if err == nil {
			p.log.Info("routing table published", "version", t.Version(), "prefixes", t.Len())
			return
		}
		if ctx.Err() != nil {
			return
		}
		p.log.Error("the routing table can't be published", "version", t.Version(), "error", err, "retry_in", time.Second)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return
		}
	}
}
