package routes

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// placesCheck is how often MMDB files are looked at for changes.
const placesCheck = time.Minute

// Places tells where addresses are by MMDB files, and reads them again when they change. What can't be read leaves what was known
// before.
type Places struct {
	files    []string
	log      *slog.Logger
	troubles prometheus.Counter
	geo      atomic.Pointer[Geo]
	seen     string // the files as they were when they were read last
}

// NewPlaces reads the files. troubles counts the times that they couldn't be read.
func NewPlaces(files []string, log *slog.Logger, troubles prometheus.Counter) *Places {
	p := &Places{files: files, log: log, troubles: troubles}
	p.geo.Store(&Geo{})
	p.look()
	return p
}

// Lookup tells the place of an address. It is safe for use by several goroutines.
func (p *Places) Lookup(a netip.Addr) Place { return p.geo.Load().Lookup(a) }

// Run reads files that have changed, until ctx ends.
func (p *Places) Run(ctx context.Context) {
	tick := time.NewTicker(placesCheck)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.look()
		case <-ctx.Done():
			return
		}
	}
}

// look reads the files if they have changed.
func (p *Places) look() {
	seen := fingerprint(p.files)
	if seen == p.seen {
		return
	}
	p.seen = seen
	g, err := OpenGeo(p.files...)
	if err != nil {
		p.troubles.Inc()
		p.log.Error("places can't be read, those known before stay", "error", err)
		return
	}
	p.geo.Store(g)
	p.log.Info("places read", "files", len(p.files))
}
