// Package promises holds the tests of the line as a whole: conservation, and the two promises of the design that make
// it exactly-once and replayable. They run the stages themselves on an embedded JetStream, without database or command.
package promises

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/zeebo/xxh3"

	"netstream/pipeline/bus"
	"netstream/pipeline/embedded"
	"netstream/pipeline/monitors"
	"netstream/pipeline/stage"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/monitor"
	"netstream/schemas/uint128"
	"netstream/services/ager"
	"netstream/services/flowcache"
	"netstream/services/sampler"
)

// setting is everything that must not change the flows, and the aging that may.
type setting struct {
	packetShards, flowShards int
	messageRows, cacheRows   int
	handOver                 time.Duration
	sampling                 sampler.Sampling
	ager                     ager.Config
}

func defaults() setting {
	aging := ager.DefaultConfig() // short, so that a minute of traffic shows every reason
	aging.Active, aging.Inactive = 20*time.Second, 5*time.Second
	return setting{
		packetShards: 2, flowShards: 2, messageRows: 8192, cacheRows: 1 << 16, handOver: time.Second,
		sampling: sampler.DefaultConfig().Sampling, ager: aging,
	}
}

// result is what came out of the line.
type result struct {
	Digest         uint128.Uint128
	Flows          uint64
	Packets, Bytes uint64
	Reasons        [8]uint64
	books          map[ledger.Key]ledger.Entry
	byKey          map[string]uint64 // packets
}

