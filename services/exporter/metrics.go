package exporter

import (
	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/checkpoints"
	"netstream/schemas/flow"
	"netstream/services/exporter/internal/aggregate"
	"netstream/services/exporter/internal/encode"
	"netstream/services/exporter/internal/link"
)

// metrics of one exporter. The label destination is Destination.Name.
type metrics struct {
	messages prometheus.Counter
	flows    prometheus.Counter
	position prometheus.Gauge
	time     prometheus.Gauge
	waits    prometheus.Counter

	aggregated  *prometheus.CounterVec // flows, by mode
	aggregates  *prometheus.CounterVec // that ended, by mode and reason
	live        prometheus.Gauge
	replayed    prometheus.Counter
	prefixes    prometheus.Gauge
	checkpoints *checkpoints.Metrics

	up         *prometheus.GaugeVec
	datagrams  *prometheus.CounterVec
	records    *prometheus.CounterVec
	packets    *prometheus.CounterVec
	bytes      *prometheus.CounterVec
	notCarried *prometheus.CounterVec // flows, by reason
	unsent     *prometheus.CounterVec // datagrams, by reason
	refused    *prometheus.CounterVec
	failed     *prometheus.CounterVec
	repeated   *prometheus.CounterVec
	switches   *prometheus.CounterVec
	standby    *prometheus.GaugeVec
	clamped    *prometheus.CounterVec
	interfaces *prometheus.CounterVec
	wideAS     *prometheus.CounterVec
}

// destinationMetrics are the metrics of one destination.
type destinationMetrics struct {
	up                                 prometheus.Gauge
	datagrams, records, packets, bytes prometheus.Counter
	notCarried                         [len(encode.Reasons)]prometheus.Counter
	unsent                             [len(link.Reasons)]prometheus.Counter
	refused, clamped                   prometheus.Counter
	interfaces, wideAS                 prometheus.Counter
	failed, repeated, switches         prometheus.Counter
	standby                            prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "exporter_" + name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "exporter_" + name, Help: help}, append([]string{"destination"}, labels...))
	}
	m := &metrics{
		messages: counter("messages_total", "Flow messages sent and committed."),
		flows:    counter("flows_total", "Flows in the messages sent and committed."),
		position: prometheus.NewGauge(prometheus.GaugeOpts{Name: "exporter_position", Help: "Sequence in the flows stream of the last message committed."}),
		time:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "exporter_time_seconds", Help: "Time in the headers of the last datagrams, seconds since 1970: the time of the flows, not of the machine."}),
		waits:    counter("commit_waits_total", "Times a commit had to wait or to be tried again."),

		aggregated: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "exporter_aggregated_flows_total", Help: "Flows merged into aggregates."}, []string{"mode"}),
		aggregates: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "exporter_aggregates_total", Help: "Aggregates that ended, by reason."}, []string{"mode", "reason"}),
		live:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "exporter_live_aggregates", Help: "Aggregates in the tables."}),
		prefixes:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "exporter_routes_prefixes", Help: "Prefixes in the routing table in use."}),
		replayed:   prometheus.NewCounter(prometheus.CounterOpts{Name: "exporter_replayed_flows_total", Help: "Flows read again at a start to find the live aggregates."}),

		up:         prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "exporter_destination_up", Help: "Whether there is a socket to the destination: 1 or 0."}, []string{"destination"}),
		datagrams:  counters("datagrams_total", "Datagrams handed to the network."),
		records:    counters("records_total", "Flow records in the datagrams sent."),
		packets:    counters("packets_total", "Packets counted by the records sent."),
		bytes:      counters("bytes_total", "Layer-3 bytes counted by the records sent."),
		notCarried: counters("not_carried_flows_total", "Flows that the format of the destination can't carry, by reason.", "reason"),
		unsent:     counters("unsent_datagrams_total", "Datagrams that could not be sent, by reason.", "reason"),
		refused:    counters("refusals_total", "Answers of a destination that nobody listens there."),
		failed:     counters("failed_connections_total", "Times a destination could not be connected to, or the connection was lost."),
		repeated:   counters("repeated_messages_total", "Times the datagrams of a flow message were sent from the first again because the connection or the address had changed."),
		switches:   counters("switches_total", "Changes to another of the destination's addresses."),
		standby:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "exporter_destination_standby", Help: "Which address of the destination is in use: 0 is the first, 1 the first of standby."}, []string{"destination"}),
		clamped:    counters("clamped_times_total", "Flows with a time that the header can't reach and that was moved."),
		interfaces: counters("wide_interfaces_total", "Flows with an interface index that does not fit 16 bits."),
		wideAS:     counters("wide_as_total", "Flows with an AS number that does not fit 16 bits."),
	}
	reg.MustRegister(m.messages, m.flows, m.position, m.time, m.waits, m.up, m.datagrams, m.records, m.packets, m.bytes,
		m.notCarried, m.unsent, m.refused, m.failed, m.repeated, m.switches, m.standby, m.clamped, m.interfaces, m.wideAS,
		m.aggregated, m.aggregates, m.live, m.replayed, m.prefixes)
	m.checkpoints = checkpoints.NewMetrics(reg, "exporter")
	return m
}

