package flowcache_test

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
	"netstream/pipeline/stage"
	"netstream/schemas/columns"
	"netstream/schemas/commit"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/monitor"
	"netstream/schemas/packet"
	"netstream/schemas/update"
	"netstream/services/flowcache"
)

const (
	second = int64(1e9)
	start  = 1_800_000_000 * second // of the first window of the tests
)

// conn connects to one JetStream for all tests; each test has a pipeline of its own.
var conn *nats.Conn

var pipelines atomic.Int32

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "flowcache")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		srv, err := embedded.Start(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			panic(err)
		}
		defer srv.Close()
		if conn, err = srv.Connect("test"); err != nil {
			panic(err)
		}
		defer conn.Close()
		return m.Run()
	}())
}

// line is a pipeline and what the test has published on it.
type line struct {
	*bus.Bus
	t       testing.TB
	ctx     context.Context
	writers map[string]*bus.Writer
}

func newLine(t testing.TB) *line {
	t.Helper()
	layout := bus.DefaultLayout()
	layout.PacketShards, layout.FlowShards = 2, 3
	name := fmt.Sprint("test", pipelines.Add(1))
	b, err := bus.New(conn, name, layout)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return &line{Bus: b, t: t, ctx: ctx, writers: map[string]*bus.Writer{}}
}

// quick hands over soon after a message.
func quick() flowcache.Config {
	cfg := flowcache.DefaultConfig()
	cfg.Rows, cfg.HandOver = 1024, 10*time.Millisecond
	return cfg
}

// running is a flow cache at work.
type running struct {
	done   chan error
	cancel context.CancelFunc
}

func (l *line) start(cfg flowcache.Config, reg prometheus.Registerer, shards ...int) running {
	return l.startWith(cfg, monitor.Default(), slog.DiscardHandler, reg, shards...)
}

