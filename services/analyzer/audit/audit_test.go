package audit_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"netstream/schemas/ledger"
	"netstream/services/analyzer/audit"
	"netstream/services/analyzer/internal/linetest"
	"netstream/services/analyzer/internal/store"
)

// landed is a database with the flows of two ended sources, sampled and not.
func landed(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "test.duckdb"), Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	line := linetest.Bus(t, 1)
	rng, ager := rand.New(rand.NewPCG(3, 4)), linetest.NewAger(t, line, 0)
	ager.Publish(linetest.Random(rng, 300, false, "a", "b"))
	ager.Publish(linetest.Random(rng, 300, true, "a", "b"))
	ager.Publish(linetest.RandomWide(rng, 600, false, "a", "b"))
	ager.Publish(linetest.RandomWide(rng, 600, true, "a", "b"))
	ager.Publish(linetest.Message{Sources: []string{"a", "b"}, End: true})
	linetest.Land(t, line, s, "a", "b")
	return s
}

func TestUntouchedBooksClose(t *testing.T) {
	report, err := audit.Store(t.Context(), landed(t))
	if err != nil || report.Err() != nil {
		t.Fatalf("%v, %v", err, report)
	}
	if n := len(report.Lines); n != 94 {
		t.Errorf("%d lines, want 2 hops of 2 sources and 5 of their 9 monitors:\n%v", n, report)
	}
}

// The three tables of rows.
const rows, wide, full = "flow_rows", "flow_rows_wide", "flow_rows_full"