// destination resolves the metrics of a destination.
func (m *metrics) destination(name string) *destinationMetrics {
	d := &destinationMetrics{
		up:        m.up.WithLabelValues(name),
		datagrams: m.datagrams.WithLabelValues(name), records: m.records.WithLabelValues(name),
		packets: m.packets.WithLabelValues(name), bytes: m.bytes.WithLabelValues(name),
		refused: m.refused.WithLabelValues(name), clamped: m.clamped.WithLabelValues(name),
		interfaces: m.interfaces.WithLabelValues(name), wideAS: m.wideAS.WithLabelValues(name),
		failed: m.failed.WithLabelValues(name), repeated: m.repeated.WithLabelValues(name),
		switches: m.switches.WithLabelValues(name), standby: m.standby.WithLabelValues(name),
	}
	for _, r := range encode.Reasons {
		d.notCarried[r] = m.notCarried.WithLabelValues(name, r.String())
	}
	for _, r := range link.Reasons {
		d.unsent[r] = m.unsent.WithLabelValues(name, r.String())
	}
	return d
}

// events counts what happens on a link.
func (d *destinationMetrics) events() link.Events {
	return link.Events{
		Refused: d.refused.Inc, Failed: d.failed.Inc, Repeated: d.repeated.Inc,
		Switched: func(at int) { d.switches.Inc(); d.standby.Set(float64(at)) },
	}
}

// count counts a committed message.
func (r *run) count(j *job) {
	r.metrics.messages.Inc()
	r.metrics.flows.Add(float64(j.flows))
	r.metrics.position.Set(float64(j.sequence))
	if j.clock.Started {
		r.metrics.time.Set(float64(j.clock.Now))
	}
	r.metrics.live.Set(float64(j.live))
	for i, t := range j.totals {
		was := r.live.totals[i].In.Flows
		r.metrics.aggregated.WithLabelValues(r.cfg.Aggregations[i].Mode).Add(float64(t.In.Flows - was))
	}
	r.live.totals = append(r.live.totals[:0], j.totals...)
	for mode, reasons := range j.reasons {
		for why, n := range reasons {
			if n > 0 {
				r.metrics.aggregates.WithLabelValues(aggregate.Mode(mode).String(), flow.Reason(why).String()).Add(float64(n))
			}
		}
	}
	for i, d := range r.destinations {
		d.count(&j.batches[i])
	}
}

// count counts what was sent last.
func (d *destination) count(b *encode.Batch) {
	m := d.metrics
	m.up.Set(0)
	if d.link.Up() {
		m.up.Set(1)
	}
	m.datagrams.Add(float64(d.done.Datagrams))
	m.records.Add(float64(d.done.Sent.Records))
	m.packets.Add(float64(d.done.Sent.Packets))
	m.bytes.Add(float64(d.done.Sent.Bytes))
	m.clamped.Add(float64(d.done.Clamped))
	m.interfaces.Add(float64(d.done.Interfaces))
	m.wideAS.Add(float64(d.done.WideAS))
	for why, t := range b.NotCarried {
		m.notCarried[why].Add(float64(t.Flows))
	}
}
