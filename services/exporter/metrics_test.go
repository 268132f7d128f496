package exporter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"netstream/services/exporter"
)

// TestMetrics diffs every metric of an exporter with a collector beside a name that doesn't resolve.
func TestMetrics(t *testing.T) {
	l, c := open(t), listen(t)
	rnd := newFlows(20)
	flows := append(rnd.ipv4(40), rnd.ipv6(5)...)
	other := rnd.ipv4(3)
	for _, f := range other {
		f.v4.Monitor = 3
	}
	l.publishOf(t, 0, definitions+" edge=ipv4", slices.Concat(flows, rnd.layer2(2), other))
	l.publish(t, 1, nil)
	d := c.destination(exporter.Destination{Format: exporter.V5, Monitors: []string{"ipv4", "ipv6", "l2"}})
	lost := c.destination(exporter.Destination{Format: exporter.V9})
	lost.Address = "collector.invalid:2055"
	s := l.export(t, exporter.Config{Name: "edge", Destinations: []exporter.Destination{d, lost}})
	sent := s.Totals()[0].Sent
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	got := gather(t, s.metrics)
	for name := range got {
		if !strings.HasPrefix(name, "exporter_") || !strings.Contains(name, `exporter="edge"`) {
			t.Errorf("%s: want the prefix exporter_ and the exporter's name", name)
		}
		if strings.HasPrefix(name, "exporter_destination_up") {
			delete(got, name) // tells the moment
		}
		if strings.HasPrefix(name, "exporter_failed_connections_total") && strings.Contains(name, "invalid") && got[name] > 0 {
			got[name] = 1 // so does how often it was tried
		}
	}
	at := func(metric, destination, more string) string {
		return "exporter_" + metric + `{destination="` + destination + `",exporter="edge"` + more + "}"
	}
	good, bad := d.Name(), lost.Name()
	want := map[string]float64{
		`exporter_messages_total{exporter="edge"}`:     2,
		`exporter_flows_total{exporter="edge"}`:        50,
		`exporter_position{exporter="edge"}`:           2,
		`exporter_time_seconds{exporter="edge"}`:       float64(rnd.now/1e9 + 1),
		`exporter_commit_waits_total{exporter="edge"}`: 0,

		`exporter_routes_prefixes{exporter="edge"}`:           0,
		`exporter_live_aggregates{exporter="edge"}`:           0,
		`exporter_replayed_flows_total{exporter="edge"}`:      0,
		`exporter_checkpoint_bytes{exporter="edge"}`:          0,
		`exporter_checkpoint_seconds{exporter="edge"}`:        0,
		`exporter_checkpoint_pause_seconds{exporter="edge"}`:  0,
		`exporter_checkpoints_failed_total{exporter="edge"}`:  0,
		`exporter_checkpoints_refused_total{exporter="edge"}`: 0,
		`exporter_recovery_seconds{exporter="edge"}`:          0,

		at("datagrams_total", good, ""):                          2,
		at("records_total", good, ""):                            40,
		at("packets_total", good, ""):                            float64(sent.Packets),
		at("bytes_total", good, ""):                              float64(sent.Bytes),
		at("not_carried_flows_total", good, `,reason="ipv6"`):    5,
		at("not_carried_flows_total", good, `,reason="counter"`): 0,
		at("not_carried_flows_total", good, `,reason="kind"`):    2,
		at("not_carried_flows_total", good, `,reason="monitor"`): 3,
		at("not_carried_flows_total", bad, `,reason="kind"`):     2,
		at("unsent_datagrams_total", bad, `,reason="down"`):      3,
		at("failed_connections_total", bad, ""):                  1,
	}
	for _, name := range []string{good, bad} {
		for _, metric := range []string{"datagrams_total", "records_total", "packets_total", "bytes_total", "refusals_total", "failed_connections_total", "repeated_messages_total", "switches_total", "destination_standby", "clamped_times_total", "wide_interfaces_total", "wide_as_total"} {
			zero(want, at(metric, name, ""))
		}
		for _, why := range []string{"ipv6", "counter", "kind", "monitor", "filter", "share"} {
			zero(want, at("not_carried_flows_total", name, `,reason="`+why+`"`))
		}
		for _, why := range []string{"down", "too_big", "no_room", "failing"} {
			zero(want, at("unsent_datagrams_total", name, `,reason="`+why+`"`))
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMetricsOfAggregates looks at those that are there with aggregations alone.
func TestMetricsOfAggregates(t *testing.T) {
	l, c := open(t), listen(t)
	flows := newFlows(3).ipv4(50)
	l.publish(t, 0, flows)
	l.end(t)
	d := c.destination(exporter.Destination{Format: exporter.V8, Aggregations: []string{"as"}})
	s := l.export(t, exporter.Config{Name: "edge", Aggregations: aggregations(0), Checkpoint: time.Hour, Destinations: []exporter.Destination{d}})
	got := gather(t, s.metrics)
	for name, want := range map[string]float64{
		`exporter_aggregated_flows_total{exporter="edge",mode="as"}`:        50,
		`exporter_aggregated_flows_total{exporter="edge",mode="vlan-id"}`:   0,
		`exporter_aggregates_total{exporter="edge",mode="as",reason="end"}`: float64(len(grouped("as", flows))),
		`exporter_live_aggregates{exporter="edge"}`:                         0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

// zero says that a metric is there and zero, unless something else was said.
func zero(m map[string]float64, name string) {
	if _, said := m[name]; !said {
		m[name] = 0
	}
}

// gather maps every metric, with its labels, to its value.
func gather(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+`="`+l.GetValue()+`"`)
			}
			values[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}
