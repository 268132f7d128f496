package sampler

import (
	"github.com/prometheus/client_golang/prometheus"

	"netstream/services/sampler/internal/packet"
)

// metrics of all sources of one process.
type metrics struct {
	observed      prometheus.Counter
	observedBytes prometheus.Counter
	unselected    prometheus.Counter
	published     prometheus.Counter
	dropped       [packet.Verdicts]prometheus.Counter // by reason
	messages      prometheus.Counter
	waits         prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		observed:      prometheus.NewCounter(prometheus.CounterOpts{Name: "sampler_observed_packets_total", Help: "Packets seen."}),
		observedBytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "sampler_observed_bytes_total", Help: "Frame bytes of the packets seen, as on the wire."}),
		unselected:    prometheus.NewCounter(prometheus.CounterOpts{Name: "sampler_unselected_packets_total", Help: "Packets that sampling passed over."}),
		published:     prometheus.NewCounter(prometheus.CounterOpts{Name: "sampler_published_packets_total", Help: "Packet headers published."}),
		messages:      prometheus.NewCounter(prometheus.CounterOpts{Name: "sampler_messages_total", Help: "Messages published."}),
		waits:         prometheus.NewCounter(prometheus.CounterOpts{Name: "sampler_waits_total", Help: "Waits for a full or unreachable stream."}),
	}
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sampler_dropped_packets_total", Help: "Packets without a flow key, by reason."}, []string{"reason"})
	for v := range m.dropped {
		if packet.Verdict(v) != packet.OK {
			m.dropped[v] = dropped.WithLabelValues(packet.Verdict(v).String())
		}
	}
	reg.MustRegister(m.observed, m.observedBytes, m.unselected, m.published, dropped, m.messages, m.waits)
	return m
}

// observe adds what was counted since the last time.
func (m *metrics) observe(now, shown *books) {
	m.observed.Add(float64(now.observed.packets - shown.observed.packets))
	m.observedBytes.Add(float64(now.observed.bytes - shown.observed.bytes))
	m.unselected.Add(float64(now.unselected.packets - shown.unselected.packets))
	for v := range m.dropped {
		if m.dropped[v] != nil {
			m.dropped[v].Add(float64(now.dropped[v].packets - shown.dropped[v].packets))
		}
	}
	*shown = *now
}
