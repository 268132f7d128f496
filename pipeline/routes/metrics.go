package routes

import "github.com/prometheus/client_golang/prometheus"

// Metrics of the routing knowledge of a process.
type Metrics struct {
	prefixes   *prometheus.GaugeVec
	changed    prometheus.Gauge
	compiles   prometheus.Counter
	compiling  prometheus.Histogram
	loads      prometheus.Counter
	troubles   prometheus.Counter
	malformed  *prometheus.CounterVec
	sessions   *prometheus.GaugeVec
	ends       *prometheus.CounterVec
	livePaths  prometheus.Gauge
	liveEvents *prometheus.CounterVec
}

// Kinds of sources, as values of labels.
const (
	kindFiles = "files"
	kindBMP   = "bmp"
	kindBGP   = "bgp"
)

// NewMetrics registers them.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		prefixes:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "routes_prefixes", Help: "Prefixes in the routing table in use."}, []string{"family"}),
		changed:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "routes_changed_seconds", Help: "When the routing table in use took its place, as Unix time; 0: never."}),
		compiles:   prometheus.NewCounter(prometheus.CounterOpts{Name: "routes_compiles_total", Help: "Routing tables made of what sources told."}),
		compiling:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "routes_compile_seconds", Help: "Time to make a routing table.", Buckets: []float64{0.001, 0.01, 0.1, 0.3, 1, 3, 10}}),
		loads:      prometheus.NewCounter(prometheus.CounterOpts{Name: "routes_loads_total", Help: "Times that files were read."}),
		troubles:   prometheus.NewCounter(prometheus.CounterOpts{Name: "routes_load_troubles_total", Help: "Times that files couldn't be read; what was known before stays."}),
		malformed:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "routes_malformed_total", Help: "Updates and table entries with an attribute that can't be read: their paths count as withdrawn."}, []string{"source"}),
		sessions:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "routes_sessions", Help: "Routers that are connected."}, []string{"source"}),
		ends:       prometheus.NewCounterVec(prometheus.CounterOpts{Name: "routes_session_ends_total", Help: "Connections with routers that ended, or didn't come about."}, []string{"source"}),
		livePaths:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "routes_live_paths", Help: "Paths that routers tell of, by BMP and BGP, as of the last table."}),
		liveEvents: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "routes_live_changes_total", Help: "Paths that routers told of."}, []string{"source", "change"}),
	}
	reg.MustRegister(m.prefixes, m.changed, m.compiles, m.compiling, m.loads, m.troubles, m.malformed, m.sessions, m.ends, m.livePaths, m.liveEvents)
	for _, kind := range []string{kindBMP, kindBGP} {
		m.sessions.WithLabelValues(kind)
		m.ends.WithLabelValues(kind)
	}
	return m
}

// use shows the table in use.
func (m *Metrics) use(t *Table) {
	m.prefixes.WithLabelValues("ipv4").Set(float64(t.Len4()))
	m.prefixes.WithLabelValues("ipv6").Set(float64(t.Len6()))
	m.changed.SetToCurrentTime()
}

// heard counts an update of a router.
func (m *Metrics) heard(kind string, n updateCount) {
	m.liveEvents.WithLabelValues(kind, "announced").Add(float64(n.announced))
	m.liveEvents.WithLabelValues(kind, "withdrawn").Add(float64(n.withdrawn))
	if n.malformed != nil {
		m.malformed.WithLabelValues(kind).Inc()
	}
}
