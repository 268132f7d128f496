package telemetry

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Every logs a fault that may repeat: the first at once, then at most one per interval, which says
// how many were left out. Every fault is counted, whether it is logged or not. One Every serves one
// kind of fault and is safe for concurrent use.
type Every struct {
	log      *slog.Logger
	interval time.Duration
	faults   prometheus.Counter
	start    time.Time    // next counts from here
	next     atomic.Int64 // ns after start from which the next record is logged
	left     atomic.Uint64
}

// NewEvery returns an Every that counts in faults, a counter of the caller's registry.
func NewEvery(log *slog.Logger, interval time.Duration, faults prometheus.Counter) *Every {
	return &Every{log: log, interval: interval, faults: faults, start: time.Now()}
}

// Warn notes one fault. A record that follows others that weren't logged has their number in the
// attribute "suppressed". It doesn't allocate when nothing is logged.
func (e *Every) Warn(msg string, attrs ...slog.Attr) {
	e.faults.Inc()
	now := int64(time.Since(e.start))
	next := e.next.Load()
	if now < next || !e.next.CompareAndSwap(next, now+int64(e.interval)) {
		e.left.Add(1)
		return
	}
	log := e.log
	if n := e.left.Swap(0); n > 0 {
		log = log.With("suppressed", n)
	}
	log.LogAttrs(context.Background(), slog.LevelWarn, msg, attrs...)
}
