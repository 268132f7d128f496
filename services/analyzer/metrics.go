package analyzer

import (
	"github.com/prometheus/client_golang/prometheus"

	"netstream/services/analyzer/internal/api"
	"netstream/services/analyzer/internal/collector"
	"netstream/services/analyzer/internal/landing"
)

// metrics of one process.
type metrics struct {
	landing   landing.Metrics
	api       api.Metrics
	collector collector.Metrics
	places    prometheus.Counter // times that MMDB files couldn't be read
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		reg.MustRegister(g)
		return g
	}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "analyzer_requests_total", Help: "Questions over HTTP, by outcome."}, []string{"outcome"})
	reg.MustRegister(requests)
	for _, label := range api.Labels() {
		requests.WithLabelValues(label)
	}
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "analyzer_collector_refused_total", Help: "Datagrams, sets, templates and records of other devices that can't be used, by reason.",
	}, []string{"reason"})
	reg.MustRegister(refused)
	for _, reason := range collector.Reasons {
		refused.WithLabelValues(reason)
	}
	return &metrics{
		places: counter("analyzer_places_troubles_total", "Times that MMDB files couldn't be read; what was known before stays."),
		collector: collector.Metrics{
			Received: counter("analyzer_collector_datagrams_total", "Datagrams received."),
			Dropped:  counter("analyzer_collector_dropped_total", "Datagrams dropped because the bus had no room."),
			Rows:     counter("analyzer_collector_rows_total", "Records of other devices decoded."),
			Lost:     counter("analyzer_collector_lost_total", "Records (version 5) or datagrams (version 9) that sequence numbers show missing."),
			Refused:  refused,
			Parked:   gauge("analyzer_collector_parked_sets", "Sets that wait for their template."),
		},
		api: api.Metrics{Requests: requests, Seconds: counter("analyzer_request_seconds_total", "Time spent on questions over HTTP.")},
		landing: landing.Metrics{
			Rows:         counter("analyzer_landed_rows_total", "Flows landed in the database."),
			Messages:     counter("analyzer_landed_messages_total", "Flow messages landed in the database."),
			Transactions: counter("analyzer_transactions_total", "Transactions that landed flows."),
			Seconds:      counter("analyzer_transaction_seconds_total", "Time spent in transactions that landed flows."),
			Retries:      counter("analyzer_transaction_retries_total", "Transactions tried again because queries had all the memory."),
			Stopped:      gauge("analyzer_stopped_shards", "Flow shards that can't go on because of a message that can't be used."),
		},
	}
}
