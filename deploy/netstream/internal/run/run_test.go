package run_test

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"netstream/deploy/netstream/internal/line"
	"netstream/deploy/netstream/internal/run"
	"netstream/deploy/netstream/internal/traffic"
)

// config is quick to land and listens on any port.
func config() line.Config {
	cfg := line.DefaultConfig()
	cfg.Analyzer.LandInterval = 20 * time.Millisecond
	cfg.Telemetry.Listen, cfg.Analyzer.API.Listen = "127.0.0.1:0", ""
	return cfg
}

// quiet logs nothing unless asked to.
func quiet() *slog.Logger {
	if os.Getenv("NETSTREAM_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

// with runs a line on a data directory for as long as work takes.
func with(t testing.TB, cfg line.Config, data string, work func(ctx context.Context, l *line.Line)) {
	t.Helper()
	l, err := line.Open(cfg, data, quiet())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := l.Run(ctx, func(ctx context.Context) error { work(ctx, l); return nil }); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if ctx.Err() != nil {
		t.Fatal("it took more than two minutes")
	}
}

// take runs captures on a data directory.
func take(t testing.TB, cfg line.Config, data string, paths ...string) (r *run.Result) {
	t.Helper()
	with(t, cfg, data, func(ctx context.Context, l *line.Line) {
		var err error
		if r, err = run.New(paths, false).Run(ctx, l); err != nil {
			t.Errorf("%v: %v", paths, err)
		}
	})
	if r == nil {
		t.FailNow()
	}
	return r
}

// database opens what a line has left behind.
func database(t testing.TB, data string) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", filepath.Join(data, "netstream.duckdb")+"?access_mode=READ_ONLY")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// capture writes n packets of generated traffic as a pcap file.
func capture(t testing.TB, n int) string {
	t.Helper()
	var b bytes.Buffer
	w := pcapgo.NewWriterNanos(&b)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	g := traffic.New(traffic.Config{Seed: 3, PacketsPerSecond: 300}, time.Unix(1_800_000_000, 0))
	frame := make([]byte, 128)
	for range n {
		kept, at, wire, _ := g.Next(frame)
		info := gopacket.CaptureInfo{Timestamp: time.Unix(0, at), CaptureLength: kept, Length: int(wire)}
		if err := w.WritePacket(info, frame[:kept]); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "traffic.pcap")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDigestIsTheSameOverShards holds promise (b) down to the rows: 60 s of traffic, cut differently on the way.
func TestDigestIsTheSameOverShards(t *testing.T) {
	path := capture(t, 20_000)
	digests := map[int]string{}
	for _, shards := range []int{1, 2, 4, 7} {
		cfg := config()
		cfg.Layout.PacketShards, cfg.Layout.FlowShards = shards, shards
		r := take(t, cfg, t.TempDir(), path)
		if !r.Closed || r.Packets != 20_000 || r.Flows < 500 || len(r.Failures) > 0 {
			t.Errorf("%d shards: closed %t, %d packets, %d flows, failures %v", shards, r.Closed, r.Packets, r.Flows, r.Failures)
		}
		digests[shards] = r.Digest
	}
	want := map[int]string{1: digests[1], 2: digests[1], 4: digests[1], 7: digests[1]}
	if diff := cmp.Diff(want, digests); diff != "" {
		t.Errorf("digests by number of shards (-want +got):\n%s", diff)
	}
}
