package run_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"netstream/deploy/netstream/internal/line"
	"netstream/deploy/netstream/internal/run"
	"netstream/pipeline/monitors"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter"
)

// groupings are what each mode groups by, in SQL over the flows; a record has the columns under the same names, 0 where it has no such field.
var groupings = map[string]string{
	"as": "ip_version, src_as, dst_as, in_if, out_if", "as-tos": "ip_version, src_as, dst_as, in_if, out_if, tos",
	"protocol-port": "ip_version, protocol, src_port, dst_port", "protocol-port-tos": "ip_version, protocol, src_port, dst_port, tos, in_if, out_if",
	"source-prefix": "ip_version, src_as, src_mask, src_hi, src_lo, in_if", "source-prefix-tos": "ip_version, src_as, src_mask, src_hi, src_lo, in_if, tos",
	"destination-prefix":     "ip_version, dst_as, dst_mask, dst_hi, dst_lo, out_if",
	"destination-prefix-tos": "ip_version, dst_as, dst_mask, dst_hi, dst_lo, out_if, tos",
	"prefix":                 "ip_version, src_as, dst_as, src_mask, dst_mask, src_hi, src_lo, dst_hi, dst_lo, in_if, out_if",
	"prefix-tos":             "ip_version, src_as, dst_as, src_mask, dst_mask, src_hi, src_lo, dst_hi, dst_lo, in_if, out_if, tos",
	"bgp-nexthop-tos":        "ip_version, hop_hi, hop_lo, src_as, dst_as, in_if, out_if, tos", "index-tos": "ip_version, in_if, out_if, tos",
	"source-index-tos": "hop_hi, hop_lo, in_if, tos", "vlan-id": "vlan, in_if",
}

// routeRows is a routing table for the traffic. Prefixes of less than 24 and 48 bits are taken as that long by the exporter.
const routeRows = `prefix,origin_as,bgp_next_hop
0.0.0.0/1,101,192.0.2.1
128.0.0.0/2,4200000001,192.0.2.2
10.0.0.0/8,103,
10.0.0.0/14,104,192.0.2.3
10.16.0.0/26,105,
::/0,106,2001:db8:ffff::1
2001:db8::/50,107,
`

// prepared are the flows as the modes see them, with the routes that the analyzer found.
const prepared = `CREATE TABLE prepared AS
	WITH f AS (SELECT m.name AS monitor, CASE WHEN m.name = 'ipv6' THEN 6 ELSE 4 END AS ip_version, f.* EXCLUDE (monitor, src_mask, dst_mask, ip_version),
		greatest(coalesce(src_mask, 0), CASE WHEN m.name = 'ipv6' THEN 48 ELSE 24 END) AS src_mask,
		greatest(coalesce(dst_mask, 0), CASE WHEN m.name = 'ipv6' THEN 48 ELSE 24 END) AS dst_mask
		FROM line.flow_numbers f JOIN line.monitors m ON f.monitor = m.id)
	SELECT monitor, ip_version, src_mask, dst_mask,
	CASE WHEN ip_version = 6 THEN src_hi >> (64 - src_mask) << (64 - src_mask) ELSE src_hi END AS src_hi,
	CASE WHEN ip_version = 6 THEN 0 ELSE src_lo >> (32 - src_mask) << (32 - src_mask) END AS src_lo,
	CASE WHEN ip_version = 6 THEN dst_hi >> (64 - dst_mask) << (64 - dst_mask) ELSE dst_hi END AS dst_hi,
	CASE WHEN ip_version = 6 THEN 0 ELSE dst_lo >> (32 - dst_mask) << (32 - dst_mask) END AS dst_lo,
	coalesce(bgp_next_hop_hi, 0) AS hop_hi, coalesce(bgp_next_hop_lo, CASE WHEN ip_version = 6 THEN 0 ELSE 281470681743360 END) AS hop_lo, -- ::ffff:0.0.0.0
	coalesce(src_as, 0) AS src_as, coalesce(dst_as, 0) AS dst_as,
	src_port, dst_port, protocol, tos, coalesce(in_if, 0) AS in_if, coalesce(out_if, 0) AS out_if, coalesce(vlan, 0) AS vlan, packets, bytes
	FROM f`

