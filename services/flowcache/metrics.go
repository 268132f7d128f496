package flowcache

import "github.com/prometheus/client_golang/prometheus"

// metrics of all shards of one process.
type metrics struct {
	packets   prometheus.Counter
	bytes     prometheus.Counter
	updates   prometheus.Counter
	handOvers prometheus.Counter
	messages  prometheus.Counter
	held      prometheus.Gauge
	waits     prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		packets:   prometheus.NewCounter(prometheus.CounterOpts{Name: "flowcache_packets_total", Help: "Sampled packets taken in."}),
		bytes:     prometheus.NewCounter(prometheus.CounterOpts{Name: "flowcache_bytes_total", Help: "Layer-3 bytes of the packets taken in."}),
		updates:   prometheus.NewCounter(prometheus.CounterOpts{Name: "flowcache_updates_total", Help: "Flow updates handed over."}),
		handOvers: prometheus.NewCounter(prometheus.CounterOpts{Name: "flowcache_hand_overs_total", Help: "Hand-overs committed."}),
		messages:  prometheus.NewCounter(prometheus.CounterOpts{Name: "flowcache_messages_total", Help: "Packet messages taken in."}),
		held:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "flowcache_updates_held", Help: "Flow updates not yet handed over."}),
		waits:     prometheus.NewCounter(prometheus.CounterOpts{Name: "flowcache_waits_total", Help: "Waits for a full or unreachable stream."}),
	}
	reg.MustRegister(m.packets, m.bytes, m.updates, m.handOvers, m.messages, m.held, m.waits)
	return m
}
