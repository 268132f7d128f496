package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"netstream/deploy/netstream/internal/line"
	"netstream/deploy/netstream/internal/traffic"
	"netstream/pipeline/bus"
	"netstream/services/sampler"
)

// samplerStage is stage 1, which has captures as arguments or generates traffic.
func (k *command) samplerStage() *cobra.Command {
	var file string
	var again bool
	c := &cobra.Command{
		Use:   "sampler -c FILE [CAPTURE...]",
		Short: "Stage 1: read packets and publish their headers",
		Long: `Stage 1: read packets and publish their headers.

Reads captures to their end, one after another, or without any generates the
traffic of demo.rate until stopped, on the NATS server (JetStream) that bus.url
names. The same command goes on after a stop or a kill.`,
		Example: `  netstream sampler -c netstream.yaml office.pcap
  NETSTREAM_BUS_URL=nats://10.0.0.1:4222 netstream sampler office.pcap`,
		RunE: func(c *cobra.Command, paths []string) error {
			cfg, err := k.loadStage(c, file)
			if err != nil {
				return err
			}
			if len(paths) == 0 && cfg.Demo.Rate == 0 {
				return wrongUsage(c, "%s: no source: name a capture or set demo.rate", c.CommandPath())
			}
			log := k.log(cfg)
			return line.Stage(c.Context(), cfg, "sampler", version(), log, func(b *bus.Bus, reg prometheus.Registerer) func(context.Context) error {
				s := sampler.New(cfg.Sampler, b, reg, log)
				return func(ctx context.Context) error {
					if len(paths) == 0 {
						return generate(ctx, s, cfg.Demo, func(*traffic.EventLog) {})
					}
					return publish(ctx, s, paths, again, log)
				}
			})
		},
	}
	configFlag(c, &file)
	c.Flags().BoolVar(&again, "again", false, "publish captures that were published before once more, as new sources")
	return c
}

// publish reads captures to their end. Those that are published already are passed over, or with again read once more.
func publish(ctx context.Context, s *sampler.Service, paths []string, again bool, log *slog.Logger) error {
	var files []*sampler.File
	var errs []error
	for _, path := range paths {
		f, err := s.Open(ctx, path, again, func(string) (bool, error) { return again, nil })
		errs = append(errs, err)
		files = append(files, f)
	}
	if err := errors.Join(errs...); err != nil {
		return err // nothing is published unless all can be opened
	}
	for i, f := range files {
		err := f.Run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%w (%d packets before it are published)", err, f.Progress().Packets))
			continue
		}
		log.Info("capture is published", "file", paths[i], "source", f.Source(), "packets", f.Progress().Packets)
	}
	return errors.Join(errs...)
}
