package checkpoints

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics of the checkpoints of all workers of a stage.
type Metrics struct {
	saving   prometheus.Summary // from the copy to the acknowledgement
	pause    longest
	bytes    prometheus.Gauge
	failed   prometheus.Counter
	refused  prometheus.Counter
	recovery prometheus.Gauge
}

// longest is the longest of some times.
type longest struct{ ns atomic.Int64 }

func (l *longest) observe(d time.Duration) {
	for was := l.ns.Load(); int64(d) > was && !l.ns.CompareAndSwap(was, int64(d)); was = l.ns.Load() {
	}
}

// NewMetrics registers them under the name of a stage.
func NewMetrics(reg prometheus.Registerer, stage string) *Metrics {
	m := &Metrics{
		saving:   prometheus.NewSummary(prometheus.SummaryOpts{Name: stage + "_checkpoint_seconds", Help: "Time from the copy of the state until its checkpoint is stored."}),
		bytes:    prometheus.NewGauge(prometheus.GaugeOpts{Name: stage + "_checkpoint_bytes", Help: "Size of the last checkpoint."}),
		failed:   prometheus.NewCounter(prometheus.CounterOpts{Name: stage + "_checkpoints_failed_total", Help: "Checkpoints that could not be written."}),
		refused:  prometheus.NewCounter(prometheus.CounterOpts{Name: stage + "_checkpoints_refused_total", Help: "Checkpoints that could not be used at a start."}),
		recovery: prometheus.NewGauge(prometheus.GaugeOpts{Name: stage + "_recovery_seconds", Help: "Time that reading the checkpoint took at the last start."}),
	}
	pause := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: stage + "_checkpoint_pause_seconds", Help: "The longest that a worker stood still for a checkpoint."},
		func() float64 { return time.Duration(m.pause.ns.Load()).Seconds() })
	reg.MustRegister(m.saving, m.bytes, m.failed, m.refused, m.recovery, pause)
	return m
}
