// Command analyzer runs stage 4b alone: it lands the flows of a pipeline in DuckDB and answers questions about them. The
// bus is an external NATS server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"netstream/pipeline/bus"
	"netstream/pipeline/config"
	"netstream/pipeline/lifecycle"
	"netstream/pipeline/telemetry"
	"netstream/services/analyzer"
)

// stopTimeout is what a component gets to stop: a last transaction of a row group, and answers in progress.
const stopTimeout = 5 * time.Second

// settings is the configuration file.
type settings struct {
	Bus       bus.Config       `yaml:"bus" doc:"where the streams are"`
	Layout    bus.Layout       `yaml:"layout" doc:"of the streams, as they were created"`
	Telemetry telemetry.Config `yaml:"telemetry" doc:"log, metrics and health"`
	Analyzer  analyzer.Config  `yaml:"analyzer" doc:"where flows land and who may ask"`
}

func main() {
	file := flag.String("c", "", "configuration `file` (YAML); NETSTREAM_… variables override it")
	check := flag.Bool("check", false, "check the configuration and exit")
	dump := flag.Bool("dump", false, "print the effective configuration and exit")
	flag.Parse()
	cfg := settings{bus.DefaultConfig(), bus.DefaultLayout(), telemetry.DefaultConfig(), analyzer.DefaultConfig()}
	cfg.Analyzer.Database = "netstream.duckdb"
	err := config.Load(*file, os.Environ(), &cfg)
	if err == nil && cfg.Bus.URL == "" && !*dump {
		err = errors.New("bus.url: no NATS server, want one such as nats://127.0.0.1:4222 (also as NETSTREAM_BUS_URL)")
	}
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case *dump:
		err = config.Dump(os.Stdout, cfg)
	case !*check:
		err = run(cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run runs the analyzer until a signal or a failure.
func run(cfg settings) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := telemetry.NewLogger(os.Stderr, cfg.Telemetry.LogFormat, cfg.Telemetry.LogLevel)
	conn, err := bus.Connect(cfg.Bus, "analyzer")
	if err != nil {
		return err
	}
	defer conn.Close()
	b, err := bus.New(conn, cfg.Bus.Pipeline, cfg.Layout)
	if err != nil {
		return err
	}
	registry, health := telemetry.NewRegistry(version()), &telemetry.Health{}
	registry.MustRegister(health)
	server := telemetry.NewServer(cfg.Telemetry.Listen, telemetry.Handler(registry, health), log)
	check, service := health.Register("analyzer"), analyzer.New(cfg.Analyzer, b, registry, log)

	g := lifecycle.New(log, stopTimeout)
	g.Add(lifecycle.Component{Name: "telemetry", Run: server.Run, Ready: server.Ready()})
	g.Add(lifecycle.Component{Name: "analyzer", Run: func(ctx context.Context) error {
		go func() { // ends with Run at the latest
			if service.Ready(ctx) == nil {
				check.Ready()
			}
		}()
		return service.Run(ctx)
	}})
	return g.Run(ctx)
}

// version is that of the build.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
