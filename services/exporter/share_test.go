package exporter_test

import (
	"strings"
	"testing"

	"netstream/services/exporter"
)

// TestShare shares flows between collectors of several formats: together they get each flow once, both directions of a
// conversation at the same one, and the books close.
func TestShare(t *testing.T) {
	l, rnd := open(t), newFlows(50)
	var flows []testFlow
	for i := range 20 {
		part := append(rnd.ipv4(100), rnd.ipv6(40)...)
		for _, f := range part[:len(part):len(part)] {
			part = append(part, back(f))
		}
		part = append(part, rnd.layer2(10)...)
		l.publish(t, i%2, part)
		flows = append(flows, part...)
	}
	one, two := listen(t), listen(t)
	three := listenTCP(t, "127.0.0.1:0", nil)
	ds := []exporter.Destination{
		one.destination(exporter.Destination{Format: exporter.V9, Share: "all"}),
		two.destination(exporter.Destination{Format: exporter.IPFIX, Share: "all"}),
		three.destination(exporter.Destination{Share: "all"}),
	}
	beside := listen(t)
	ds = append(ds, beside.destination(exporter.Destination{Format: exporter.V9}))
	s := l.export(t, exporter.Config{Name: "e", Destinations: ds})
	totals := s.Totals()
	three.await(t, int(totals[2].Datagrams))
	parts := [][]record{decode(t, one.receive(t, s), ds[0]), decode(t, two.receive(t, s), ds[1]), decode(t, three.session()[0], ds[2])}

	var all []record
	owner := map[[2]string]int{}
	for i, part := range parts {
		if n := len(part); n < len(flows)/5 {
			t.Errorf("member %d has %d of %d flows", i, n, len(flows))
		}
		for _, r := range part {
			if was, seen := owner[ends(r)]; seen && was != i {
				t.Fatalf("%v: one direction at member %d, the other at %d", r, was, i)
			}
			owner[ends(r)] = i
		}
		all = append(all, part...)
	}
	if diff := difference(records(flows, exporter.V9), all); diff != "" {
		t.Errorf("of all members together (-want +got):\n%s", diff)
	}
	var sent exporter.Tally
	in := l.sum(flows)
	for i := range 3 {
		sent.Add(totals[i].Sent)
		if got := totals[i].Sent.Flows + totals[i].NotCarried.Flows + totals[i].Unsent.Flows; got != in.Flows {
			t.Errorf("member %d: %d flows in its books, want %d", i, got, in.Flows)
		}
	}
	if sent != totals[3].Sent {
		t.Errorf("members sent %+v, a destination that shares with nobody %+v", sent, totals[3].Sent)
	}
}

// back is the flow of the other direction.
func back(f testFlow) testFlow {
	if f.v4 != nil {
		r := *f.v4
		r.Key.Src, r.Key.Dst, r.Key.SrcPort, r.Key.DstPort = r.Key.Dst, r.Key.Src, r.Key.DstPort, r.Key.SrcPort
		r.Key.Interface, r.Packets = 9, r.Packets+1
		return testFlow{v4: &r}
	}
	r := *f.v6
	r.Key.Src, r.Key.Dst, r.Key.SrcPort, r.Key.DstPort = r.Key.Dst, r.Key.Src, r.Key.DstPort, r.Key.SrcPort
	r.Key.Interface, r.Packets = 9, r.Packets+1
	return testFlow{v6: &r}
}

// ends are the two ends of a flow, in an order that both directions have.
func ends(r record) [2]string {
	src, dst, _ := strings.Cut(r.Ports, " ")
	a, b := r.Src+" "+src, r.Dst+" "+dst
	return [2]string{min(a, b), max(a, b)}
}
