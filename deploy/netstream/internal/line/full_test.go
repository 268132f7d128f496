package line

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"netstream/deploy/netstream/internal/traffic"
	"netstream/services/analyzer"
	"netstream/services/sampler"
)

// generated is a live input of some 100,000 packets a second, until it is stopped. Its last packets come an hour later: all flows
// before are over.
type generated struct {
	generator *traffic.Generator
	stopped   atomic.Bool
	over      bool
	frames    [100][2048]byte
	sent      atomic.Uint64
}

func (g *generated) Read(dst []sampler.Packet) (int, error) {
	late := int64(0)
	if g.stopped.Load() {
		if g.over {
			return 0, io.EOF
		}
		g.over, late = true, int64(time.Hour)
	}
	time.Sleep(time.Millisecond)
	n := min(len(dst), 100)
	for i := range dst[:n] {
		size, at, wire, port := g.generator.Next(g.frames[i][:])
		dst[i] = sampler.Packet{Time: at + late, Data: g.frames[i][:size], WireLen: wire, Interface: port, LinkType: 1}
	}
	g.sent.Add(uint64(n))
	return n, nil
}

func generator() *traffic.Generator {
	return traffic.New(traffic.Config{Seed: 5, PacketsPerSecond: 2000, Day: 5 * time.Minute}, time.Unix(1_800_000_000, 0))
}

// record writes n packets as a capture.
func record(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "traffic.pcap")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	order := binary.LittleEndian
	head := order.AppendUint32(nil, 0xa1b23c4d) // nanoseconds
	head = order.AppendUint16(order.AppendUint16(head, 2), 4)
	head = order.AppendUint32(order.AppendUint32(order.AppendUint32(order.AppendUint32(head, 0), 0), 1<<18), 1)
	w.Write(head)
	g, frame := generator(), make([]byte, 2048)
	for range n {
		size, at, wire, _ := g.Next(frame)
		r := order.AppendUint32(order.AppendUint32(nil, uint32(at/1e9)), uint32(at%1e9))
		w.Write(order.AppendUint32(order.AppendUint32(r, uint32(size)), wire))
		w.Write(frame[:size])
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path
}

