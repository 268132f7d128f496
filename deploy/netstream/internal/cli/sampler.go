package cli

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"netstream/pipeline/bus"
	"netstream/pipeline/stage"
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

Reads captures to their end, one after another; or without any, until stopped,
what the configuration names: the interfaces of sampler.live, the agents that
send to sampler.sflow, the generated traffic of demo.rate. On the NATS server
(JetStream) that bus.url names. The same command goes on after a stop or a kill.`,
		Example: `  netstream sampler -c netstream.yaml office.pcap
  NETSTREAM_BUS_URL=nats://10.0.0.1:4222 netstream sampler office.pcap
  NETSTREAM_SAMPLER_LIVE_INTERFACES=eth0,eth1 netstream sampler -c netstream.yaml`,
		RunE: func(c *cobra.Command, paths []string) error {
			cfg, err := k.loadStage(c, file)
			if err != nil {
				return err
			}
			if len(paths) == 0 && !liveSource(cfg) {
				return wrongUsage(c, "%s: no source: name a capture, or set sampler.live.interfaces, sampler.sflow.listen or demo.rate", c.CommandPath())
			}
			return stage.Run(c.Context(), base(cfg), "sampler", k.log(cfg), func(b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) func(context.Context) error {
				s := sampler.New(cfg.Sampler, cfg.Monitors.Definitions(), b, reg, log)
				return func(ctx context.Context) error {
					if len(paths) == 0 {
						return liveSources(ctx, s, cfg)
					}
					return s.Files(ctx, paths, again)
				}
			})
		},
	}
	configFlag(c, &file)
	c.Flags().BoolVar(&again, "again", false, "publish captures that were published before once more, as new sources")
	return c
}
