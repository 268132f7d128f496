// Command exporter runs stage 4a alone, on an external NATS server: it sends flows as NetStream datagrams.
package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/stage"
	"netstream/pipeline/telemetry"
	"netstream/services/exporter"
)

// settings is the configuration file.
type settings struct {
	Bus       bus.Config       `yaml:"bus" doc:"where the streams are"`
	Layout    bus.Layout       `yaml:"layout" doc:"of the streams, as they were created"`
	Telemetry telemetry.Config `yaml:"telemetry" doc:"log, metrics and health"`
	Service   exporter.Config  `yaml:"exporter" doc:"stage 4a: flows to NetStream datagrams"`
}

func main() {
	stage.Program[settings]{
		Name:     "exporter",
		Defaults: settings{bus.DefaultConfig(), bus.DefaultLayout(), telemetry.DefaultConfig(), exporter.DefaultConfig()},
		Base:     func(c settings) stage.Base { return stage.Base{Bus: c.Bus, Layout: c.Layout, Telemetry: c.Telemetry} },
		Create: func(c settings, _ stage.Own, b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) func(context.Context) error {
			return exporter.New(c.Service, b, reg, log).Run
		},
	}.Main()
}
