package members

import "github.com/prometheus/client_golang/prometheus"

// metrics of one member.
type metrics struct {
	live      prometheus.Gauge
	owned     prometheus.Gauge
	takeovers *prometheus.CounterVec // by reason
	fenced    prometheus.Counter
	missed    prometheus.Counter
}

func newMetrics(stage string, reg prometheus.Registerer) *metrics {
	m := &metrics{
		live:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "members_live", Help: "Processes of the stage that this one knows of, itself included."}),
		owned:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "members_shards_owned", Help: "Shards that this process works on."}),
		takeovers: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "members_takeovers_total", Help: "Shards taken over from another process, by why it has them no more."}, []string{"reason"}),
		fenced:    prometheus.NewCounter(prometheus.CounterOpts{Name: "members_fenced_total", Help: "Shards given up because another process published on them."}),
		missed:    prometheus.NewCounter(prometheus.CounterOpts{Name: "members_heartbeats_failed_total", Help: "Heartbeats that the server didn't take."}),
	}
	for _, r := range []string{reasonDeath, reasonLeave, reasonMove} {
		m.takeovers.WithLabelValues(r)
	}
	prometheus.WrapRegistererWith(prometheus.Labels{"stage": stage}, reg).MustRegister(m.live, m.owned, m.takeovers, m.fenced, m.missed)
	return m
}

// Why a shard has come from another member.
const (
	reasonDeath = "death"
	reasonLeave = "leave"
	reasonMove  = "move" // it is alive and was dealt others
)
