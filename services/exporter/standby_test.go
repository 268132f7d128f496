package exporter_test

import (
	"slices"
	"testing"

	"netstream/services/exporter"
)

// TestStandbyTakesOver stops the first of two collectors for good. Over UDP it takes some seconds of refusals until the other one takes
// over. Each can read what it gets, and the flows of a switch's message go to both.
func TestStandbyTakesOver(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			first, second := listen(t), listen(t)
			d := first.destination(exporter.Destination{Format: format, Standby: []string{second.conn.LocalAddr().String()}})
			l, rnd := open(t), newFlows(60)
			s := l.start(t, exporter.Config{Name: "e", Sampling: 10, Destinations: []exporter.Destination{d}})
			send := func() []testFlow {
				part := rnd.mixed(100)
				l.publish(t, 0, part)
				if err := s.Wait(t.Context(), l.last); err != nil {
					t.Fatal(err)
				}
				return part
			}
			var before []testFlow
			for range 5 {
				before = append(before, send()...)
			}
			if diff := difference(records(before, format), decode(t, first.receive(t, s), d)); diff != "" {
				t.Errorf("at the first collector (-want +got):\n%s", diff)
			}
			first.conn.Close()
			var after [][]testFlow // messages
			waitFor(t, func() bool { after = append(after, send()); return len(second.received()) > 0 })
			for range 5 {
				after = append(after, send())
			}
			waitFor(t, func() bool { // whole messages, from the one that switched on
				got := decode(t, second.received(), d)
				for from := len(after); from > 0; from-- {
					want := records(slices.Concat(after[from-1:]...), format)
					if len(want) >= len(got) {
						return difference(want, got) == ""
					}
				}
				return false
			})
			m := gather(t, s.metrics)
			label := `{destination="` + d.Name() + `",exporter="e"}`
			if m["exporter_switches_total"+label] != 1 || m["exporter_destination_standby"+label] != 1 || m["exporter_refusals_total"+label] < 3 {
				t.Errorf("metrics %v", m)
			}
			in := l.sum(append(before, slices.Concat(after...)...))
			if totals := s.Totals()[0]; totals.Sent.Flows+totals.NotCarried.Flows+totals.Unsent.Flows != in.Flows || totals.Unsent.Flows > 0 {
				t.Errorf("books %+v, in %+v", totals, in)
			}
		})
	}
}
