package line

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/lifecycle"
	"netstream/pipeline/telemetry"
)

// Stage runs one stage, with its telemetry, on the server that bus.url names, until ctx ends or the stage is done. create
// makes the stage and returns its Run.
func Stage(ctx context.Context, cfg Config, name, version string, log *slog.Logger, create func(*bus.Bus, prometheus.Registerer) func(context.Context) error) error {
	conn, err := bus.Connect(cfg.Bus, "netstream "+name)
	if err != nil {
		return err
	}
	defer conn.Close()
	b, err := bus.New(conn, cfg.Bus.Pipeline, cfg.Layout)
	if err != nil {
		return err
	}
	registry, health := telemetry.NewRegistry(version), &telemetry.Health{}
	registry.MustRegister(health)
	server := telemetry.NewServer(cfg.Telemetry.Listen, telemetry.Handler(registry, health), log)
	check := health.Register(name)
	run := create(b, registry)

	ctx, done := context.WithCancel(ctx)
	defer done()
	g := lifecycle.New(log, stopTimeout)
	g.Add(lifecycle.Component{Name: "telemetry", Run: server.Run, Ready: server.Ready()})
	g.Add(lifecycle.Component{Name: name, Finite: true, Run: func(ctx context.Context) error {
		defer done()
		check.Ready()
		return run(ctx)
	}})
	return g.Run(ctx)
}
