package janitor

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics of the streams, by the janitor that looks at them. A process may have one after another.
type Metrics struct {
	bytes, soft, hard, headroom *prometheus.GaugeVec
	lag                         *prometheus.GaugeVec
}

// NewMetrics registers them for the janitors of a process.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		reg.MustRegister(g)
		return g
	}
	return &Metrics{
		bytes:    gauge("stream_bytes", "What a stream holds.", "stream"),
		soft:     gauge("stream_soft_bytes", "Above this, what all readers are done with is deleted.", "stream"),
		hard:     gauge("stream_hard_bytes", "At this, the writers of a stream wait.", "stream"),
		headroom: gauge("stream_headroom_bytes", "What may still come into a stream before its writers wait.", "stream"),
		lag:      gauge("stream_lag_messages", "Messages that came into a stream since a reader was done with a shard of it; NaN while it hasn't said.", "stream", "shard", "reader"),
	}
}

// show shows a stream.
func (m *Metrics) show(stream string, bytes, soft, hard uint64) {
	m.bytes.WithLabelValues(stream).Set(float64(bytes))
	m.soft.WithLabelValues(stream).Set(float64(soft))
	m.hard.WithLabelValues(stream).Set(float64(hard))
	m.headroom.WithLabelValues(stream).Set(max(float64(hard)-float64(bytes), 0))
}

func (m *Metrics) showLag(stream string, shard int, reader string, messages float64) {
	m.lag.WithLabelValues(stream, strconv.Itoa(shard), reader).Set(messages)
}

// forget drops what is shown: another process's janitor shows it now.
func (m *Metrics) forget() {
	for _, g := range []*prometheus.GaugeVec{m.bytes, m.soft, m.hard, m.headroom, m.lag} {
		g.Reset()
	}
}
