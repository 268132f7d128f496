package exporter_test

import (
	"testing"

	"netstream/services/exporter"
)

// TestInterfacesHaveCollectors sends the flows of some interfaces to one collector and those of the others to another, by filters.
func TestInterfacesHaveCollectors(t *testing.T) {
	l, rnd := open(t), newFlows(70)
	flows := append(rnd.ipv4(300), rnd.ipv6(100)...)
	l.publish(t, 0, flows)
	const group = "in_if in [1, 2] || out_if in [1, 2]"
	one, two := listen(t), listen(t)
	ds := []exporter.Destination{
		one.destination(exporter.Destination{Format: exporter.V9, Filter: group}),
		two.destination(exporter.Destination{Format: exporter.V9, Filter: "!(" + group + ")"}),
	}
	for _, d := range ds {
		if err := d.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	s := l.export(t, exporter.Config{Name: "e", Destinations: ds})
	var want [2][]record
	for _, r := range records(flows, exporter.V9) {
		i := 1
		if at := r.In + r.Out; at == 1 || at == 2 { // one of them is 0
			i = 0
		}
		want[i] = append(want[i], r)
	}
	for i, c := range []*collector{one, two} {
		if diff := difference(want[i], decode(t, c.receive(t, s), ds[i])); diff != "" || len(want[i]) == 0 {
			t.Errorf("collector %d (-want +got):\n%s", i, diff)
		}
	}
}
