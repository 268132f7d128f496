package exporter

import (
	"context"

	"netstream/services/exporter/internal/encode"
	"netstream/services/exporter/internal/link"
	"netstream/services/exporter/internal/state"
)

// destination is one collector at work.
type destination struct {
	name     string
	monitors *selection // nil: it gets aggregates
	encoder  encode.Encoder
	link     *link.Link
	metrics  *destinationMetrics

	batch *encode.Batch // being sent
	done  state.Totals  // of the batch that was sent last
	lost  func(i int, why link.Reason)
}

// newDestination makes destination i of the configuration, which goes on where its state stands; it opens nothing.
func newDestination(s *Service, i int, at *state.Destination) *destination {
	cfg := s.cfg.Destinations[i]
	d := &destination{
		name: cfg.Name(), encoder: cfg.encoder(&s.cfg, s.cfg.share(i), at.Cursor), metrics: s.metrics.destination(cfg.Name()),
	}
	log := s.log.With("destination", d.name)
	if len(cfg.Aggregations) == 0 {
		d.monitors = newSelection(cfg.Monitors, log)
	}
	if cfg.Format == V5 && s.cfg.Sampling > encode.MaxSamplingV5 {
		log.Warn("version 5 can't announce the sampling rate: set it at the collector", "sampling", s.cfg.Sampling, "largest", encode.MaxSamplingV5)
	}
	source, _ := cfg.source() // it is valid
	d.link = link.New(link.Config{
		Address: cfg.Address, Standby: cfg.Standby, Transport: cfg.Transport.link(), TLS: link.TLS(cfg.TLS),
		Source: source, DSCP: cfg.DSCP, TTL: cfg.TTL, Rate: cfg.Rate, Port: int(at.Port), Log: log, Events: d.metrics.events(),
	})
	d.lost = func(i int, why link.Reason) {
		d.done.UnsentDatagrams++
		d.done.Unsent.Add(d.batch.Tally(i))
		d.metrics.unsent[why].Inc()
	}
	return d
}

// send sends a batch. Afterwards done says what became of it. The only error is that of ctx.
func (d *destination) send(ctx context.Context, b *encode.Batch) error {
	// What is sent before the first attempt to connect is over would be lost for no reason.
	select {
	case <-d.link.Attempted():
	case <-ctx.Done():
		return ctx.Err()
	}
	d.batch, d.done = b, state.Totals{Clamped: b.Clamped, Interfaces: b.Interfaces, WideAS: b.WideAS}
	for _, t := range b.NotCarried {
		d.done.NotCarried.Add(t)
	}
	batch := link.Batch{Datagrams: b.Datagrams(), Introduction: b.Introduction(), Templates: b.Templates}
	if err := d.link.Send(ctx, batch, d.lost); err != nil {
		return err
	}
	d.done.Datagrams = uint64(len(batch.Datagrams)) - d.done.UnsentDatagrams
	d.done.Sent = b.Total()
	d.done.Sent.Sub(d.done.Unsent)
	return nil
}