// quiet logs nothing unless asked to.
func quiet() *slog.Logger {
	if os.Getenv("NETSTREAM_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

// openBus opens the pipeline on the JetStream in dir, and returns what closes it.
func openBus(t testing.TB, dir string, s setting) (*bus.Bus, func()) {
	t.Helper()
	b, _, closeBus := openConn(t, dir, s)
	return b, closeBus
}

func openConn(t testing.TB, dir string, s setting) (*bus.Bus, *nats.Conn, func()) {
	t.Helper()
	srv, err := embedded.Start(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := srv.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	layout := bus.DefaultLayout()
	layout.PacketShards, layout.FlowShards = s.packetShards, s.flowShards
	b, err := bus.New(conn, "live", layout)
	if err != nil {
		t.Fatal(err)
	}
	return b, conn, func() {
		conn.Close()
		srv.Close()
	}
}

// run sends a capture through the line and reads the flows at its end.
func run(t testing.TB, s setting, path string) result {
	t.Helper()
	b, closeBus := openBus(t, t.TempDir(), s)
	defer closeBus()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	stop := stages(ctx, t, b, s)
	defer stop()
	sample(ctx, t, b, s, path)
	return collect(ctx, t, b, s.flowShards)
}

// stages starts flow caches and agers and returns what stops them.
func stages(ctx context.Context, t testing.TB, b *bus.Bus, s setting) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	failed := make(chan error, 2)
	cache := flowcache.DefaultConfig()
	cache.Rows, cache.HandOver = s.cacheRows, s.handOver
	go func() {
		failed <- flowcache.New(cache, monitor.Default(), b, stage.Static(stage.AllShards(s.packetShards)), prometheus.NewRegistry(), quiet()).Run(ctx)
	}()
	go func() {
		failed <- ager.New(s.ager, monitors.Default(), b, stage.Static(stage.AllShards(s.flowShards)), prometheus.NewRegistry(), quiet()).Run(ctx)
	}()
	return func() {
		cancel()
		for range 2 {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
	}
}

// sample publishes a capture.
func sample(ctx context.Context, t testing.TB, b *bus.Bus, s setting, path string) {
	t.Helper()
	if err := resample(ctx, b, s, path); err != nil {
		t.Fatal(err)
	}
}

// resample publishes a capture, or what is missing of it.
func resample(ctx context.Context, b *bus.Bus, s setting, path string) error {
	cfg := sampler.DefaultConfig()
	cfg.MessageRows, cfg.Sampling = s.messageRows, s.sampling
	f, err := sampler.New(cfg, monitor.Default(), b, prometheus.NewRegistry(), quiet()).Open(ctx, path, false, func(string) (bool, error) { return false, nil })
	if err != nil {
		return err
	}
	return f.Run(ctx)
}

// collect reads flows until the source has ended on all flow shards.
func collect(ctx context.Context, t testing.TB, b *bus.Bus, flowShards int) result {
	t.Helper()
	r := result{books: map[ledger.Key]ledger.Entry{}, byKey: map[string]uint64{}}
	reader, err := b.Reader(ctx, b.Pipeline.FlowsStream(), []string{"ns.live.flows.*"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	next, ended := map[string]uint64{}, 0
	for ended < flowShards {
		m, err := reader.Next(ctx, time.Second)
		if err != nil {
			t.Fatalf("after %d flows: %v", r.Flows, err)
		}
		if m == nil {
			continue
		}
		first, count, err := m.Header.Pair(message.Numbers)
		if err != nil {
			t.Fatal(err)
		}
		if first != next[m.Subject]+1 {
			t.Fatalf("%s begins with flow %d, want %d", m.Where(), first, next[m.Subject]+1)
		}
		next[m.Subject] += count
		parts, err := message.Parts(m.Header, m.Body, flow.SchemaIPv4, flow.SchemaIPv6, ledger.Schema)
		if err != nil {
			t.Fatal(err)
		}
		before := r.Flows
		for _, p := range parts {
			switch p.Schema {
			case flow.SchemaIPv4:
				add(t, &r, p, flow.NewIPv4(), "ipv4")
			case flow.SchemaIPv6:
				add(t, &r, p, flow.NewIPv6(), "ipv6")
			case ledger.Schema:
				var rows ledger.Rows
				if err := p.Read(rows.Columns()); err != nil {
					t.Fatal(err)
				}
				for i := range rows.Len() {
					e := rows.At(i)
					if e.Name == ledger.Ended {
						ended++
					}
					if old, ok := r.books[e.Key()]; e.Name == ledger.Held || !ok || e.Packets >= old.Packets {
						r.books[e.Key()] = e
					}
				}
			}
		}
		if r.Flows-before != count {
			t.Fatalf("%s has %d flows, its header says %d", m.Where(), r.Flows-before, count)
		}
		// Whoever looks at the books here, with the source alive, must not see more taken in than was handed over.
		if in, out := r.sum(ledger.Ager, ledger.In), r.sum(ledger.FlowCache, ledger.Out); in.Packets > out.Packets || in.Bytes > out.Bytes {
			t.Fatalf("%s: the agers took in %d packets, the flow caches handed over %d", m.Where(), in.Packets, out.Packets)
		}
	}
	return r
}

func add[K key.Key[K]](t testing.TB, r *result, p message.Part, rows *flow.Rows[K], monitor string) {
	t.Helper()
	if err := p.Read(rows.Columns()); err != nil {
		t.Fatal(err)
	}
	var f flow.Row[K]
	for i := range rows.Len() {
		rows.Read(i, &f)
		r.Flows++
		r.Packets += f.Packets
		r.Bytes += f.Bytes
		r.Reasons[f.Reason]++
		r.Digest = r.Digest.Add(flow.Hash(&f, key.Seed(monitor)))
		r.byKey[fmt.Sprint(f.Key)] += f.Packets
	}
}

// sum adds up a counter over the shards and monitors of a hop; what a flow cache took in, which it counts for all monitors
// together too, once.
func (r *result) sum(hop, name string) (e ledger.Entry) {
	for k, v := range r.books {
		if k.Hop == hop && k.Name == name && (hop != ledger.FlowCache || name != ledger.In || k.Monitor == "") {
			e.Packets += v.Packets
			e.Bytes += v.Bytes
			e.Rows += v.Rows
			e.Digest = e.Digest.Add(v.Digest)
		}
	}
	return e
}

// messages lists the messages of flows: where, which flows, and a hash of all that is inside.
func messages(ctx context.Context, t testing.TB, b *bus.Bus) (out []string) {
	t.Helper()
	reader, err := b.Reader(ctx, b.Pipeline.FlowsStream(), []string{"ns.live.flows.*"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for {
		m, err := reader.Next(ctx, 300*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			slices.Sort(out) // shards are written side by side
			return out
		}
		out = append(out, fmt.Sprintf("%s %s %s %x", m.Subject, m.Header.Get(message.Numbers), m.Header.Get(message.Position), xxh3.Hash(m.Body)))
	}
}
