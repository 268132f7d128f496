package ager_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/embedded"
	"netstream/pipeline/monitors"
	"netstream/pipeline/stage"
	"netstream/schemas/columns"
	"netstream/schemas/commit"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/monitor"
	"netstream/schemas/update"
	"netstream/schemas/weight"
	"netstream/services/ager"
)

const (
	second = int64(1e9)
	start  = 1_800_000_000 * second // of the first window of the tests
)

// conn connects to one JetStream for all tests; each test has a pipeline of its own.
var conn *nats.Conn

// server is that JetStream.
var server *embedded.Server

var pipelines atomic.Int32

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "ager")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		srv, err := embedded.Start(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			panic(err)
		}
		defer srv.Close()
		server = srv
		if conn, err = srv.Connect("test"); err != nil {
			panic(err)
		}
		defer conn.Close()
		return m.Run()
	}())
}

// line is a pipeline of two packet shards and two flow shards, of which the tests use flow shard 0.
type line struct {
	*bus.Bus
	t       testing.TB
	ctx     context.Context
	commits map[int]*bus.Writer
	flows   *bus.Reader
	next    uint64 // number of the next flow
	clock   int64  // of a benchmark
}

func newLine(t testing.TB) *line {
	t.Helper()
	name := fmt.Sprint("test", pipelines.Add(1))
	b, err := bus.New(conn, name, bus.DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	l := &line{Bus: b, t: t, ctx: ctx, commits: map[int]*bus.Writer{}, next: 1}
	l.rewind()
	t.Cleanup(func() { l.flows.Close() })
	return l
}

// rewind reads the flows from their start again.
func (l *line) rewind() {
	l.t.Helper()
	if l.flows != nil {
		l.flows.Close()
	}
	var err error
	if l.flows, err = l.Reader(l.ctx, l.Pipeline.FlowsStream(), []string{l.Pipeline.Flows(0)}, 0); err != nil {
		l.t.Fatal(err)
	}
	l.next = 1
}

// quick ages within seconds.
func quick() ager.Config {
	return ager.Config{Active: 6 * time.Second, Inactive: 3 * time.Second, FINRST: true, ByteLimit: 1<<32 - 1, FlowLimit: 1 << 20}
}

// running is an ager at work.
type running struct {
	done   chan error
	cancel context.CancelFunc
}

func (l *line) start(cfg ager.Config, reg prometheus.Registerer, shards ...int) running {
	ctx, cancel := context.WithCancel(l.ctx)
	r := running{make(chan error, 1), cancel}
	go func() {
		r.done <- ager.New(cfg, monitors.Default(), l.Bus, stage.Static(shards), reg, slog.New(slog.DiscardHandler)).Run(ctx)
	}()
	return r
}

// stop stops it, which is no error.
func (r running) stop(t testing.TB) {
	t.Helper()
	r.cancel()
	if err := <-r.done; err != nil {
		t.Errorf("stopped: %v", err)
	}
}

// handOver is a flow cache's hand-over in the making.
type handOver struct {
	sources []string
	ipv4    *update.Rows[key.IPv4]
	ipv6    *update.Rows[key.IPv6]
	sampled bool
	marks   commit.Watermarks
	ledger  ledger.Rows
}

func newHandOver(sources ...string) *handOver {
	return &handOver{sources: sources, ipv4: update.NewIPv4(), ipv6: update.NewIPv6()}
}

func (h *handOver) add(rows ...update.Row[key.IPv4]) *handOver {
	for i := range rows {
		h.ipv4.Append(&rows[i], h.sampled)
	}
	return h
}

func (h *handOver) add6(rows ...update.Row[key.IPv6]) *handOver {
	for i := range rows {
		h.ipv6.Append(&rows[i], h.sampled)
	}
	return h
}

func (h *handOver) mark(source string, time int64) *handOver {
	h.marks.Append(commit.Watermark{Source: source, Time: time})
	return h
}

func (h *handOver) end(source string, time int64) *handOver {
	h.marks.Append(commit.Watermark{Source: source, Time: time, Ended: true})
	return h
}

func (h *handOver) count(e ledger.Entry) *handOver {
	h.ledger.Append(&e)
	return h
}

// body is the message of updates, with its header.
func (h *handOver) body() (message.Header, []byte) {
	var body message.Body
	if h.ipv4.Len() > 0 {
		add(&body, h.ipv4.Schema(), h.ipv4.Columns())
	}
	if h.ipv6.Len() > 0 {
		add(&body, h.ipv6.Schema(), h.ipv6.Columns())
	}
	return message.Header{
		message.Streams: {body.Streams()}, message.Sources: {strings.Join(h.sources, " ")}, message.Monitors: {monitor.Format(monitor.Default())},
	}, body.Bytes()
}

// last is the commit.
func (h *handOver) last() (message.Header, []byte) {
	var body message.Body
	add(&body, commit.SchemaWatermark, h.marks.Columns())
	add(&body, ledger.Schema, h.ledger.Columns())
	return message.Header{message.Streams: {body.Streams()}}, body.Bytes()
}

func add(body *message.Body, schema string, cols []columns.Column) {
	if err := body.Add(schema, cols); err != nil {
		panic(err)
	}
}

// publish commits a hand-over of a packet shard to flow shard 0 and returns the commit's sequence.
func (l *line) publish(packetShard int, h *handOver) uint64 {
	l.t.Helper()
	var parts []bus.Part
	if h.ipv4.Len()+h.ipv6.Len() > 0 {
		header, body := h.body()
		parts = append(parts, bus.Part{Subject: l.Pipeline.Updates(0, packetShard), Header: header, Body: body})
	}
	header, body := h.last()
	return l.send(packetShard, parts, header, body)
}

func (l *line) send(packetShard int, parts []bus.Part, header message.Header, body []byte) uint64 {
	l.t.Helper()
	w := l.commits[packetShard]
	if w == nil {
		var err error
		if w, _, err = l.Writer(l.ctx, l.Pipeline.UpdatesStream(), l.Pipeline.Commits(packetShard)); err != nil {
			l.t.Fatal(err)
		}
		l.commits[packetShard] = w
	}
	if err := w.PublishBatch(l.ctx, parts, header, body); err != nil {
		l.t.Fatal(err)
	}
	m, err := l.Last(l.ctx, l.Pipeline.UpdatesStream(), l.Pipeline.Commits(packetShard))
	if err != nil {
		l.t.Fatal(err)
	}
	return m.Sequence
}

// flowKey makes different keys; larger numbers are larger keys.
func flowKey(n int) key.IPv4 {
	return key.IPv4{Src: uint32(n), Dst: 9, SrcPort: 1000, DstPort: 80, Protocol: 6}
}

// up is an update of one packet of 100 bytes of the first source, at a time after the start.
func up(n int, at int64) update.Row[key.IPv4] {
	return update.Row[key.IPv4]{Key: flowKey(n), Window: start + at - at%second, First: start + at, Last: start + at, Packets: 1, Bytes: 100, TCPFlags: 0x10}
}

func up6(n byte, at int64) update.Row[key.IPv6] {
	return update.Row[key.IPv6]{
		Key: key.IPv6{Src: [16]byte{n}}, Monitor: 1, Window: start + at - at%second, First: start + at, Last: start + at, Packets: 1, Bytes: 100,
	}
}

// ended is a flow as the tests read it: times count from the start, IPv6 keys are their first octet.
type ended struct {
	Number         uint64
	Source         string
	Monitor        string
	Key            int
	First, Last    int64
	Packets, Bytes uint64
	Flags          uint8
	Reason         flow.Reason
	Estimate       uint64 // Σw
}

// received is one message of flows.
type received struct {
	Sequence uint64
	Position uint64
	Flows    []ended
	Ledger   map[ledger.Key]ledger.Entry
	body     string
}

// read reads the next message of flows.
func (l *line) read() received {
	l.t.Helper()
	for {
		m, err := l.flows.Next(l.ctx, time.Second)
		if err != nil {
			l.t.Fatalf("waiting for flow %d: %v", l.next, err)
		}
		if m != nil {
			return l.parse(m)
		}
	}
}

// quiet checks that no message of flows comes before the ager has seen a hand-over, which ends a source of its own.
func (l *line) quiet() {
	l.t.Helper()
	l.publish(0, newHandOver().end("probe", start))
	l.publish(1, newHandOver().end("probe", start))
	if r := l.read(); len(r.Flows) > 0 || r.Ledger[ledger.Key{Source: "probe", Hop: ledger.Ager, Name: ledger.Ended}].Source == "" {
		l.t.Errorf("got %+v, want nothing but the probe's end", r)
	}
}

func (l *line) parse(m *bus.Message) received {
	l.t.Helper()
	first, count, err := m.Header.Pair(message.Numbers)
	if err != nil {
		l.t.Fatal(err)
	}
	if first != l.next {
		l.t.Errorf("%s begins with flow %d, want %d", m.Where(), first, l.next)
	}
	covered, err := message.ParsePosition(m.Header.Get(message.Position))
	if err != nil {
		l.t.Fatal(err)
	}
	parts, err := message.Parts(m.Header, m.Body, flow.SchemaIPv4, flow.SchemaIPv6, ledger.Schema)
	if err != nil {
		l.t.Fatal(err)
	}
	r := received{Sequence: m.Sequence, Position: covered[l.Pipeline.UpdatesStream()], Ledger: map[ledger.Key]ledger.Entry{}, body: string(m.Body)}
	for _, p := range parts {
		switch p.Schema {
		case flow.SchemaIPv4:
			readFlows(l, &r, m, p, flow.NewIPv4(), func(k key.IPv4) int { return int(k.Src) })
		case flow.SchemaIPv6:
			readFlows(l, &r, m, p, flow.NewIPv6(), func(k key.IPv6) int { return int(k.Src[0]) })
		default:
			var rows ledger.Rows
			if err := p.Read(rows.Columns()); err != nil {
				l.t.Fatal(err)
			}
			for i := range rows.Len() {
				e := rows.At(i)
				r.Ledger[e.Key()] = e
			}
		}
	}
	if uint64(len(r.Flows)) != count {
		l.t.Errorf("%s has %d flows, its header says %d", m.Where(), len(r.Flows), count)
	}
	l.next += count
	return r
}

func readFlows[K key.Key[K]](l *line, r *received, m *bus.Message, p message.Part, rows *flow.Rows[K], number func(K) int) {
	l.t.Helper()
	if err := p.Read(rows.Columns()); err != nil {
		l.t.Fatal(err)
	}
	sources := m.Header.List(message.Sources)
	monitors, err := monitor.ParseList(m.Header.List(message.Monitors))
	if err != nil {
		l.t.Fatal(err)
	}
	if err := rows.Check(len(sources), len(monitors)); err != nil {
		l.t.Fatal(err)
	}
	var f flow.Row[K]
	for i := range rows.Len() {
		rows.Read(i, &f)
		r.Flows = append(r.Flows, ended{
			Number: l.next + uint64(len(r.Flows)), Source: sources[f.Source], Monitor: monitors[f.Monitor].Name, Key: number(f.Key),
			First: f.First - start, Last: f.Last - start, Packets: f.Packets, Bytes: f.Bytes, Flags: f.TCPFlags, Reason: f.Reason,
			Estimate: f.Sums.Packets,
		})
	}
}

// one is the flow of updates made by up, of one packet each.
func one(number uint64, n int, first, last int64, packets uint64, reason flow.Reason) ended {
	return ended{
		Number: number, Source: "tap", Monitor: "ipv4", Key: n, First: first, Last: last, Packets: packets, Bytes: 100 * packets,
		Flags: 0x10, Reason: reason, Estimate: packets,
	}
}

func sums(w uint32) (s weight.Sums) {
	s.AddPacket(w, 100)
	return s
}

// wantError checks that a stage stopped, and said why and where.
func wantError(t *testing.T, err, is error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if is != nil && !errors.Is(err, is) {
		t.Errorf("error %q is not %q", err, is)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
}
