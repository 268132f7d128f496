// Package stage runs one service as a process of its own, on an external NATS server. It is what the services' mains
// and the commands `netstream sampler`, `flowcache`, … have in common.
package stage

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/lifecycle"
	"netstream/pipeline/telemetry"
)

// stopTimeout is a guard against a stage that hangs; they stop within a second or two.
const stopTimeout = 15 * time.Second

// Base is what every stage needs of its configuration.
type Base struct {
	Bus       bus.Config
	Layout    bus.Layout
	Telemetry telemetry.Config
}

// Create makes a service on a bus and returns its Run.
type Create = func(b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) (run func(context.Context) error)

// Run runs a service, with its telemetry, until ctx ends or it is done.
func Run(ctx context.Context, base Base, name string, log *slog.Logger, create Create) error {
	conn, err := bus.Connect(base.Bus, "netstream "+name)
	if err != nil {
		return err
	}
	defer conn.Close()
	b, err := bus.New(conn, base.Bus.Pipeline, base.Layout)
	if err != nil {
		return err
	}
	registry, health := telemetry.NewRegistry(telemetry.Version()), &telemetry.Health{}
	registry.MustRegister(health)
	server := telemetry.NewServer(base.Telemetry.Listen, telemetry.Handler(registry, health), log)
	check, run := health.Register(name), create(b, registry, log)

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