// Each change of one column of one row is found, and named as the hop into the database.
func TestTamperingIsFound(t *testing.T) {
	s := landed(t)
	const v4, v6 = "kind = 1", "kind = 2"
	for _, c := range []struct{ name, table, change, where string }{
		{"source", rows, "source = 3 - source", v4},
		{"unknown source", rows, "source = 77", v4},
		{"monitor", rows, "monitor = 3 - monitor", v4},
		{"no monitor", rows, "monitor = NULL", v6},
		{"kind 4 to 6", rows, "kind = 2", v4},
		{"kind 6 to 4", rows, "kind = 1", v6},
		{"kind nobody knows", rows, "kind = 9", v6},
		{"direction", rows, "direction = 1 - direction", v4},
		{"first", rows, "first_time = make_timestamp_ns(epoch_ns(first_time) - 1)", v4},
		{"last", rows, "last_time = make_timestamp_ns(epoch_ns(last_time) + 1)", v6},
		{"source address, high", rows, "src_hi = src_hi + 1", v4},
		{"source address, low", rows, "src_lo = xor(src_lo, 1)", v4},
		{"source address, mapping", rows, "src_lo = xor(src_lo, 1::UBIGINT << 40)", v4},
		{"destination address, high", rows, "dst_hi = xor(dst_hi, 1)", v6},
		{"destination address, low", rows, "dst_lo = xor(dst_lo, 1)", v6},
		{"no destination address", rows, "dst_hi = NULL", v4},
		{"source port", rows, "src_port = xor(src_port, 1)", v4},
		{"destination port", rows, "dst_port = xor(dst_port, 256)", v6},
		{"protocol", rows, "protocol = xor(protocol, 1)", v4},
		{"tos", rows, "tos = xor(tos, 1)", v6},
		{"tcp flags", rows, "tcp_flags = xor(tcp_flags, 2)", v4},
		{"flow label", rows, "flow_label = xor(flow_label, 1)", v6},
		{"input interface", rows, "in_if = in_if + 1", v4 + " AND direction = 0"},
		{"no input interface", rows, "in_if = NULL", v4 + " AND direction = 0"},
		{"output interface", rows, "out_if = out_if + 1", v6 + " AND direction = 1"},
		{"packets", rows, "packets = packets + 1", v4},
		{"bytes", rows, "bytes = bytes - 1", v6},
		{"weighted packets", wide, "weighted_packets = weighted_packets + 1", v4},
		{"no weighted packets", wide, "weighted_packets = NULL", v4},
		{"weighted bytes", wide, "weighted_bytes = weighted_bytes + 1", v6},
		{"variance of packets, high", wide, "var_packets_hi = xor(var_packets_hi, 1)", v4},
		{"variance of packets, low", wide, "var_packets_lo = xor(var_packets_lo, 1)", v6},
		{"variance of bytes, high", wide, "var_bytes_hi = xor(var_bytes_hi, 1)", v4},
		{"variance of bytes, low", wide, "var_bytes_lo = xor(var_bytes_lo, 1)", v6},
		{"rate origin, to hide the weights", wide, "rate_origin = NULL, weighted_packets = NULL", v4},
		{"l2: source MAC", full, "src_mac = xor(src_mac, 1)", of("l2")},
		{"l2: destination MAC", full, "dst_mac = xor(dst_mac, 1)", of("l2")},
		{"l2: VLAN", full, "vlan = xor(vlan, 1)", of("l2")},
		{"l2: EtherType", full, "ethertype = xor(ethertype, 1)", of("l2")},
		{"l2: an address", full, "src_hi = 0, src_lo = 1", of("l2")},
		{"l2: TCP flags", full, "tcp_flags = 1", of("l2")},
		{"l2: another kind", full, "kind = 7", of("l2")},
		{"labels: first", full, "mpls_label_1 = xor(mpls_label_1, 1)", of("labels")},
		{"labels: third", full, "mpls_label_3 = xor(mpls_label_3, 1)", of("labels")},
		{"labels: fourth", full, "mpls_label_4 = 17", of("labels")},
		{"vpn: VRF", full, "vrf = vrf + 1", of("vpn")},
		{"vpn: IP version", full, "ip_version = 10 - ip_version", of("vpn")},
		{"vpn: flags", full, "tcp_flags = xor(tcp_flags, 1)", of("vpn")},
		{"inner: protocol", full, "protocol = xor(protocol, 1)", of("inner")},
		{"ports: port", full, "dst_port = xor(dst_port, 1)", of("ports")},
		{"ports: DSCP", full, "tos = xor(tos, 4)", of("ports")},
		{"ports: ECN", full, "tos = tos + 1", of("ports")},
		{"hosts: flags", full, "tcp_flags = xor(tcp_flags, 1)", of("hosts")},
		{"hosts: inner VLAN", full, "inner_vlan = 1", of("hosts")},
		{"hosts: collected label", full, "mpls_label_10 = xor(mpls_label_10, 1)", of("hosts")},
		{"hosts: collected MAC", full, "src_mac = xor(src_mac, 1)", of("hosts")},
		{"hosts: collected TTL", full, "ttl = xor(ttl, 1)", of("hosts")},
		{"hosts: least length", full, "min_length = min_length - 1", of("hosts")},
		{"hosts: greatest length", full, "max_length = max_length + 1", of("hosts")},
		{"hosts: least TTL", full, "min_ttl = 1", of("hosts")},
		{"hosts: greatest TTL", full, "max_ttl = 201", of("hosts")},
		{"connections: collected interface", full, "in_if = in_if + 1", of("connections") + " AND direction = 0"},
		{"connections: extremes", full, "min_ttl = 1", of("connections")},
		{"connections: weights", full, "weighted_bytes = weighted_bytes + 1", of("connections") + " AND rate_origin = 2"},
		{"reason", rows, "reason = 8 - reason", v4 + " AND reason <> 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tamper(t, s, c.table, fmt.Sprintf("UPDATE %[1]s SET %[2]s WHERE rowid = (SELECT min(rowid) FROM %[1]s WHERE %[3]s)", c.table, c.change, c.where))
		})
	}
	t.Run("row deleted", func(t *testing.T) {
		tamper(t, s, rows, "DELETE FROM flow_rows WHERE rowid = (SELECT min(rowid) FROM flow_rows)")
	})
	t.Run("row doubled", func(t *testing.T) { tamper(t, s, rows, "INSERT INTO flow_rows FROM flow_rows ORDER BY rowid LIMIT 1") })
	t.Run("packets moved between rows", func(t *testing.T) {
		tamper(t, s, rows, `
			UPDATE flow_rows SET packets = CASE WHEN rowid = (SELECT min(rowid) FROM flow_rows WHERE source = 1) THEN packets + 1 ELSE packets - 1 END
			WHERE rowid IN (SELECT rowid FROM flow_rows WHERE source = 1 ORDER BY rowid LIMIT 2)`)
	})
}

// of are the rows of a monitor.
func of(monitor string) string {
	return "monitor = (SELECT id FROM monitors WHERE name = '" + monitor + "')"
}

// tamper changes the rows of a table and puts them back.
func tamper(t *testing.T, s *store.Store, table, change string) {
	t.Helper()
	conn, err := s.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exec := func(q string) int64 {
		t.Helper()
		r, err := conn.ExecContext(context.Background(), q)
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		n, _ := r.RowsAffected()
		return n
	}
	exec("CREATE OR REPLACE TABLE untouched AS FROM " + table)
	if exec(change) == 0 {
		t.Fatalf("%s changed nothing", change)
	}
	report, err := audit.Store(t.Context(), s)
	exec("DELETE FROM " + table)
	exec("INSERT INTO " + table + " FROM untouched")
	if err != nil {
		t.Fatal(err)
	}
	failed := report.Failed()
	if failed == nil || failed.Hop != audit.HopAgerDatabase {
		t.Errorf("%s: found %+v, want a failure at %s", change, failed, audit.HopAgerDatabase)
	}
	if err := report.Err(); err == nil || !strings.Contains(err.Error(), audit.HopAgerDatabase) {
		t.Errorf("error %v does not name the hop", err)
	}
}

