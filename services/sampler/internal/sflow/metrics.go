package sflow

import "github.com/prometheus/client_golang/prometheus"

// Metrics of all agents.
type Metrics struct {
	Datagrams  prometheus.Counter
	Refused    *prometheus.CounterVec // datagrams, by reason
	Malformed  prometheus.Counter     // samples that can't be read, or whose end can't be found
	Duplicates prometheus.Counter     // samples that came before
}

// Reasons to refuse a datagram.
const (
	refusedVersion   = "version"
	refusedMalformed = "malformed"
	refusedAgents    = "agents"
)

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &Metrics{
		Datagrams: counter("sampler_sflow_datagrams_total", "Datagrams received for sFlow."),
		Refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sampler_sflow_refused_datagrams_total", Help: "Datagrams that aren't sFlow 5, can't be read or are of an agent too many, by reason.",
		}, []string{"reason"}),
		Malformed:  counter("sampler_sflow_malformed_samples_total", "Samples that can't be read."),
		Duplicates: counter("sampler_sflow_duplicate_samples_total", "Samples that came twice, or too late."),
	}
	reg.MustRegister(m.Datagrams, m.Refused, m.Malformed, m.Duplicates)
	return m
}