func (l *line) startWith(cfg flowcache.Config, ds []monitor.Definition, log slog.Handler, reg prometheus.Registerer, shards ...int) running {
	ctx, cancel := context.WithCancel(l.ctx)
	r := running{make(chan error, 1), cancel}
	go func() { r.done <- flowcache.New(cfg, ds, l.Bus, stage.Static(shards), reg, slog.New(log)).Run(ctx) }()
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

// packets is a message of the sampler in the making.
type packets struct {
	header message.Header
	body   message.Body
}

func newPackets(source string, mark int64) *packets {
	p := &packets{header: message.Header{}}
	p.header.Set(message.Source, source)
	p.header.Set(message.Monitors, monitor.Format(monitor.Default()))
	p.header.SetInt(message.Watermark, mark)
	return p
}

func (p *packets) ipv4(rows ...packet.Row[key.IPv4]) *packets {
	out := packet.NewIPv4()
	for i := range rows {
		out.Append(&rows[i])
	}
	return p.add(out.Schema(), out.Columns())
}

func (p *packets) ipv6(rows ...packet.Row[key.IPv6]) *packets {
	out := packet.NewIPv6()
	for i := range rows {
		out.Append(&rows[i])
	}
	return p.add(out.Schema(), out.Columns())
}

func (p *packets) wide(rows ...packet.WideRow) *packets {
	out := packet.NewWide()
	for i := range rows {
		out.Append(&rows[i])
	}
	return p.add(out.Schema(), out.Columns())
}

func (p *packets) ledger(entries ...ledger.Entry) *packets {
	var out ledger.Rows
	for i := range entries {
		out.Append(&entries[i])
	}
	return p.add(ledger.Schema, out.Columns())
}

func (p *packets) add(schema string, cols []columns.Column) *packets {
	if err := p.body.Add(schema, cols); err != nil {
		panic(err)
	}
	p.header.Set(message.Streams, p.body.Streams())
	return p
}

func (p *packets) set(name, value string) *packets {
	p.header.Set(name, value)
	return p
}

// publish sends a message of the source named in the subject.
func (l *line) publish(shard int, source string, p *packets) {
	l.t.Helper()
	l.send(shard, source, p.header, p.body.Bytes())
}

func (l *line) send(shard int, source string, h message.Header, body []byte) {
	l.t.Helper()
	on := l.Pipeline.Packets(shard, source)
	w := l.writers[on]
	if w == nil {
		var err error
		if w, _, err = l.Writer(l.ctx, l.Pipeline.PacketsStream(), on); err != nil {
			l.t.Fatal(err)
		}
		l.writers[on] = w
	}
	if err := w.Publish(l.ctx, h, body); err != nil {
		l.t.Fatal(err)
	}
}

// flowKey makes different keys.
func flowKey(n int) key.IPv4 {
	return key.IPv4{Src: uint32(n), Dst: 9, SrcPort: 1000, DstPort: 80, Protocol: 6}
}

// at makes a packet of 100 bytes.
func at(n int, time int64) packet.Row[key.IPv4] {
	return packet.Row[key.IPv4]{Key: flowKey(n), Time: time, Window: time - time%second, Bytes: 100, Weight: 1, TCPFlags: 0x10}
}

func at6(n byte, time int64) packet.Row[key.IPv6] {
	return packet.Row[key.IPv6]{Key: key.IPv6{Src: [16]byte{n}}, Time: time, Window: time - time%second, Bytes: 100, Weight: 1}
}

// last is what a packet shard's last commit says.
type last struct {
	Position uint64
	Marks    map[string]commit.Watermark
	Ledger   map[ledger.Key]ledger.Entry
}

// commit waits until the shard's commits cover a position.
func (l *line) commit(shard int, position uint64) last {
	l.t.Helper()
	for {
		m, err := l.Last(l.ctx, l.Pipeline.UpdatesStream(), l.Pipeline.Commits(shard))
		if err != nil {
			l.t.Fatalf("commit of position %d: %v", position, err)
		}
		if m != nil {
			if c := l.parse(m); c.Position >= position {
				return c
			}
		}
		time.Sleep(2 * time.Millisecond) // between two looks at a condition that l.ctx bounds
	}
}

func (l *line) parse(m *bus.Message) last {
	l.t.Helper()
	covered, err := message.ParsePosition(m.Header.Get(message.Position))
	if err != nil {
		l.t.Fatal(err)
	}
	parts, err := message.Parts(m.Header, m.Body, commit.SchemaWatermark, ledger.Schema)
	if err != nil {
		l.t.Fatal(err)
	}
	c := last{Position: covered[l.Pipeline.PacketsStream()], Marks: map[string]commit.Watermark{}, Ledger: map[ledger.Key]ledger.Entry{}}
	for _, p := range parts {
		var marks commit.Watermarks
		var rows ledger.Rows
		cols := rows.Columns()
		if p.Schema == commit.SchemaWatermark {
			cols = marks.Columns()
		}
		if err := p.Read(cols); err != nil {
			l.t.Fatal(err)
		}
		for i := range marks.Len() {
			c.Marks[marks.At(i).Source] = marks.At(i)
		}
		for i := range rows.Len() {
			e := rows.At(i)
			c.Ledger[e.Key()] = e
		}
	}
	return c
}

// counted is what all updates together count for a flow.
type counted struct {
	Packets, Bytes uint64
	Updates        int
}

// updates adds up the updates of all flow shards by source, key and window.
func (l *line) updates() map[string]counted {
	l.t.Helper()
	sum := map[string]counted{}
	l.handedOver(func(m *bus.Message, p message.Part) {
		if p.Schema == update.SchemaIPv4 {
			addUp(l, m, p, update.NewIPv4(), "ipv4", sum)
		} else {
			addUp(l, m, p, update.NewIPv6(), "ipv6", sum)
		}
	})
	return sum
}

// handedOver calls f for all that was handed over, in the order of the stream.
func (l *line) handedOver(f func(*bus.Message, message.Part)) {
	l.t.Helper()
	end := uint64(0) // the last commit
	for p := range l.Layout.PacketShards {
		m, err := l.Last(l.ctx, l.Pipeline.UpdatesStream(), l.Pipeline.Commits(p))
		if err != nil {
			l.t.Fatal(err)
		}
		if m != nil {
			end = max(end, m.Sequence)
		}
	}
	prefix := "ns." + string(l.Pipeline)
	r, err := l.Reader(l.ctx, l.Pipeline.UpdatesStream(), []string{prefix + ".updates.>", prefix + ".commits.>"}, 0)
	if err != nil {
		l.t.Fatal(err)
	}
	defer r.Close()
	for at := uint64(0); at < end; {
		m, err := r.Next(l.ctx, time.Second)
		if err != nil {
			l.t.Fatal(err)
		}
		if m == nil {
			continue
		}
		if at = m.Sequence; strings.HasPrefix(m.Subject, prefix+".commits.") {
			continue
		}
		parts, err := message.Parts(m.Header, m.Body, update.SchemaIPv4, update.SchemaIPv6, update.SchemaWide)
		if err != nil {
			l.t.Fatal(err)
		}
		for _, p := range parts {
			f(m, p)
		}
	}
}

func addUp[K key.Key[K]](l *line, m *bus.Message, p message.Part, rows *update.Rows[K], monitor string, sum map[string]counted) {
	l.t.Helper()
	if err := p.Read(rows.Columns()); err != nil {
		l.t.Fatal(err)
	}
	sources, monitors := m.Header.List(message.Sources), names(l.t, m.Header)
	if err := rows.Check(len(sources), len(monitors)); err != nil {
		l.t.Fatal(err)
	}
	var u update.Row[K]
	for i := range rows.Len() {
		rows.Read(i, &u)
		source := sources[u.Source]
		if monitors[u.Monitor] != monitor {
			l.t.Errorf("%s: monitor %s, want %s", m.Where(), monitors[u.Monitor], monitor)
		}
		shard := key.Shard(u.Key.Hash(key.FlowSeed(source, monitor)), l.Layout.FlowShards)
		if want := l.Pipeline.Updates(shard, 0); !strings.HasPrefix(m.Subject, strings.TrimSuffix(want, "0")) {
			l.t.Errorf("%s holds an update of flow shard %d", m.Where(), shard)
		}
		at := fmt.Sprintf("%s %v window %d", source, u.Key, (u.Window-start)/second)
		c := sum[at]
		sum[at] = counted{c.Packets + uint64(u.Packets), c.Bytes + u.Bytes, c.Updates + 1}
	}
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

// names are those of the monitors in a header.
func names(t testing.TB, h message.Header) (list []string) {
	t.Helper()
	ds, err := monitor.ParseList(h.List(message.Monitors))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range ds {
		list = append(list, d.Name)
	}
	return list
}
