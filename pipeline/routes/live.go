package routes

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// live is what routers tell at present, by BMP and BGP.
type live struct {
	log     *slog.Logger
	metrics *Metrics
	changed chan struct{} // holds one when something has changed since it was emptied

	mu      sync.Mutex // of builder; routers wait while a table is made
	builder *Builder
}

func newLive(log *slog.Logger, m *Metrics) *live {
	return &live{log: log, metrics: m, changed: make(chan struct{}, 1), builder: NewBuilder()}
}

// update takes an UPDATE with its header.
func (l *live) update(kind string, d dialect, message []byte, from Source) (updateCount, error) {
	l.mu.Lock()
	n, err := d.message(message, from, l.builder)
	l.mu.Unlock()
	if err != nil {
		return n, err
	}
	l.metrics.heard(kind, n)
	if n.announced+n.withdrawn > 0 {
		l.signal()
	}
	return n, nil
}

// drop takes the paths of all sources back for which what holds.
func (l *live) drop(what func(Source) bool) {
	l.mu.Lock()
	l.builder.Drop(what)
	l.mu.Unlock()
	l.signal()
}

// compile makes a table; base is told of where routers tell nothing.
func (l *live) compile(base *Table) *Table {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.metrics.livePaths.Set(float64(l.builder.Len()))
	return l.builder.Compile(base)
}

func (l *live) signal() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// Pauses between attempts.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// persist calls f again and again until ctx ends. Between calls it waits for 1 s, 2 s, … 1 min; after a call that took longer
// than that it begins with 1 s again.
func persist(ctx context.Context, f func(context.Context)) {
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		f(ctx)
		if time.Since(began) > lastPause {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}
