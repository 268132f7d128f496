package cli

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"netstream/deploy/netstream/internal/datadir"
	"netstream/pipeline/embedded"
)

// TestStages runs each stage as a process of its own, two of them with a shard each, on one server: the same flows as in
// one process.
func TestStages(t *testing.T) {
	path := capture(t, 5000)
	alone := execute(t, nil, "run", path, "--data", t.TempDir(), "--json")
	if alone.Code != Done {
		t.Fatalf("run: %+v", alone)
	}
	want := readSummary(t, []byte(alone.Out))

	server, err := embedded.Start(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	data := filepath.Join(t.TempDir(), "data")
	conf := write(t, t.TempDir(), "netstream.yaml", fmt.Appendf(nil, `
bus: {url: %q}
analyzer: {land_interval: 20ms, api: {listen: "127.0.0.1:0"}}
telemetry: {listen: "127.0.0.1:0", log_level: error}
`, server.URL()))
	for _, args := range [][]string{
		{"analyzer"}, {"exporter"}, {"ager", "--shards", "0"}, {"ager", "--shards", "1"}, {"flowcache", "--shards", "0"}, {"flowcache", "--shards", "1"},
	} {
		p := process(t, append(args, "-c", conf, "--data", data)...)
		var stderr bytes.Buffer
		p.Stderr = &stderr
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		defer interrupt(t, p, &stderr)
	}
	for range 2 { // the second time there is nothing to do
		if out, err := process(t, "sampler", "-c", conf, path).CombinedOutput(); err != nil {
			t.Fatalf("sampler: %v\n%s", err, out)
		}
	}
	eventually(t, func() bool {
		r, err := datadir.Running(data)
		return err == nil && r != nil
	})
	flows := fmt.Sprintf("n\n%d\n", want.Flows)
	eventually(t, func() bool {
		return execute(t, nil, "query", "SELECT count(*) AS n FROM flows", "--format", "csv", "--data", data).Out == flows
	})
	if got := execute(t, nil, "audit", "--data", data); got.Code != Done || !strings.Contains(got.Out, "close over every hop, sources: 1\n") {
		t.Errorf("audit: %+v", got)
	}
	digest := execute(t, nil, "query", `SELECT printf('%016x%016x', (sum(digest_hi::HUGEINT) + sum(digest_lo::HUGEINT) // 18446744073709551616) % 18446744073709551616,
		sum(digest_lo::HUGEINT) % 18446744073709551616) AS d FROM ledger WHERE hop = 'ager' AND name = 'out'`, "--format", "csv", "--data", data)
	if digest.Out != "d\n"+want.Digest+"\n" {
		t.Errorf("digest %+v, want %s", digest, want.Digest)
	}
}

// TestStageWithoutItsServer says so and fails.
func TestStageWithoutItsServer(t *testing.T) {
	got := execute(t, []string{"NETSTREAM_BUS_URL=nats://127.0.0.1:1"}, "flowcache")
	if got.Code != Failed || !strings.Contains(got.Err, "connect to NATS at nats://127.0.0.1:1") {
		t.Errorf("%+v", got)
	}
}
