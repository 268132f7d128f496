package exporter_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/services/exporter"
)

// of gives flows to a monitor.
func of(monitor uint8, flows []testFlow) []testFlow {
	for _, f := range flows {
		switch {
		case f.v4 != nil:
			f.v4.Monitor = monitor
		case f.v6 != nil:
			f.v6.Monitor = monitor
		default:
			f.wide.Monitor = monitor
		}
	}
	return flows
}

// TestMonitorsOfADestination publishes flows of several monitors, whose order in the messages changes: each destination gets
// those it names, and by default those of kinds ipv4 and ipv6 that its format
// carries.
func TestMonitorsOfADestination(t *testing.T) {
	l, rnd := open(t), newFlows(40)
	flows := map[string][]testFlow{}
	for range 5 {
		for _, order := range []string{"ipv4=ipv4 edge=ipv4 ipv6=ipv6 l2=layer2", "l2=layer2 ipv6=ipv6 edge=ipv4 ipv4=ipv4 web=flexible:dst_port,vlan"} {
			var all []testFlow
			for i, definition := range strings.Fields(order) {
				var some []testFlow
				name, kind, _ := strings.Cut(definition, "=")
				switch kind {
				case "ipv4":
					some = rnd.ipv4(30)
				case "ipv6":
					some = rnd.ipv6(20)
				default:
					some = rnd.layer2(10)
				}
				all = append(all, of(uint8(i), some)...)
				flows[name] = append(flows[name], some...)
			}
			l.publishOf(t, 0, order, all)
		}
	}
	for _, tt := range []struct {
		name     string
		format   exporter.Format
		monitors []string
		want     string
	}{
		{"all", exporter.V9, nil, "ipv4 edge ipv6"},
		{"all in v5", exporter.V5, nil, "ipv4 edge"},
		{"one", exporter.V9, []string{"ipv4"}, "ipv4"},
		{"the other of the same kind", exporter.V5, []string{"edge", "ipv6"}, "edge"},
		{"two", exporter.V9, []string{"ipv6", "edge"}, "edge ipv6"},
		{"layer 2", exporter.V9, []string{"l2", "ipv6"}, "l2 ipv6"},
		{"all in IPFIX", exporter.IPFIX, nil, "ipv4 edge ipv6"},
		{"layer 2 and IPv6 in IPFIX", exporter.IPFIX, []string{"l2", "ipv6"}, "l2 ipv6"},
		{"layer 2 alone", exporter.V9, []string{"l2"}, "l2"},
		{"one that can't be carried", exporter.V5, []string{"l2", "ipv4"}, "ipv4"},
		{"one that isn't there", exporter.V9, []string{"vpn"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := listen(t)
			d := c.destination(exporter.Destination{Format: tt.format, Monitors: tt.monitors})
			s := l.export(t, exporter.Config{Name: exporterName(t), Destinations: []exporter.Destination{d}})
			var want, all []testFlow
			for name, fs := range flows {
				all = append(all, fs...)
				for _, wanted := range strings.Fields(tt.want) {
					if name == wanted {
						want = append(want, fs...)
					}
				}
			}
			sent := records(want, d.Format)
			if d.Format != exporter.V5 {
				sent = append(sent, frames(want)...)
			}
			if diff := difference(sent, decode(t, c.receive(t, s), d)); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			totals, in := s.Totals()[0], l.sum(all)
			if totals.Sent.Flows != uint64(len(sent)) || totals.Sent.Flows+totals.NotCarried.Flows != in.Flows ||
				totals.Sent.Packets+totals.NotCarried.Packets != in.Packets || totals.Sent.Bytes+totals.NotCarried.Bytes != in.Bytes {
				t.Errorf("the books don't close: %+v, in %+v", totals, in)
			}
		})
	}
}

