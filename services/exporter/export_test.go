package exporter_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"netstream/services/exporter"
)

// TestEveryFlowArrives sends mixed flows to collectors of all kinds and compares what each decodes with what went in.
func TestEveryFlowArrives(t *testing.T) {
	line := open(t)
	var flows []testFlow
	rnd := newFlows(1)
	for i := range 60 {
		part := rnd.mixed(200)
		switch i {
		case 0:
			part = rnd.mixed(1)
		case 20:
			part = rnd.ipv6(300)
		case 30:
			part = nil // a message of the ledger alone
		case 35:
			part = rnd.layer2(50) // nothing that can be sent
		case 40:
			part = rnd.ipv4(4096)
		}
		line.publish(t, i%2, part)
		flows = append(flows, part...)
	}
	for _, tt := range []struct {
		name string
		dest exporter.Destination
	}{
		{"v5", exporter.Destination{Format: exporter.V5}},
		{"v5 of an engine in small datagrams", exporter.Destination{Format: exporter.V5, SourceID: 0x0207, MTU: 600}},
		{"v9", exporter.Destination{Format: exporter.V9}},
		{"v9 of a domain in small datagrams", exporter.Destination{Format: exporter.V9, SourceID: 70000, MTU: 513, TemplateDatagrams: 7}},
		{"ipfix", exporter.Destination{Format: exporter.IPFIX}},
		{"ipfix of a domain in small datagrams", exporter.Destination{Format: exporter.IPFIX, SourceID: 70000, MTU: 513, TemplateDatagrams: 7}},
		{"v9 in jumbo frames", exporter.Destination{Format: exporter.V9, MTU: 8972, TemplateDatagrams: 600}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := listen(t)
			d := c.destination(tt.dest)
			s := line.export(t, exporter.Config{Name: exporterName(t), Destinations: []exporter.Destination{d}})
			datagrams := c.receive(t, s)
			got := decode(t, datagrams, d)
			want := records(flows, d.Format)
			if diff := difference(want, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			totals := s.Totals()[0]
			if in := line.sum(flows); totals.Sent.Packets+totals.NotCarried.Packets != in.Packets ||
				totals.Sent.Bytes+totals.NotCarried.Bytes != in.Bytes || totals.Sent.Flows+totals.NotCarried.Flows != in.Flows {
				t.Errorf("the books don't close: %+v, in %+v", totals, in)
			}
			if totals.Unsent != (exporter.Tally{}) || totals.Clamped != 0 || totals.Datagrams != uint64(len(datagrams)) {
				t.Errorf("totals %+v, want %d datagrams and nothing unsent or clamped", totals, len(datagrams))
			}
		})
	}
}

// TestSameFlowsSameDatagrams holds the promise that datagrams are a function of the flows: another run, stopped and
// resumed in between and beside another destination, sends the same bytes.
func TestSameFlowsSameDatagrams(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			line := open(t)
			rnd := newFlows(2)
			publish := func() {
				for i := range 30 {
					line.publish(t, i%2, rnd.mixed(100))
				}
			}
			a, b, other := listen(t), listen(t), listen(t)
			toA, toB := a.destination(exporter.Destination{Format: format}), b.destination(exporter.Destination{Format: format})
			toOther := other.destination(exporter.Destination{Format: exporter.V9, MTU: 600})
			stopped := exporter.Config{Name: "stopped", Destinations: []exporter.Destination{toOther, toB}}
			publish()
			first := line.export(t, stopped)
			first.stop()
			second := line.export(t, stopped) // nothing to do
			second.stop()
			publish()
			got := b.receive(t, line.export(t, stopped))
			want := a.receive(t, line.export(t, exporter.Config{Name: "through", Destinations: []exporter.Destination{toA}}))
			compareDatagrams(t, want, got)
		})
	}
}

func TestTotalsOutliveARestart(t *testing.T) {
	line := open(t)
	rnd := newFlows(3)
	c, late := listen(t), listen(t)
	cfg := exporter.Config{Name: "e", Destinations: []exporter.Destination{c.destination(exporter.Destination{Format: exporter.V5})}}
	before := rnd.mixed(50)
	line.publish(t, 0, before)
	s := line.export(t, cfg)
	s.stop()
	after := rnd.mixed(70)
	line.publish(t, 1, after)
	cfg.Destinations = append(cfg.Destinations, late.destination(exporter.Destination{Format: exporter.V9}))
	s = line.export(t, cfg)
	totals := s.Totals()
	in := func(t exporter.Totals) uint64 { return t.Sent.Flows + t.NotCarried.Flows + t.Unsent.Flows }
	if in(totals[0]) != 120 || totals[0].After != 0 {
		t.Errorf("%+v, want 120 flows from the start", totals[0])
	}
	if in(totals[1]) != 70 || totals[1].After != 1 {
		t.Errorf("destination added later: %+v, want the 70 flows behind message 1", totals[1])
	}
}

// record is what a collector finds out about a flow.
type record struct {
	Src, Dst, Ports, Kind string
	Frame                 string // the fields of layer 2, of flows that have them
	In, Out               uint32
	Packets, Bytes        uint64
	First, Last           int64 // ms since 1970
}

func (r record) compare(o record) int {
	return cmp.Or(cmp.Compare(r.First, o.First), cmp.Compare(r.Last, o.Last), cmp.Compare(r.Src, o.Src), cmp.Compare(r.Dst, o.Dst),
		cmp.Compare(r.Ports, o.Ports), cmp.Compare(r.Kind, o.Kind), cmp.Compare(r.Frame, o.Frame), cmp.Compare(r.Packets, o.Packets), cmp.Compare(r.Bytes, o.Bytes))
}

// difference sorts records and compares them.
func difference(want, got []record) string {
	slices.SortFunc(want, record.compare)
	slices.SortFunc(got, record.compare)
	if slices.Equal(want, got) { // Diff takes its time over thousands of them
		return ""
	}
	return gocmp.Diff(want, got)
}

// kind renders the small fields of a flow.
func kind(protocol, tos, flags uint8, label uint32) string {
	return fmt.Sprintf("protocol %d tos %d flags %#02x label %#x", protocol, tos, flags, label)
}
