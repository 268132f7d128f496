package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"netstream/deploy/netstream/internal/datadir"
	"netstream/deploy/netstream/internal/line"
	"netstream/pipeline/bus"
	"netstream/pipeline/routes"
	"netstream/pipeline/stage"
	"netstream/services/ager"
	"netstream/services/analyzer"
	"netstream/services/exporter"
	"netstream/services/flowcache"
)

// runner is the Run of a stage.
type runner = func(context.Context) error

// owned makes a stage whose processes deal its shards among themselves.
type owned = func(cfg line.Config, shards stage.Shards, b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) runner

// stages are the commands that run one stage.
func (k *command) stages() []*cobra.Command {
	packetShards := func(cfg line.Config) int { return cfg.Layout.PacketShards }
	flowShards := func(cfg line.Config) int { return cfg.Layout.FlowShards }
	return []*cobra.Command{
		k.samplerStage(),
		k.shared("flowcache", "Stage 2: merge packet headers into flow updates", packetShards,
			func(cfg line.Config, shards stage.Shards, b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) runner {
				return flowcache.New(cfg.FlowCache, cfg.Monitors.Definitions(), b, shards, reg, log).Run
			}),
		k.shared("ager", "Stage 3: decide when flows are over", flowShards,
			func(cfg line.Config, shards stage.Shards, b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) runner {
				return ager.New(cfg.Ager, cfg.Monitors, b, shards, reg, log).Run
			}),
		k.stage("exporter", "Stage 4a: send flows as NetStream datagrams", "",
			func(cfg line.Config) (stage.Create, error) {
				return func(b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) runner {
					return exporter.New(cfg.Exporter, b, reg, log).Run
				}, nil
			}),
		k.stage("routes", "Publish the routing table that exporters go by", `

Reads the files and listens to the routers under routes in the configuration. A
pipeline has one; exporters that are to use its table have exporter.routes: true.`,
			func(cfg line.Config) (stage.Create, error) {
				return func(b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) runner {
					return routes.NewPublisher(cfg.Routes, b, log, routes.NewMetrics(reg)).Run
				}, nil
			}),
		k.analyzerCommand(),
	}
}

// shared makes the command of a stage whose shards, so many, are dealt among its processes.
func (k *command) shared(name, short string, count func(line.Config) int, create owned) *cobra.Command {
	var list string
	c := k.stage(name, short, `

Processes started without --shards deal the shards among themselves, anew whenever
one joins, leaves or dies. A process with --shards owns exactly these and takes no
part in that; where both run, see to it that no shard has two owners.`,
		func(cfg line.Config) (stage.Create, error) {
			owner, err := stage.ParseOwner(list, name, count(cfg))
			return func(b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) runner {
				return create(cfg, owner(b, reg, log), b, reg, log)
			}, err
		})
	c.Flags().StringVar(&list, "shards", "", stage.ShardsFlag)
	return c
}

// analyzerCommand pins flow shards to an analyzer: they are those of its database.
func (k *command) analyzerCommand() *cobra.Command {
	var list string
	c := k.stage("analyzer", "Stage 4b: land flows in the database and answer SQL", "",
		func(cfg line.Config) (stage.Create, error) {
			shards, err := stage.ParseShards(list, cfg.Layout.FlowShards)
			return func(b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) runner {
				return k.analyzerStage(cfg, shards, b, reg, log)
			}, err
		})
	c.Flags().StringVar(&list, "shards", "", "`shards` that this process lands, such as 0,2-3 (default: all)")
	return c
}

// analyzerStage has its database in the data directory, where the commands that ask find it.
func (k *command) analyzerStage(cfg line.Config, shards []int, b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) runner {
	if len(shards) < cfg.Layout.FlowShards {
		cfg.Analyzer.FlowShards = shards
	}
	return func(ctx context.Context) error {
		dir, err := datadir.Open(k.global.data)
		if err != nil {
			return err
		}
		if cfg.Analyzer.Database == "" {
			cfg.Analyzer.Database = dir.Database()
		}
		s := analyzer.New(cfg.Analyzer, b, reg, log)
		var publishing sync.WaitGroup
		publishing.Go(func() {
			if address, err := s.Address(ctx); err == nil {
				err = dir.Publish(datadir.Runtime{PID: os.Getpid(), NATS: cfg.Bus.URL, API: "http://" + address})
				if err != nil {
					log.Error("other commands won't find this analyzer", "err", err)
				}
			}
		})
		err = s.Run(ctx)
		publishing.Wait()
		return errors.Join(err, dir.Close())
	}
}

// stage makes the command of a stage; more is added to its help. create fails when the flag --shards can't be used.
func (k *command) stage(name, short, more string, create func(line.Config) (stage.Create, error)) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   name + " -c FILE",
		Short: short,
		Long: short + `.

Runs until stopped, on the NATS server (JetStream) that bus.url names. Stages may
be killed and started at any time, in any number; nothing is lost or doubled.` + more,
		Example: "  netstream " + name + " -c netstream.yaml\n  NETSTREAM_BUS_URL=nats://10.0.0.1:4222 netstream " + name,
		Args:    none,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := k.loadStage(c, file)
			if err != nil {
				return err
			}
			made, err := create(cfg)
			if err != nil {
				return wrongUsage(c, "--shards: %w", err)
			}
			return stage.Run(c.Context(), base(cfg), name, k.log(cfg), made)
		},
	}
	configFlag(c, &file)
	return c
}

// base is what a stage needs of the whole configuration.
func base(cfg line.Config) stage.Base {
	return stage.Base{Bus: cfg.Bus, Layout: cfg.Layout, Telemetry: cfg.Telemetry}
}

// loadStage reads the configuration of a stage, which needs a server to meet the others.
func (k *command) loadStage(c *cobra.Command, file string) (line.Config, error) {
	cfg, err := k.load(c, file, nil)
	if err == nil && cfg.Bus.URL == "" {
		err = wrongUsage(c, "%s: no NATS server: set bus.url in -c FILE, or NETSTREAM_BUS_URL=nats://HOST:4222", c.CommandPath())
	}
	return cfg, err
}
