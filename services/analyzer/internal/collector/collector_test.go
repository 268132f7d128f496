package collector_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"netstream/pipeline/bus"
	"netstream/schemas/columns"
	"netstream/schemas/datagram"
	"netstream/schemas/message"
	"netstream/schemas/wire/nsv5"
	"netstream/schemas/wire/nsv9"
	"netstream/services/analyzer/audit"
	"netstream/services/analyzer/internal/collector"
	"netstream/services/analyzer/internal/linetest"
	"netstream/services/analyzer/internal/store"
)

var quiet = slog.New(slog.DiscardHandler)

func metrics() *collector.Metrics {
	c := func() prometheus.Counter { return prometheus.NewCounter(prometheus.CounterOpts{Name: "test"}) }
	return &collector.Metrics{
		Received: c(), Dropped: c(), Rows: c(), Lost: c(),
		Refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "test"}, []string{"reason"}),
		Parked:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "test"}),
	}
}

// bench is a bus, a database, and a hand that puts datagrams on the bus as a receiver does.
type bench struct {
	t       *testing.T
	bus     *bus.Bus
	store   *store.Store
	writer  *bus.Writer
	metrics *collector.Metrics
	now     int64
}

const device = "192.0.2.1"

func newBench(t *testing.T) *bench {
	t.Helper()
	b := linetest.Bus(t, 1)
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "test.duckdb"), Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w, _, err := b.Writer(t.Context(), b.Pipeline.DatagramsStream(), b.Pipeline.Datagrams(0, "test"))
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, bus: b, store: s, writer: w, metrics: metrics(), now: exported * 1e9}
}

// send puts datagrams on the bus, in one message, and lands them with a decoder that is started and stopped for it: each
// call is a restart.
func (b *bench) send(datagrams ...[]byte) {
	b.t.Helper()
	rows := &datagram.Rows{}
	for _, d := range datagrams {
		rows.Append(b.now, nsv9.MappedV4(192<<24|2<<8|1), 4000, d)
	}
	var body message.Body
	if err := body.Add(datagram.Schema, rows.Columns()); err != nil {
		b.t.Fatal(err)
	}
	h := message.Header{}
	h.Set(message.Streams, body.Streams())
	if err := b.writer.Publish(b.t.Context(), h, body.Bytes()); err != nil {
		b.t.Fatal(err)
	}
	b.decode()
}