// narrow opens a line whose streams are full soon. No configuration allows so little, since a batch may have 64 MiB; here none
// comes near to that.
func narrow(t *testing.T) *Line {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Layout.SoftBytes, cfg.Layout.Readers = 64<<10, []string{"analyzer"}
	cfg.Analyzer.API.Listen, cfg.Analyzer.LandInterval = "", 20*time.Millisecond
	cfg.FlowCache.Rows, cfg.FlowCache.HandOver, cfg.Sampler.MessageRows = 1000, 50*time.Millisecond, 500
	cfg.Ager.Active, cfg.Ager.Inactive, cfg.Ager.Checkpoint = 4*time.Second, 2*time.Second, time.Second
	l, err := Open(cfg, t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	js, err := jetstream.New(l.conn)
	if err != nil {
		t.Fatal(err)
	}
	for stream, limit := range l.limits() {
		s, err := js.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		c := s.CachedInfo().Config
		c.MaxBytes = limit
		if _, err := js.UpdateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func (l *Line) limits() map[string]int64 {
	p := l.bus.Pipeline
	return map[string]int64{p.PacketsStream(): 1 << 20, p.UpdatesStream(): 1 << 20, p.FlowsStream(): 512 << 10}
}

// begin runs a part of the line until the test ends or stop is called, which wants a good end.
func begin(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// until waits for a condition.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// metric adds up a counter of the line.
func (l *Line) metric(t *testing.T, name string) (sum float64) {
	t.Helper()
	families, err := l.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// show logs what the streams hold, and who waited how often for room.
func (l *Line) show(t *testing.T, when string) {
	t.Helper()
	for stream, limit := range l.limits() {
		u, err := l.bus.Usage(t.Context(), stream, false)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-32s %-13s %8d of %8d bytes", when, stream, u.Bytes, limit)
	}
	t.Logf("%-32s waits: sampler %.0f, flow caches %.0f, agers %.0f", when, l.metric(t, "sampler_waits_total"), l.metric(t, "flowcache_waits_total"), l.metric(t, "ager_waits_total"))
}

// stuck tells whether every stage has met a full stream.
func (l *Line) stuck(t *testing.T) bool {
	return l.metric(t, "sampler_waits_total") > 0 && l.metric(t, "flowcache_waits_total") > 0 && l.metric(t, "ager_waits_total") > 0
}

// look asks the database for numbers.
func (l *Line) look(t *testing.T, sql string) (row []uint64) {
	t.Helper()
	for _, cell := range l.rows(t, sql)[0] {
		n := uint64(0)
		for _, c := range cell {
			n = 10*n + uint64(c-'0')
		}
		row = append(row, n)
	}
	return row
}

func (l *Line) rows(t *testing.T, sql string) (rows [][]string) {
	t.Helper()
	db, err := l.Analyzer.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	table := &analyzer.Table{}
	if err := db.Query(t.Context(), sql, table); err != nil {
		t.Fatal(err)
	}
	for r := range table.Rows {
		row := make([]string, len(table.Rows[r]))
		for c := range row {
			row[c] = table.Text(r, c)
		}
		rows = append(rows, row)
	}
	return rows
}

// closed tells whether every line of the audit closes, with nothing on its way.
func (l *Line) closed(t *testing.T) bool {
	t.Helper()
	db, err := l.Analyzer.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report, err := db.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f := report.Failed(); f != nil {
		t.Fatalf("the books fail: %+v", f)
	}
	for _, line := range report.Lines {
		if line.State != "closes" {
			return false
		}
	}
	return len(report.Lines) > 0
}

// TestFullStreamsMakeAFileWait runs a file without an analyzer until every stream is full and every stage waits. Then stages are
// stopped and started again, the analyzer comes, and all packets land.
func TestFullStreamsMakeAFileWait(t *testing.T) {
	const packets = 150_000
	l, path := narrow(t), record(t, packets)
	finished := make(chan struct{})
	sample := func(ctx context.Context) error {
		err := l.Sampler.Files(ctx, []string{path}, false)
		if ctx.Err() != nil {
			return nil
		}
		close(finished)
		return err
	}
	stopSampler := begin(t, sample)
	stopCache, stopAger := begin(t, l.flowCache.Run), begin(t, l.ager.Run)
	until(t, "every stage waits for room", func() bool { return l.stuck(t) })
	l.show(t, "without an analyzer")
	for _, stop := range []func(){stopSampler, stopCache, stopAger} { // a stage that waits can be stopped
		begun := time.Now()
		stop()
		t.Logf("stopped after %s", time.Since(begun).Round(10*time.Millisecond))
	}
	begin(t, l.ager.Run)
	begin(t, l.flowCache.Run)
	begin(t, sample)
	select {
	case <-finished:
		t.Fatal("the sampler has published all: the streams were not full")
	case <-time.After(300 * time.Millisecond): // which it could in that time, were there room
	}
	begin(t, l.Analyzer.Run)
	if err := l.Analyzer.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the file is landed", func() bool {
		select {
		case <-finished:
		default:
			return false
		}
		return l.closed(t) && l.look(t, "SELECT coalesce(sum(packets), 0) FROM flows")[0] > 0
	})
	l.show(t, "with it")
	until(t, "all packets are in flows", func() bool {
		n := l.look(t, `SELECT (SELECT sum(packets) FROM flows), (SELECT sum(packets) FROM ledger WHERE hop = 'sampler' AND name = 'in'),
			(SELECT coalesce(sum(packets), 0) FROM ledger WHERE hop = 'sampler' AND name LIKE 'drop.%')`)
		t.Logf("%d packets in flows, %d observed, %d dropped", n[0], n[1], n[2])
		return n[1] == packets && n[0]+n[2] == packets
	})
}

// TestFullStreamsMakeALiveSourceGiveWay does so with a live source under both policies that don't wait.
func TestFullStreamsMakeALiveSourceGiveWay(t *testing.T) {
	for _, policy := range []string{sampler.OverloadDrop, sampler.OverloadThin} {
		t.Run(policy, func(t *testing.T) {
			l := narrow(t)
			in := &generated{generator: generator()}
			begin(t, l.flowCache.Run)
			begin(t, l.ager.Run)
			tap := make(chan error, 1)
			go func() { tap <- l.Sampler.Live(t.Context(), "tap", in, policy) }()
			until(t, "every stage waits for room", func() bool { return l.stuck(t) })
			more := in.sent.Load() + 50_000 // more than there is room for
			until(t, "the source has to give way", func() bool { return in.sent.Load() > more })
			l.show(t, "without an analyzer")
			begin(t, l.Analyzer.Run)
			if err := l.Analyzer.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			in.stopped.Store(true)
			if err := <-tap; err != nil {
				t.Fatal(err)
			}
			until(t, "all that was sent is in the books", func() bool {
				return l.look(t, `SELECT coalesce(sum(packets), 0) FROM ledger WHERE hop = 'sampler' AND name = 'in'`)[0] == in.sent.Load()
			})
			until(t, "the books close with nothing on its way", func() bool { return l.closed(t) })
			n := l.look(t, `SELECT
				(SELECT sum(packets) FROM ledger WHERE hop = 'sampler' AND name = 'in'),
				(SELECT coalesce(sum(packets), 0) FROM ledger WHERE hop = 'sampler' AND name LIKE 'drop.%'),
				(SELECT coalesce(sum(packets), 0) FROM ledger WHERE hop = 'sampler' AND name = 'unselected'),
				(SELECT sum(packets) FROM ledger WHERE hop = 'ager' AND name IN ('out', 'held')),
				(SELECT coalesce(sum(packets), 0) FROM ledger WHERE hop = 'sampler' AND name = 'drop.overload')`)
			l.show(t, "with it")
			t.Logf("%d packets sent, %d observed, %d dropped, %d thinned, %d in flows", in.sent.Load(), n[0], n[1], n[2], n[3])
			if n[0] != in.sent.Load() || n[1]+n[2]+n[3] != in.sent.Load() {
				t.Errorf("of %d packets %d are observed and %d accounted for", in.sent.Load(), n[0], n[1]+n[2]+n[3])
			}
			if given := map[string]uint64{sampler.OverloadDrop: n[4], sampler.OverloadThin: n[2]}[policy]; given == 0 {
				t.Errorf("policy %s gave nothing up: the streams were not full", policy)
			}
		})
	}
}
