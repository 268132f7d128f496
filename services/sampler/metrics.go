package sampler

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/schemas/ledger"
)

// metrics of all sources of one process.
type metrics struct {
	observed      prometheus.Counter
	observedBytes prometheus.Counter
	unselected    prometheus.Counter
	published     prometheus.Counter
	dropped       *prometheus.CounterVec // by reason
	partial       *prometheus.CounterVec // by reason
	messages      prometheus.Counter
	waits         prometheus.Counter
	thinned       *prometheus.GaugeVec // by source
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	byReason := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"reason"})
	}
	m := &metrics{
		observed:      counter("sampler_observed_packets_total", "Packets seen, and those known to be lost before."),
		observedBytes: counter("sampler_observed_bytes_total", "Frame bytes of the packets seen, as on the wire."),
		unselected:    counter("sampler_unselected_packets_total", "Packets that sampling passed over."),
		published:     counter("sampler_published_packets_total", "Packet headers published."),
		dropped:       byReason("sampler_dropped_packets_total", "Packets that are in no flow, by reason."),
		partial:       byReason("sampler_partial_packets_total", "Packets published though they couldn't be read to the end, by reason."),
		messages:      counter("sampler_messages_total", "Messages published."),
		waits:         counter("sampler_waits_total", "Waits for a full or unreachable stream."),
		thinned: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sampler_thinning_factor", Help: "By how much sampling intervals are longer than configured because the bus is slow; 1 is not at all.",
		}, []string{"source"}),
	}
	reg.MustRegister(m.observed, m.observedBytes, m.unselected, m.published, m.dropped, m.partial, m.messages, m.waits, m.thinned)
	return m
}

// observe adds what was counted since the last time.
func (m *metrics) observe(now, shown *books) {
	m.observed.Add(float64(now.observed.packets - shown.observed.packets))
	m.observedBytes.Add(float64(now.observed.bytes - shown.observed.bytes))
	m.unselected.Add(float64(now.unselected.packets - shown.unselected.packets))
	before := map[string]uint64{}
	shown.named(func(name string, c *count) { before[name] = c.packets })
	now.named(func(name string, c *count) {
		grown := float64(c.packets - before[name])
		if reason, ok := strings.CutPrefix(name, ledger.Drop); ok && grown > 0 {
			m.dropped.WithLabelValues(reason).Add(grown)
		} else if reason, ok := strings.CutPrefix(name, partialPrefix); ok && grown > 0 {
			m.partial.WithLabelValues(reason).Add(grown)
		}
	})
	*shown = *now
}