// decode runs a decoder until all that is on the bus is landed.
func (b *bench) decode() {
	b.t.Helper()
	d, err := collector.Open(b.t.Context(), nil, 5*time.Millisecond, b.bus, b.store, b.metrics, quiet)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	last, err := b.bus.Last(b.t.Context(), b.bus.Pipeline.DatagramsStream(), b.bus.Pipeline.Datagrams(0, "test"))
	if err != nil {
		b.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		p, err := b.store.Positions(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		if p[store.Shard{Stream: b.bus.Pipeline.DatagramsStream()}].Sequence >= last.Sequence {
			break
		}
		if time.Now().After(deadline) {
			b.t.Fatal("not landed within 30 s")
		}
	}
	cancel()
	if err := <-done; err != nil {
		b.t.Fatal(err)
	}
}

// rows are the flows in the database as text.
func (b *bench) rows(query string) (out []string) {
	b.t.Helper()
	conn, err := b.store.Conn(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	rows, err := conn.QueryContext(b.t.Context(), query)
	if err != nil {
		b.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line sql.NullString
		if err := rows.Scan(&line); err != nil {
			b.t.Fatal(err)
		}
		out = append(out, line.String)
	}
	return out
}

func (b *bench) check(query string, want ...string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.rows(query)); diff != "" {
		b.t.Errorf("%s (-want +got):\n%s", query, diff)
	}
}

func (b *bench) audit() {
	b.t.Helper()
	report, err := audit.Store(b.t.Context(), b.store)
	if err != nil || report.Err() != nil {
		b.t.Errorf("audit: %v, %v", err, report.Err())
	}
	if len(report.Lines) != 1 || report.Lines[0].Hop != audit.HopCollector || report.Lines[0].Source != device {
		b.t.Errorf("lines %+v", report.Lines)
	}
}

// The device exports at this second, an hour after it booted.
const (
	exported = 1_700_000_000
	uptime   = 3_600_000
)

const line = `SELECT concat_ws(' ', source, kind, src_addr, src_port, dst_addr, dst_port, protocol, tcp_flags, in_if, out_if,
	epoch_ns(first_time) // 1_000_000 - 1_700_000_000_000, epoch_ns(last_time) // 1_000_000 - 1_700_000_000_000,
	packets, bytes, est_packets, est_bytes, sampling_rate, rate_origin) FROM flows ORDER BY packets`

func v5(t *testing.T, sequence uint32, sampling nsv5.Sampling, packets ...uint32) []byte {
	t.Helper()
	var records []nsv5.Record
	for _, n := range packets {
		records = append(records, nsv5.Record{
			SrcAddr: 10<<24 | 1, DstAddr: 10<<24 | 2, Input: 3, Output: 4, Packets: n, Octets: 100 * n, First: uptime - 5000, Last: uptime - 1000,
			SrcPort: 1234, DstPort: 80, TCPFlags: 0x1b, Protocol: 6, SrcAS: 65001, DstAS: 65002, SrcMask: 24, DstMask: 8, NextHop: 10<<24 | 254,
		})
	}
	b, err := nsv5.AppendDatagram(nil, &nsv5.Header{SysUptime: uptime, UnixSecs: exported, FlowSequence: sequence, Sampling: sampling}, records)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVersion5(t *testing.T) {
	b := newBench(t)
	sampled, _ := nsv5.NewSampling(nsv5.SamplingRandom, 100)
	b.send(v5(t, 0, 0, 7), v5(t, 1, sampled, 8))
	b.check(line,
		"192.0.2.1 ipv4 10.0.0.1 1234 10.0.0.2 80 6 27 3 4 -5000 -1000 7 700 7 700 1.0 unknown",
		"192.0.2.1 ipv4 10.0.0.1 1234 10.0.0.2 80 6 27 3 4 -5000 -1000 8 800 800 80000 100.0 header")
	b.check("SELECT DISTINCT concat_ws(' ', src_as, dst_as, src_mask, dst_mask, next_hop) FROM flows", "65001 65002 24 8 10.0.0.254")
	b.check("SELECT DISTINCT concat(reason, direction, bgp_next_hop, flow_label, monitor, est_packets_var) FROM flows", "")
	b.audit()
}

func v9(t *testing.T, sequence uint32, fill func(e *nsv9.Encoder)) []byte {
	t.Helper()
	var e nsv9.Encoder
	err := e.Begin(nil, 1400, &nsv9.Header{SysUptime: uptime, UnixSecs: exported, Sequence: sequence, SourceID: 7})
	if err != nil {
		t.Fatal(err)
	}
	fill(&e)
	return e.Finish()
}

func templates(t *testing.T, ts ...nsv9.Template) func(*nsv9.Encoder) {
	return func(e *nsv9.Encoder) {
		for i := range ts {
			if err := e.Templates(&ts[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func flows(t *testing.T, records ...nsv9.Record) func(*nsv9.Encoder) {
	return func(e *nsv9.Encoder) {
		for i := range records {
			if records[i].IPVersion == 6 {
				open(t, e, nsv9.IPv6TemplateID, nsv9.IPv6RecordLen)
				nsv9.PutIPv6((*[nsv9.IPv6RecordLen]byte)(e.Next()), &records[i])
			} else {
				open(t, e, nsv9.IPv4TemplateID, nsv9.IPv4RecordLen)
				nsv9.PutIPv4((*[nsv9.IPv4RecordLen]byte)(e.Next()), &records[i])
			}
		}
	}
}

func open(t *testing.T, e *nsv9.Encoder, id uint16, length int) {
	if err := e.OpenData(id, length); err != nil {
		t.Fatal(err)
	}
}

func sampler(t *testing.T, id uint8, interval uint32) func(*nsv9.Encoder) {
	return func(e *nsv9.Encoder) {
		open(t, e, nsv9.SamplerTemplateID, nsv9.SamplerRecordLen)
		(&nsv9.Sampler{ID: id, Mode: nsv9.SamplerRandom, Interval: interval, Name: "s"}).Put((*[nsv9.SamplerRecordLen]byte)(e.Next()))
	}
}

func record4(packets uint64) nsv9.Record {
	return nsv9.Record{
		SrcAddr: nsv9.MappedV4(10<<24 | 1), DstAddr: nsv9.MappedV4(10<<24 | 2), Packets: packets, Bytes: 100 * packets,
		FirstUptime: uptime - 5000, LastUptime: uptime - 1000, InIf: 3, OutIf: 4, SrcPort: 1234, DstPort: 80, Protocol: 17, SamplerID: 1, IPVersion: 4,
	}
}

func record6(packets uint64) nsv9.Record {
	r := record4(packets)
	r.IPVersion, r.FlowLabel = 6, 77
	r.SrcAddr = [16]byte{0x20, 1, 0xd, 0xb8, 15: 1}
	r.DstAddr = [16]byte{0x20, 1, 0xd, 0xb8, 15: 2}
	return r
}

func both(fs ...func(*nsv9.Encoder)) func(*nsv9.Encoder) {
	return func(e *nsv9.Encoder) {
		for _, f := range fs {
			f(e)
		}
	}
}

const short = `SELECT concat_ws(' ', kind, src_addr, packets, est_packets, rate_origin) FROM flows ORDER BY packets`

func TestVersion9(t *testing.T) {
	b := newBench(t)
	b.send(v9(t, 0, both(templates(t, nsv9.IPv4Template(), nsv9.IPv6Template()), flows(t, record4(5), record6(6)))))
	b.check(line,
		"192.0.2.1 ipv4 10.0.0.1 1234 10.0.0.2 80 17 0 3 4 -5000 -1000 5 500 5 500 1.0 unknown",
		"192.0.2.1 ipv6 2001:db8::1 1234 2001:db8::2 80 17 0 3 4 -5000 -1000 6 600 6 600 1.0 unknown")
	b.check("SELECT concat_ws(' ', flow_label, direction) FROM flows WHERE kind = 'ipv6'", "77 ingress")
	b.audit()
}

// Templates and rates outlive a restart of the decoder; data before its template waits, over restarts too.
func TestDataBeforeItsTemplate(t *testing.T) {
	b := newBench(t)
	b.send(v9(t, 0, flows(t, record4(5))))
	b.check(short)
	b.send(v9(t, 1, flows(t, record6(6))))
	b.send(v9(t, 2, templates(t, nsv9.IPv4Template())))
	b.check(short, "ipv4 10.0.0.1 5 5 unknown")
	b.send(v9(t, 3, both(templates(t, nsv9.SamplerTemplate()), sampler(t, 1, 1000))))
	b.send(v9(t, 4, flows(t, record4(7))))
	b.check(short, "ipv4 10.0.0.1 5 5 unknown", "ipv4 10.0.0.1 7 7000 sampler")
	b.now += 61e9
	b.send(v9(t, 5, templates(t, nsv9.IPv6Template())))
	b.check(short, "ipv4 10.0.0.1 5 5 unknown", "ipv4 10.0.0.1 7 7000 sampler")
	b.check("SELECT concat_ws(' ', name, rows) FROM ledger WHERE hop = 'collector' ORDER BY name", "drop.no_template 1", "in 6", "out 2")
	b.audit()
}

func TestParkedSetsAreBounded(t *testing.T) {
	b := newBench(t)
	var ds [][]byte
	for i := range 300 {
		ds = append(ds, v9(t, uint32(i), flows(t, record4(1))))
	}
	b.send(ds...)
	b.send(v9(t, 300, templates(t, nsv9.IPv4Template())))
	b.check("SELECT concat_ws(' ', name, rows) FROM ledger ORDER BY name", "drop.parked_full 44", "in 301", "out 256")
	b.audit()
}

func TestSequenceGapsAreCounted(t *testing.T) {
	b := newBench(t)
	b.send(v5(t, 100, 0, 1, 1), v5(t, 102, 0, 1), v5(t, 110, 0, 1)) // 7 records missing
	b.send(v5(t, 111, 0, 1))
	b.send(v5(t, 105, 0, 1, 1)) // 2 of them late
	b.check("SELECT concat_ws(' ', name, rows) FROM ledger WHERE name = 'lost'", "lost 5")
	b.send(v5(t, 4_000_000_000, 0, 1), v5(t, 0, 0, 1)) // a restart
	b.check("SELECT concat_ws(' ', name, rows) FROM ledger WHERE name = 'lost'", fmt.Sprint("lost ", 5+294_967_295))
	b.audit()
}

func TestWhatCannotBeReadIsCounted(t *testing.T) {
	b := newBench(t)
	cut, good := v9(t, 0, flows(t, record4(5))), v9(t, 1, both(templates(t, nsv9.IPv4Template()), flows(t, record4(5))))
	b.send(nil, []byte{0}, []byte{0, 7, 1, 2}, []byte{0, 5}, []byte{0, 9}, v5(t, 0, 0, 1)[:50], cut[:len(cut)-5], good)
	b.check(short, "ipv4 10.0.0.1 5 5 unknown")
	b.check("SELECT concat_ws(' ', name, rows) FROM ledger ORDER BY name", "drop.malformed 4", "drop.version 3", "in 8", "out 1")
	b.audit()
}

func TestADeviceWithAWrongClockIsTakenAtItsArrival(t *testing.T) {
	b := newBench(t)
	b.now += 3600e9
	b.send(v5(t, 0, 0, 1))
	b.check("SELECT (epoch_ns(last_time) // 1_000_000_000 - 1_700_000_000)::VARCHAR FROM flows", "3599")
}

func TestTamperingWithACollectedRowIsFound(t *testing.T) {
	b := newBench(t)
	b.send(v5(t, 0, 0, 1, 2, 3))
	b.audit()
	for _, change := range []string{"packets = packets + 1", "src_lo = src_lo + 1", "dst_port = NULL", "last_time = first_time"} {
		b.rows("UPDATE flow_rows_wide SET " + change + " WHERE rowid = 1")
		report, err := audit.Store(t.Context(), b.store)
		if err != nil || report.Failed() == nil || report.Failed().Hop != audit.HopCollector {
			t.Errorf("%s: %v, %+v", change, err, report)
		}
	}
}

// The receiver, over a real socket, end to end.
func TestOverUDP(t *testing.T) {
	b := newBench(t)
	r, err := collector.Listen("127.0.0.1:0", "test", b.bus, b.metrics, quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	conn, err := net.Dial("udp", r.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const n = 50
	for i := range n {
		if _, err := conn.Write(v5(t, uint32(2*i), 0, 1, 2)); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); testutil.ToFloat64(b.metrics.Received) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("received %v of %d", testutil.ToFloat64(b.metrics.Received), n)
		}
	}
	cancel() // what is received is published
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	b.decode()
	b.check("SELECT concat_ws(' ', source, count(*), sum(packets)) FROM flows GROUP BY source", "127.0.0.1 100 150")
	last, err := b.bus.Last(t.Context(), b.bus.Pipeline.DatagramsStream(), b.bus.Pipeline.Datagrams(0, "test"))
	if err != nil {
		t.Fatal(err)
	}
	if _, count, err := last.Header.Pair(message.Ordinal); err != nil || count != n {
		t.Errorf("ordinal %d, %v; want %d", count, err, n)
	}
	var rows datagram.Rows
	if _, err := columns.Read(last.Body, rows.Columns()); err != nil {
		t.Error(err)
	}
	if v := testutil.ToFloat64(b.metrics.Lost) + testutil.ToFloat64(b.metrics.Dropped); v != 0 {
		t.Errorf("%v lost or dropped", v)
	}
}