// TestFilterOfADestination sends those flows alone for which the expression holds, and counts the others.
func TestFilterOfADestination(t *testing.T) {
	l, rnd := open(t), newFlows(43)
	var all []testFlow
	for range 4 {
		flows := rnd.mixed(300)
		l.publish(t, 0, flows)
		all = append(all, flows...)
	}
	for expression, holds := range map[string]func(testFlow) bool{
		`dst_port == 443`:                  func(f testFlow) bool { return f.v4 != nil && f.v4.Key.DstPort == 443 || f.v6 != nil },
		`kind == "ipv4" && protocol == 17`: func(f testFlow) bool { return f.v4 != nil && f.v4.Key.Protocol == 17 },
		`source == "tap" && direction == "egress"`: func(f testFlow) bool {
			return f.v4 != nil && f.v4.Key.Direction == 1 || f.v6 != nil && f.v6.Key.Direction == 1
		},
		`source == "other"`:                           func(testFlow) bool { return false },
		`vlan == 7 || in_net(src_addr, "10.0.0.0/9")`: func(f testFlow) bool { return f.v4 != nil && f.v4.Key.Src>>23 == 10<<1 || f.wide != nil },
	} {
		for _, format := range formats {
			t.Run(expression+" in "+string(format), func(t *testing.T) {
				c := listen(t)
				d := c.destination(exporter.Destination{Format: format, Monitors: []string{"ipv4", "ipv6", "l2"}, Filter: expression})
				s := l.export(t, exporter.Config{Name: exporterName(t), Destinations: []exporter.Destination{d}})
				var wanted []testFlow
				for _, f := range all {
					if holds(f) {
						wanted = append(wanted, f)
					}
				}
				want := records(wanted, format)
				if format != exporter.V5 {
					want = append(want, frames(wanted)...)
				}
				if diff := difference(want, decode(t, c.receive(t, s), d)); diff != "" {
					t.Errorf("records (-want +got):\n%s", diff)
				}
				totals, in := s.Totals()[0], l.sum(all)
				if totals.Sent.Flows+totals.NotCarried.Flows != in.Flows || totals.Sent.Packets+totals.NotCarried.Packets != in.Packets || totals.Sent.Bytes+totals.NotCarried.Bytes != in.Bytes {
					t.Errorf("the books don't close: %+v, in %+v", totals, in)
				}
			})
		}
	}
}

// TestMonitorsAreTold logs once what an operator may not have meant: a name without flows, and packets sent twice.
func TestMonitorsAreTold(t *testing.T) {
	l, c, rnd := open(t), listen(t), newFlows(41)
	const other = "ipv6=ipv6 ipv4=ipv4 edge=ipv4"
	for range 3 {
		l.publishOf(t, 0, "ipv4=ipv4 ipv6=ipv6 edge=ipv4", rnd.ipv4(2))
		l.publishOf(t, 1, other, of(1, rnd.ipv4(2)))
	}
	named := c.destination(exporter.Destination{Format: exporter.V9, SourceID: 1, Monitors: []string{"ipv4", "vpn"}})
	every := c.destination(exporter.Destination{Format: exporter.V9, SourceID: 2})
	var log bytes.Buffer
	s := exporter.New(exporter.Config{Name: "e", Destinations: []exporter.Destination{named, every}}, l.readBy("e"), prometheus.NewRegistry(),
		slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	if err := s.Wait(ctx, l.last); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{
		"no flows of a monitor that the destination names": 1,
		"monitor=vpn": 1,
		"destination gets the same packets by two monitors": 1,
		"destination=" + every.Name() + " first=ipv4":       1,
		"level=WARN": 2,
	} {
		if got := strings.Count(log.String(), text); got != want {
			t.Errorf("%q is logged %d times, want %d:\n%s", text, got, want, log.String())
		}
	}
}

// TestMonitorsThatCantBeRead end the exporter with an error that names the message, and nothing of it is sent.
func TestMonitorsThatCantBeRead(t *testing.T) {
	for name, header := range map[string]string{
		"names alone": "ipv4 ipv6", "an unknown kind": "ipv4=ipv4 x=ipv7", "too few": "ipv4=ipv4", "none": "",
	} {
		t.Run(name, func(t *testing.T) {
			l, c, rnd := open(t), listen(t), newFlows(42)
			l.publish(t, 0, rnd.ipv4(1))
			l.publishOf(t, 0, header, rnd.mixed(50))
			s := l.start(t, exporter.Config{Name: "e", Destinations: []exporter.Destination{c.destination(exporter.Destination{Format: exporter.V9})}})
			<-s.done
			if err := s.ended(); err == nil || !strings.Contains(err.Error(), "live-FLOWS") && !strings.Contains(err.Error(), "ns.live.flows.0") {
				t.Errorf("error %v, want one that names the message", err)
			}
			if s.Position() > 1 {
				t.Errorf("position %d, want 1 at most", s.Position())
			}
		})
	}
}
