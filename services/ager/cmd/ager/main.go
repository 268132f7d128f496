// Command ager runs stage 3 alone, on an external NATS server: it decides when flows are over.
package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/monitors"
	"netstream/pipeline/stage"
	"netstream/pipeline/telemetry"
	"netstream/services/ager"
)

// settings is the configuration file.
type settings struct {
	Bus       bus.Config       `yaml:"bus" doc:"where the streams are"`
	Layout    bus.Layout       `yaml:"layout" doc:"of the streams, as they were created"`
	Monitors  monitors.Config  `yaml:"monitors" doc:"flow definitions, the same for sampler, flow cache and ager"`
	Telemetry telemetry.Config `yaml:"telemetry" doc:"log, metrics and health"`
	Service   ager.Config      `yaml:"ager" doc:"stage 3: updates to expired flows"`
}

func main() {
	stage.Program[settings]{
		Name:     "ager",
		Defaults: settings{bus.DefaultConfig(), bus.DefaultLayout(), monitors.Default(), telemetry.DefaultConfig(), ager.DefaultConfig()},
		Base:     func(c settings) stage.Base { return stage.Base{Bus: c.Bus, Layout: c.Layout, Telemetry: c.Telemetry} },
		Shards:   func(c settings) int { return c.Layout.FlowShards },
		Create: func(c settings, own stage.Own, b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) func(context.Context) error {
			return ager.New(c.Service, c.Monitors, b, own.Shards, reg, log).Run
		},
	}.Main()
}
