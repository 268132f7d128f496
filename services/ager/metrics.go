package ager

import (
	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/checkpoints"
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

	checkpoints *checkpoints.Metrics

	late    prometheus.Counter // updates of closed windows
	unacted prometheus.Counter // control rows
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
	reg.MustRegister(m.updates, ended, m.messages, m.live, m.replayed, m.waits, m.late, m.unacted)
	m.checkpoints = checkpoints.NewMetrics(reg, "ager")
	return m
}
