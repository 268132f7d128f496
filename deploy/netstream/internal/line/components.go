package line

import (
	"context"
	"os"
	"sync"

	"netstream/deploy/netstream/internal/datadir"
	"netstream/pipeline/lifecycle"
)

// analyzer is ready when its database is open.
func (l *Line) analyzer() lifecycle.Component {
	ready := make(chan struct{})
	check := l.health.Register("analyzer")
	return lifecycle.Component{Name: "analyzer", Ready: ready, Run: func(ctx context.Context) error {
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if l.Analyzer.Ready(ctx) == nil {
				check.Ready()
				close(ready)
			}
		})
		err := l.Analyzer.Run(ctx)
		waiting.Wait()
		select {
		case <-ready:
			return err
		default:
			if ctx.Err() != nil {
				return nil // stopped while it opened the database, which calls that an error of its own
			}
			return err
		}
	}}
}

// Runtime says where this process can be reached.
func (l *Line) Runtime(ctx context.Context) (datadir.Runtime, error) {
	r := datadir.Runtime{PID: os.Getpid(), NATS: l.conn.ConnectedUrl()}
	if l.server != nil {
		r.NATS = l.server.URL()
	}
	if addr := l.telemetry.Addr(); addr != nil {
		r.Telemetry = "http://" + addr.String()
	}
	address, err := l.Analyzer.Address(ctx)
	if address != "" {
		r.API = "http://" + address
	}
	return r, err
}
