package collector

import "github.com/prometheus/client_golang/prometheus"

// Metrics of the collector.
type Metrics struct {
	Received prometheus.Counter
	Dropped  prometheus.Counter // datagrams for which the bus had no room
	Rows     prometheus.Counter
	Lost     prometheus.Counter     // units that sequence numbers show missing
	Refused  *prometheus.CounterVec // datagrams, sets, templates and records that can't be used, by reason
	Parked   prometheus.Gauge       // sets that wait for their template
}

// Reasons why something is refused; the label of the metric and the suffix of the ledger's counters.
const (
	ReasonVersion    = "version"     // a datagram of a version that is not decoded
	ReasonMalformed  = "malformed"   // a datagram or set that can't be read
	ReasonTemplate   = "template"    // a template that can't be used, or one too many
	ReasonNoTemplate = "no_template" // a set whose template did not come in time
	ReasonParkedFull = "parked_full" // a set for which the exporter's queue has no room
	ReasonTimes      = "times"       // a record without times, which took those of its datagram; it is kept
)

// Reasons lists them.
var Reasons = []string{ReasonVersion, ReasonMalformed, ReasonTemplate, ReasonNoTemplate, ReasonParkedFull, ReasonTimes}
