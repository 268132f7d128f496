// Package line puts the stages together: bus, analyzer, exporter, agers, flow caches and sampler in one process.
//
//	start  bus -> routes -> analyzer -> exporter -> agers -> flow caches -> work (a sampler reading files, the generator, …)
//	stop   work, flow caches, agers, exporter, analyzer, routes, bus
//
// What has passed a stage is in a stream, so a stop anywhere loses nothing, and a start goes on from there.
package line

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"netstream/deploy/netstream/internal/datadir"
	"netstream/pipeline/bus"
	"netstream/pipeline/embedded"
	"netstream/pipeline/lifecycle"
	"netstream/pipeline/routes"
	"netstream/pipeline/stage"
	"netstream/pipeline/telemetry"
	"netstream/services/ager"
	"netstream/services/analyzer"
	"netstream/services/exporter"
	"netstream/services/flowcache"
	"netstream/services/sampler"
)

// stopTimeout is for each component, and a guard against one that hangs: all together stop within a second or two, but a
// transaction of the database on a loaded machine may take longer.
const stopTimeout = 15 * time.Second

// Line is a whole line, open but not running.
type Line struct {
	Sampler  *sampler.Service
	Exporter *exporter.Service
	Analyzer *analyzer.Service

	cfg       Config
	log       *slog.Logger
	dir       *datadir.Dir
	server    *embedded.Server // nil on a server of the user's
	conn      *nats.Conn
	bus       *bus.Bus
	registry  *prometheus.Registry
	health    *telemetry.Health
	telemetry *telemetry.Server
	flowCache *flowcache.Service
	ager      *ager.Service
	routes    *routes.Publisher // nil: no routes are configured
}

// Open takes the data directory and makes a line on it. The caller closes it.
func Open(cfg Config, data string, log *slog.Logger) (*Line, error) {
	dir, err := datadir.Open(data)
	if err != nil {
		return nil, err
	}
	l := &Line{cfg: cfg, log: log, dir: dir, registry: telemetry.NewRegistry(telemetry.Version()), health: &telemetry.Health{}}
	if err := l.connect(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if l.cfg.Analyzer.Database == "" {
		l.cfg.Analyzer.Database = dir.Database()
	}
	l.registry.MustRegister(l.health)
	l.telemetry = telemetry.NewServer(cfg.Telemetry.Listen, telemetry.Handler(l.registry, l.health), log)
	if cfg.Routes.Routed() {
		l.routes = routes.NewPublisher(cfg.Routes, l.bus, log, routes.NewMetrics(l.registry))
		l.cfg.Analyzer.Routes, cfg.Exporter.Routes = true, true
	}
	if len(l.cfg.Analyzer.Interfaces) == 0 {
		l.cfg.Analyzer.Interfaces = cfg.Exporter.Interfaces
	}
	l.Analyzer = analyzer.New(l.cfg.Analyzer, l.bus, l.registry, log)
	l.Exporter = exporter.New(cfg.Exporter, l.bus, l.registry, log)
	l.ager = ager.New(cfg.Ager, cfg.Monitors, l.bus, stage.Static(stage.AllShards(cfg.Layout.FlowShards)), l.registry, log)
	l.flowCache = flowcache.New(cfg.FlowCache, cfg.Monitors.Definitions(), l.bus, stage.Static(stage.AllShards(cfg.Layout.PacketShards)), l.registry, log)
	l.Sampler = sampler.New(cfg.Sampler, cfg.Monitors.Definitions(), l.bus, l.registry, log)
	return l, nil
}

// connect opens the bus: the embedded server's, or the one that bus.url names.
func (l *Line) connect() (err error) {
	if l.cfg.Bus.URL != "" {
		l.conn, err = bus.Connect(l.cfg.Bus, "netstream")
	} else {
		if l.server, err = embedded.Start(l.dir.Streams(), l.log); err != nil {
			return err
		}
		l.conn, err = l.server.Connect("netstream")
	}
	if err != nil {
		return err
	}
	l.bus, err = bus.New(l.conn, l.cfg.Bus.Pipeline, l.cfg.Layout)
	return err
}

// Run runs the line until the work is done or ctx ends, and returns the work's error or that of the stage that failed. The
// work gets going when all stages behind it run. Run is called once.
func (l *Line) Run(ctx context.Context, work func(ctx context.Context) error) error {
	ctx, done := context.WithCancel(ctx)
	defer done()
	worked := make(chan error, 1)
	g := lifecycle.New(l.log, stopTimeout)
	g.Add(lifecycle.Component{Name: "disk space", Run: l.dir.Watch})
	g.Add(lifecycle.Component{Name: "telemetry", Run: l.telemetry.Run, Ready: l.telemetry.Ready()})
	if l.routes != nil {
		g.Add(lifecycle.Component{Name: "routes", Run: l.routes.Run})
	}
	g.Add(l.analyzer())
	// It runs without destinations too: then its position moves along, and a destination added later gets what comes then.
	g.Add(lifecycle.Component{Name: "exporter", Run: l.Exporter.Run})
	g.Add(lifecycle.Component{Name: "ager", Run: l.ager.Run})
	g.Add(lifecycle.Component{Name: "flowcache", Run: l.flowCache.Run})
	g.Add(lifecycle.Component{Name: "work", Finite: true, Run: func(ctx context.Context) error {
		defer done()
		err := l.publish(ctx)
		if err == nil {
			err = work(ctx)
		}
		if ctx.Err() != nil {
			err = nil // it was stopped before its end, and says so in many ways
		}
		worked <- err
		return nil // how the work went is no matter of the stages, which stop in order
	}})
	err := g.Run(ctx)
	select {
	case workErr := <-worked:
		err = errors.Join(err, workErr)
	default: // it never began, or hangs
	}
	return err
}

// publish lets the other commands know where this process can be reached.
func (l *Line) publish(ctx context.Context) error {
	r, err := l.Runtime(ctx)
	if err != nil {
		return err
	}
	return l.dir.Publish(r)
}

// Close stops the bus and gives the data directory back.
func (l *Line) Close() error {
	if l.conn != nil {
		l.conn.Close()
	}
	if l.server != nil {
		l.server.Close()
	}
	return l.dir.Close()
}

// Data is the data directory as it was named.
func (l *Line) Data() string { return l.dir.Path() }