func TestEachHopIsNamed(t *testing.T) {
	s := landed(t)
	for _, c := range []struct{ hop, change string }{
		{audit.HopSampler, "packets = packets + 1 WHERE hop = 'sampler' AND name = 'in'"},
		{audit.HopSamplerFlowCache, "bytes = bytes - 1 WHERE hop = 'flowcache'"},
		{audit.HopFlowCache, "packets = packets + 1 WHERE hop = 'flowcache' AND name = 'out'"},
		{audit.HopFlowCacheAger, "bytes = bytes + 1 WHERE hop IN ('ager') AND name = 'in'"},
		{audit.HopAger, "packets = packets + 1 WHERE hop = 'ager' AND name = 'held'"},
		{audit.HopAgerDatabase, "digest_lo = xor(digest_lo, 1) WHERE hop = 'ager' AND name = 'out'"},
	} {
		t.Run(c.hop, func(t *testing.T) {
			conn, err := s.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for _, q := range []string{"CREATE OR REPLACE TABLE untouched AS FROM ledger", "UPDATE ledger SET " + c.change} {
				if _, err := conn.ExecContext(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
			report, err := audit.Store(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if f := report.Failed(); f == nil || f.Hop != c.hop {
				t.Errorf("named %+v, want %s", f, c.hop)
			}
			for _, q := range []string{"DELETE FROM ledger", "INSERT INTO ledger FROM untouched"} {
				if _, err := conn.ExecContext(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestDropsAndUnselectedPacketsBalance(t *testing.T) {
	s := landed(t)
	conn, err := s.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exec(t, conn, "UPDATE ledger SET packets = packets + 7, bytes = bytes + 700 WHERE source = 'a' AND hop = 'sampler' AND name = 'in'")
	add := "INSERT INTO ledger VALUES ('a', 'sampler', 0, '', '%s', %d, %d00, 0, 0, 0)"
	exec(t, conn, fmt.Sprintf(add, ledger.Unselected, 4, 4))
	exec(t, conn, fmt.Sprintf(add, ledger.Drop+"linktype", 2, 2))
	exec(t, conn, fmt.Sprintf(add, ledger.Drop+"short", 1, 1))
	report, err := audit.Store(t.Context(), s)
	if err != nil || report.Err() != nil {
		t.Errorf("%v, %v", err, report.Err())
	}
}

func TestALiveSourceMayHavePacketsOnTheWay(t *testing.T) {
	s := landed(t)
	conn, err := s.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exec(t, conn, "DELETE FROM ledger WHERE source = 'a' AND name = 'ended'")
	exec(t, conn, "UPDATE ledger SET packets = packets + 7 WHERE source = 'a' AND hop = 'sampler'")
	report, err := audit.Store(t.Context(), s)
	if err != nil || report.Err() != nil {
		t.Fatalf("%v, %v", err, report.Err())
	}
	if l := report.Lines[1]; l.Hop != audit.HopSamplerFlowCache || l.State != audit.Open {
		t.Errorf("%+v, want open", l)
	}
	exec(t, conn, "UPDATE ledger SET packets = packets - 9 WHERE source = 'a' AND hop = 'sampler'")
	if report, err = audit.Store(t.Context(), s); err != nil || report.Failed() == nil {
		t.Errorf("more came than was sent, and nobody noticed: %v", err)
	}
}

func TestRowsWithoutABookAreFound(t *testing.T) {
	s := landed(t)
	conn, err := s.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exec(t, conn, "DELETE FROM ledger WHERE source = 'b'")
	report, err := audit.Store(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if f := report.Failed(); f == nil || f.Source != "b" || f.Hop != audit.HopAgerDatabase {
		t.Errorf("found %+v", f)
	}
}

func exec(t *testing.T, conn *sql.Conn, q string) {
	t.Helper()
	if _, err := conn.ExecContext(t.Context(), q); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
}

func TestAuditOfAFileThatIsNotThere(t *testing.T) {
	if _, err := audit.File(t.Context(), filepath.Join(t.TempDir(), "none.duckdb")); err == nil {
		t.Error("no error")
	}
}

func BenchmarkAudit(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Path: filepath.Join(b.TempDir(), "test.duckdb"), Threads: 2})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const messages, flows = 50, 5000
	line := linetest.Bus(b, 1)
	rng, ager := rand.New(rand.NewPCG(3, 4)), linetest.NewAger(b, line, 0)
	for range messages {
		ager.Publish(linetest.Random(rng, flows, false, "a"))
	}
	ager.Publish(linetest.Message{Sources: []string{"a"}, End: true})
	linetest.Land(b, line, s, "a")
	for b.Loop() {
		report, err := audit.Store(b.Context(), s)
		if err != nil || report.Err() != nil {
			b.Fatal(err, report.Err())
		}
	}
	b.ReportMetric(messages*flows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
