// Command analyzer runs stage 4b alone, on an external NATS server: it lands flows in DuckDB and answers questions about them.
package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/stage"
	"netstream/pipeline/telemetry"
	"netstream/services/analyzer"
)

// settings is the configuration file.
type settings struct {
	Bus       bus.Config       `yaml:"bus" doc:"where the streams are"`
	Layout    bus.Layout       `yaml:"layout" doc:"of the streams, as they were created"`
	Telemetry telemetry.Config `yaml:"telemetry" doc:"log, metrics and health"`
	Service   analyzer.Config  `yaml:"analyzer" doc:"stage 4b: flows to the database, SQL and HTTP"`
}

func main() {
	stage.Program[settings]{
		Name:     "analyzer",
		Defaults: settings{bus.DefaultConfig(), bus.DefaultLayout(), telemetry.DefaultConfig(), analyzer.DefaultConfig()},
		Base:     func(c settings) stage.Base { return stage.Base{Bus: c.Bus, Layout: c.Layout, Telemetry: c.Telemetry} },
		Create: func(c settings, _ stage.Own, b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) func(context.Context) error {
			if c.Service.Database == "" {
				c.Service.Database = "netstream.duckdb"
			}
			return analyzer.New(c.Service, b, reg, log).Run
		},
	}.Main()
}