// TestAggregatesAreGroupedFlows exports a capture by all modes beside the database: each mode's records are what GROUP BY of the flows gives, routes
// included, which exporter and analyzer look up for themselves.
func TestAggregatesAreGroupedFlows(t *testing.T) {
	address, datagrams := listen(t)
	cfg, data := config(), t.TempDir()
	cfg.Monitors = monitors.Config{{Name: "ipv4", Kind: "ipv4"}, {Name: "ipv6", Kind: "ipv6"}, {Name: "l2", Kind: "layer2"}}
	d := exporter.DefaultDestination()
	d.Address, d.Rate = address, 500
	for _, mode := range exporter.Modes() {
		a := exporter.DefaultAggregation()
		a.Mode, a.SourceMask, a.DestinationMask, a.SourceMaskIPv6, a.DestMaskIPv6 = mode, 24, 24, 48, 48
		a.Active, a.Inactive, a.Limit = 20*time.Second, 5*time.Second, 300 // aggregates end for every reason
		cfg.Exporter.Aggregations = append(cfg.Exporter.Aggregations, a)
		d.Aggregations = append(d.Aggregations, mode)
	}
	cfg.Exporter.Destinations = []exporter.Destination{d}
	table := filepath.Join(t.TempDir(), "routes.csv")
	if err := os.WriteFile(table, []byte(routeRows), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Routes.Files = []string{table}
	path := capture(t, 40_000)
	with(t, cfg, data, func(ctx context.Context, l *line.Line) {
		if r, err := run.New([]string{path}, false).Run(ctx, l); err != nil || !r.Closed {
			t.Fatalf("%+v, error %v", r, err)
		}
	})
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.Exec(query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	exec("ATTACH '" + data + "/netstream.duckdb' AS line (READ_ONLY)")
	exec(prepared)
	exec(`CREATE TABLE received (mode VARCHAR, ip_version UTINYINT, src_hi UBIGINT, src_lo UBIGINT, dst_hi UBIGINT, dst_lo UBIGINT,
		hop_hi UBIGINT, hop_lo UBIGINT, src_as UINTEGER, dst_as UINTEGER, src_mask UTINYINT, dst_mask UTINYINT, src_port USMALLINT,
		dst_port USMALLINT, protocol UTINYINT, tos UTINYINT, in_if UINTEGER, out_if UINTEGER, vlan USMALLINT, flows UBIGINT, packets UBIGINT, bytes UBIGINT)`)
	exec("BEGIN")
	insert, err := db.Prepare("INSERT INTO received VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		t.Fatal(err)
	}
	records := receive(t, datagrams(), func(mode string, version uint8, r *nsv9.Record) {
		hi := func(a [16]byte) string { return strconv.FormatUint(binary.BigEndian.Uint64(a[:8]), 10) }
		lo := func(a [16]byte) string { return strconv.FormatUint(binary.BigEndian.Uint64(a[8:]), 10) }
		if _, err := insert.Exec(mode, version, hi(r.SrcAddr), lo(r.SrcAddr), hi(r.DstAddr), lo(r.DstAddr), hi(r.BGPNextHop), lo(r.BGPNextHop), r.SrcAS, r.DstAS, r.SrcMask, r.DstMask, r.SrcPort, r.DstPort, r.Protocol, r.TOS,
			r.InIf, r.OutIf, r.VLAN, r.Flows, r.Packets, r.Bytes); err != nil {
			t.Fatal(err)
		}
	})
	exec("COMMIT")
	for mode, keys := range groupings {
		flows := "ipv4', 'ipv6"
		switch mode {
		case "vlan-id":
			flows = "l2"
		case "source-index-tos":
			flows = "ipv4"
		}
		want := "SELECT " + keys + ", count(*), sum(packets), sum(bytes) FROM prepared WHERE monitor IN ('" + flows + "') GROUP BY " + keys
		got := "SELECT " + keys + ", sum(flows), sum(packets), sum(bytes) FROM received WHERE mode = '" + mode + "' GROUP BY " + keys
		var groups, missing, wrong int
		if err := db.QueryRow("SELECT (SELECT count(*) FROM ("+want+")), (SELECT count(*) FROM ("+want+" EXCEPT ALL "+got+")), (SELECT count(*) FROM ("+got+" EXCEPT ALL "+want+"))").
			Scan(&groups, &missing, &wrong); err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		t.Logf("%s: %d groups", mode, groups)
		if groups == 0 || missing > 0 || wrong > 0 {
			t.Errorf("%s: of %d groups %d are missing, and %d others came", mode, groups, missing, wrong)
		}
	}
	t.Logf("%d records", records)
}

// listen keeps the datagrams that come to an address; datagrams ends that.
func listen(t *testing.T) (address string, datagrams func() [][]byte) {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	var got [][]byte
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1<<16)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			got = append(got, bytes.Clone(buf[:n]))
		}
	}()
	return conn.LocalAddr().String(), func() [][]byte {
		if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		<-done
		return got
	}
}

// receive reads the aggregates in datagrams.
func receive(t *testing.T, datagrams [][]byte, record func(mode string, version uint8, r *nsv9.Record)) (records int) {
	t.Helper()
	ids := map[uint16]string{}
	for i, mode := range strings.Fields("bgp-nexthop-tos vlan-id index-tos source-index-tos as as-tos protocol-port protocol-port-tos " +
		"source-prefix source-prefix-tos destination-prefix destination-prefix-tos prefix prefix-tos") {
		ids[uint16(270+i)] = mode
	}
	plans := map[uint16]*nsv9.Plan{}
	for i, b := range datagrams {
		h, sets, err := nsv9.Open(b)
		if err != nil || h.Sequence != uint32(i) {
			t.Fatalf("sequence %d, want %d; error %v", h.Sequence, i, err)
		}
		for sets.Next() {
			set := sets.Set()
			if set.Kind() == nsv9.Templates {
				var template nsv9.Template
				for in := set.Templates(); in.Next(&template); {
					layout, err := nsv9.Compile(&template)
					if err != nil {
						t.Fatal(err)
					}
					plans[template.ID] = nsv9.NewPlan(layout)
				}
				continue
			}
			id, version := set.ID, uint8(4)
			if ids[id] == "" {
				id, version = id-14, 6
			}
			rs, err := plans[set.ID].Append(nil, set.Body)
			if err != nil {
				t.Fatal(err)
			}
			for i := range rs {
				record(ids[id], version, &rs[i])
				records++
			}
		}
	}
	return records
}
