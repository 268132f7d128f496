// Command sampler runs stage 1 alone, on an external NATS server: it reads the captures that are its arguments and publishes their packet headers.
package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/monitors"
	"netstream/pipeline/stage"
	"netstream/pipeline/telemetry"
	"netstream/services/sampler"
)

// settings is the configuration file.
type settings struct {
	Bus       bus.Config       `yaml:"bus" doc:"where the streams are"`
	Layout    bus.Layout       `yaml:"layout" doc:"of the streams, as they were created"`
	Monitors  monitors.Config  `yaml:"monitors" doc:"flow definitions, the same for sampler, flow cache and ager"`
	Telemetry telemetry.Config `yaml:"telemetry" doc:"log, metrics and health"`
	Service   sampler.Config   `yaml:"sampler" doc:"stage 1: packets to sampled packet headers"`
}

func main() {
	stage.Program[settings]{
		Name:     "sampler",
		Args:     "CAPTURE...",
		Defaults: settings{bus.DefaultConfig(), bus.DefaultLayout(), monitors.Default(), telemetry.DefaultConfig(), sampler.DefaultConfig()},
		Base:     func(c settings) stage.Base { return stage.Base{Bus: c.Bus, Layout: c.Layout, Telemetry: c.Telemetry} },
		Create: func(c settings, own stage.Own, b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) func(context.Context) error {
			return func(ctx context.Context) error {
				return sampler.New(c.Service, c.Monitors.Definitions(), b, reg, log).Files(ctx, own.Args, false)
			}
		},
	}.Main()
}
