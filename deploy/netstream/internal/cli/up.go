package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"netstream/deploy/netstream/internal/line"
	"netstream/deploy/netstream/internal/pace"
	"netstream/deploy/netstream/internal/traffic"
	"netstream/services/sampler"
)

func (k *command) up() *cobra.Command {
	var file string
	var flags lineFlags
	c := &cobra.Command{
		Use:   "up -c FILE",
		Short: "Run everything, live, until stopped",
		Long: `Runs the whole line in one process until Ctrl-C or SIGTERM: the sources that the
configuration names, flow caches, agers, exporter, database and its HTTP API.
A stop loses nothing that has arrived, and the next start goes on with the same
data.`,
		Example: `  netstream config init > netstream.yaml   # then set a source: sampler.live.interfaces, sampler.sflow.listen, analyzer.collector.listen or demo.rate
  netstream up -c netstream.yaml`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				return wrongUsage(c, "%s: -c FILE is missing; `netstream config init` writes one to start from", c.CommandPath())
			}
			cfg, err := k.load(c, file, flags.apply)
			if err = errors.Join(flags.err(c), err); err != nil {
				return err
			}
			if !liveSource(cfg) && cfg.Analyzer.Collector.Listen == "" {
				return wrongUsage(c, "%s: no source: set sampler.live.interfaces, sampler.sflow.listen, analyzer.collector.listen or demo.rate", file)
			}
			return k.live(c.Context(), cfg, func(ctx context.Context, l *line.Line) error {
				if err := k.whereToLook(ctx, l); err != nil {
					return err
				}
				if liveSource(cfg) {
					return liveSources(ctx, l.Sampler, cfg)
				}
				<-ctx.Done()
				return nil
			})
		},
	}
	configFlag(c, &file)
	flags.register(c)
	return c
}

// live runs a line with its work until ctx ends.
func (k *command) live(ctx context.Context, cfg line.Config, work func(context.Context, *line.Line) error) error {
	l, err := line.Open(cfg, k.global.data, k.log(cfg))
	if err != nil {
		return err
	}
	err = l.Run(ctx, func(ctx context.Context) error { return work(ctx, l) })
	return errors.Join(err, l.Close())
}

// liveSource tells whether the configuration names a source of packets.
func liveSource(cfg line.Config) bool {
	return len(cfg.Sampler.Live.Interfaces) > 0 || cfg.Sampler.SFlow.Listen != "" || cfg.Demo.Rate > 0
}

// liveSources runs all sources of packets that the configuration names, until ctx ends or one of them fails.
func liveSources(ctx context.Context, s *sampler.Service, cfg line.Config) error {
	g, ctx := errgroup.WithContext(ctx)
	if len(cfg.Sampler.Live.Interfaces) > 0 {
		g.Go(func() error { return s.Capture(ctx) })
	}
	if cfg.Sampler.SFlow.Listen != "" {
		g.Go(func() error { return s.SFlow(ctx) })
	}
	if cfg.Demo.Rate > 0 {
		g.Go(func() error { return generate(ctx, s, cfg.Demo, func(*traffic.EventLog) {}) })
	}
	return g.Wait()
}

// generate is the live source "demo"; begun gets its log of events.
func generate(ctx context.Context, s *sampler.Service, cfg line.Demo, begun func(*traffic.EventLog)) error {
	in := pace.New(traffic.Config{Seed: cfg.Seed, PacketsPerSecond: float64(cfg.Rate), Day: cfg.Day})
	begun(in.Events())
	return s.Live(ctx, "demo", in, sampler.OverloadWait)
}

// whereToLook says where a running line can be asked.
func (k *command) whereToLook(ctx context.Context, l *line.Line) error {
	r, err := l.Runtime(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(k.Out, `NetStream runs. Ctrl-C stops it, and nothing is lost.

  SQL over HTTP   %s/api/query?q=SELECT+count(*)+FROM+flows
  metrics         %s/metrics
  data            %s

Try, in another terminal:

  %[4]s top talkers
  %[4]s flows --host 10.10.0.0/16 --last 5m
  %[4]s query "SELECT reason, count(*) FROM flows GROUP BY reason"
  %[4]s audit

`, r.API, r.Telemetry, l.Data(), k.called(l.Data()))
	return err
}

// called is how a suggested command begins, so that it works where this one did.
func (k *command) called(data string) string {
	name := cmp.Or(k.Name, "netstream")
	if data != defaultData {
		name += " --data " + data
	}
	return name
}
