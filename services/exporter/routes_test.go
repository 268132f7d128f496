package exporter_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"netstream/pipeline/routes"
	"netstream/schemas/key"
	"netstream/schemas/wire/nsv5"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter"
)

// tableOf makes a routing table of CSV rows.
func tableOf(t *testing.T, rows ...string) *routes.Table {
	t.Helper()
	b := routes.NewBuilder()
	text := "prefix,origin_as,peer_as,next_hop,bgp_next_hop\n" + strings.Join(rows, "\n") + "\n"
	if _, err := routes.ReadCSV(strings.NewReader(text), b); err != nil {
		t.Fatal(err)
	}
	return b.Compile(nil)
}

func (l *line) publishTable(t *testing.T, table *routes.Table) {
	t.Helper()
	store, err := routes.NewStore(t.Context(), l.Bus)
	if err == nil {
		err = store.Publish(t.Context(), table)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// firstTable has routes to some of the tests' flows, whose sources are in 10.0.0.0/16 and 2001:db8::/64, destinations in 198.51.100.0/24 and
// 2001:db8:0:0:1::/80.
var firstTable = []string{
	"10.0.0.0/17,64500,64501,192.0.2.1,192.0.2.2", "10.0.128.0/20,4200000000,64502,,192.0.2.3", "198.51.100.0/25,64510,64511,192.0.2.5,2001:db8:ffff::5",
	"198.51.100.0/24,64512,64513,,192.0.2.6", "2001:db8::/32,64520,64521,,2001:db8:ffff::1", "2001:db8::80/121,64522,64523,2001:db8:ffff::2,",
}

// told is what a record says of its routes.
func told(r *nsv9.Record) string {
	return fmt.Sprintf("%s %s: as %d %d mask %d %d hop %s bgp %s", netip.AddrFrom16(r.SrcAddr).Unmap(), netip.AddrFrom16(r.DstAddr).Unmap(), r.SrcAS, r.DstAS, r.SrcMask, r.DstMask,
		netip.AddrFrom16(r.NextHop).Unmap(), netip.AddrFrom16(r.BGPNextHop).Unmap())
}

// wantTold is the same of a flow by a table, as the format has it.
func wantTold(t *testing.T, table *routes.Table, k *key.Wide, format exporter.Format, peer bool) string {
	t.Helper()
	none := "0.0.0.0"
	if k.Version == 6 {
		none = "::"
	}
	src, dst := netip.AddrFrom16(k.Src).Unmap(), netip.AddrFrom16(k.Dst).Unmap()
	from, _ := table.Lookup(src)
	to, _ := table.Lookup(dst)
	fromAS, toAS := from.Origin, to.Origin
	if peer {
		fromAS, toAS = from.Peer, to.Peer
	}
	hop := func(a netip.Addr) string {
		if !a.IsValid() || a.Is4() != (k.Version == 4) {
			return none
		}
		return a.String()
	}
	next, bgp := hop(to.NextHop), hop(to.BGPNextHop)
	switch {
	case format == exporter.V5:
		if next == none {
			next = bgp
		}
		fromAS, toAS, bgp = uint32(nsv5.AS16(fromAS)), uint32(nsv5.AS16(toAS)), "::"
	case format == exporter.V9 && k.Version == 6:
		fromAS, toAS = 0, 0 // template 257 has no AS numbers
	}
	return fmt.Sprintf("%s %s: as %d %d mask %d %d hop %s bgp %s", src, dst, fromAS, toAS, from.Bits, to.Bits, next, bgp)
}

// TestRoutes sends flows with what a routing table knows of their addresses.
func TestRoutes(t *testing.T) {
	flows := append(newFlows(31).ipv4(200), newFlows(32).ipv6(100)...)
	for _, format := range formats {
		for _, as := range []exporter.ASKind{exporter.OriginAS, exporter.PeerAS} {
			t.Run(fmt.Sprint(format, " ", as), func(t *testing.T) {
				l, c := open(t), listen(t)
				table := tableOf(t, firstTable...)
				l.publishTable(t, table)
				l.publish(t, 0, flows)
				s := l.export(t, exporter.Config{Name: "e", Routes: true, AS: as, Destinations: []exporter.Destination{c.destination(exporter.Destination{Format: format})}})
				var got, want []string
				for _, b := range c.receive(t, s) {
					got = append(got, toldIn(t, b)...)
				}
				for _, f := range flows {
					if f.v4 != nil {
						k := f.v4.Key.Wide()
						want = append(want, wantTold(t, table, &k, format, as == exporter.PeerAS))
					} else if format != exporter.V5 {
						k := f.v6.Key.Wide()
						want = append(want, wantTold(t, table, &k, format, as == exporter.PeerAS))
					}
				}
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if totals := s.Totals()[0]; (totals.WideAS > 0) != (format == exporter.V5 && as == exporter.OriginAS) {
					t.Errorf("%d flows with a wide AS number", totals.WideAS)
				}
			})
		}
	}
}

// toldIn reads what the records of a datagram say.
func toldIn(t *testing.T, b []byte) (out []string) {
	t.Helper()
	if b[1] == 5 {
		_, rs, _, err := nsv5.Append(nil, b)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rs {
			out = append(out, told(&nsv9.Record{
				SrcAddr: nsv9.MappedV4(r.SrcAddr), DstAddr: nsv9.MappedV4(r.DstAddr), SrcAS: uint32(r.SrcAS), DstAS: uint32(r.DstAS),
				SrcMask: r.SrcMask, DstMask: r.DstMask, NextHop: nsv9.MappedV4(r.NextHop),
			}))
		}
		return out
	}
	dataRecords(t, b, routeLayouts, func(l *nsv9.Layout, record []byte) {
		var r nsv9.Record
		if nsv9.NewPlan(l).Decode(&r, record) {
			out = append(out, told(&r))
		}
	})
	return out
}

// routeLayouts are kept over datagrams; all tests here have the same templates in a format.
var routeLayouts = map[uint16]*nsv9.Layout{}

// TestRoutesChange publishes other tables while an exporter is stopped and started: each change stands between two messages, aggregates and flows
// are told of by the same table, and no restart tells otherwise.
func TestRoutesChange(t *testing.T) {
	tables := []*routes.Table{
		tableOf(t, firstTable...), tableOf(t, "0.0.0.0/0,1,1,,"), tableOf(t, "0.0.0.0/0,2,2,,", "10.0.0.0/8,3,3,,192.0.2.9"),
	}
	l, flowsAt, sumsAt := open(t), listen(t), listen(t)
	cfg := exporter.Config{Name: "e", Routes: true, Checkpoint: time.Nanosecond, Aggregations: aggregations(0), Destinations: []exporter.Destination{
		flowsAt.destination(exporter.Destination{Format: exporter.V9, SourceID: 1}),
		sumsAt.destination(exporter.Destination{Format: exporter.V9, Aggregations: []string{"as"}}),
	}}
	var all []testFlow
	in := messages(24, 40)
	for i, m := range in {
		m = slices.DeleteFunc(m, func(f testFlow) bool { return f.v4 == nil })
		if i%8 == 0 {
			l.publishTable(t, tables[i/8])
		}
		l.publish(t, i%2, m)
		all = append(all, m...)
		if i%3 == 2 {
			if err := l.export(t, cfg).stop(); err != nil {
				t.Fatal(err)
			}
		}
	}
	l.end(t)
	s := l.export(t, cfg)
	seen := map[string]sums{}
	layouts := map[uint16]*nsv9.Layout{}
	n := 0
	for _, b := range flowsAt.receive(t, s) {
		dataRecords(t, b, layouts, func(l *nsv9.Layout, record []byte) {
			var r nsv9.Record
			if !nsv9.NewPlan(l).Decode(&r, record) || r.SrcPort == 0 {
				return
			}
			r.Flows = 1
			name := named("as", &r)
			s := seen[name]
			s.add(1, r.Packets, r.Bytes)
			seen[name] = s
			n++
		})
	}
	got, _ := merged(t, sumsAt.await(t, int(s.Totals()[1].Datagrams)), exporter.V9)
	if diff := gocmp.Diff(seen, got["as"]); diff != "" || n != len(all) {
		t.Errorf("%d flows of %d; (-flows +aggregates):\n%s", n, len(all), diff)
	}
	kinds := map[string]bool{}
	for name := range seen {
		kinds[strings.Fields(name)[2]] = true
	}
	if len(kinds) < 5 {
		t.Errorf("source AS numbers %v: the tables didn't change", kinds)
	}
}
