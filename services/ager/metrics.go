package ager

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/schemas/flow"
)

// metrics of all shards of one process.
type metrics struct {
	updates  prometheus.Counter
	flows    [len(flow.Reasons) + 1]prometheus.Counter // by reason
	messages prometheus.Counter
	live     prometheus.Gauge
	replayed prometheus.Counter
	waits    prometheus.Counter

	saving   prometheus.Summary // of checkpoints, from the copy to the acknowledgement
	pause    longest
	bytes    prometheus.Gauge
	failed   prometheus.Counter
	refused  prometheus.Counter
	recovery prometheus.Gauge

	late    prometheus.Counter // updates of closed windows
	unacted prometheus.Counter // control rows
}

// longest is the longest of some times.
type longest struct{ ns atomic.Int64 }

func (l *longest) observe(d time.Duration) {
	for was := l.ns.Load(); int64(d) > was && !l.ns.CompareAndSwap(was, int64(d)); was = l.ns.Load() {
	}
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		updates:  prometheus.NewCounter(prometheus.CounterOpts{Name: "ager_updates_total", Help: "Flow updates taken in."}),
		messages: prometheus.NewCounter(prometheus.CounterOpts{Name: "ager_messages_total", Help: "Flow messages published."}),
		live:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "ager_live_flows", Help: "Flows in the tables."}),
		replayed: prometheus.NewCounter(prometheus.CounterOpts{Name: "ager_replayed_flows_total", Help: "Flows found again by replay and not published a second time."}),
	}
	m.waits = prometheus.NewCounter(prometheus.CounterOpts{Name: "ager_waits_total", Help: "Waits for a full or unreachable stream."})
	m.late = prometheus.NewCounter(prometheus.CounterOpts{Name: "ager_late_updates_total", Help: "Updates of sources that came back, filed under a later window than their own."})
	m.unacted = prometheus.NewCounter(prometheus.CounterOpts{Name: "ager_control_refused_total", Help: "Rows of control messages that can't be acted on."})
	ended := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ager_flows_total", Help: "Flows ended, by reason."}, []string{"reason"})
	for _, r := range flow.Reasons {
		m.flows[r] = ended.WithLabelValues(r.String())
	}
	m.saving = prometheus.NewSummary(prometheus.SummaryOpts{Name: "ager_checkpoint_seconds", Help: "Time from the copy of the live flows until their checkpoint is stored."})
	m.bytes = prometheus.NewGauge(prometheus.GaugeOpts{Name: "ager_checkpoint_bytes", Help: "Size of the last checkpoint."})
	m.failed = prometheus.NewCounter(prometheus.CounterOpts{Name: "ager_checkpoints_failed_total", Help: "Checkpoints that could not be written."})
	m.refused = prometheus.NewCounter(prometheus.CounterOpts{Name: "ager_checkpoints_refused_total", Help: "Checkpoints that could not be used at a start."})
	m.recovery = prometheus.NewGauge(prometheus.GaugeOpts{Name: "ager_recovery_seconds", Help: "Time that reading the checkpoint took at the last start of a shard."})
	pause := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "ager_checkpoint_pause_seconds", Help: "The longest that a shard stood still for a checkpoint."},
		func() float64 { return time.Duration(m.pause.ns.Load()).Seconds() })
	reg.MustRegister(m.updates, ended, m.messages, m.live, m.replayed, m.waits, m.late, m.unacted,
		m.saving, m.bytes, m.failed, m.refused, m.recovery, pause)
	return m
}
