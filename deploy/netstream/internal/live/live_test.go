// Package live tests live capture through the whole line, in a network namespace of its own.
package live

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netstream/deploy/netstream/internal/line"
	"netstream/deploy/netstream/internal/run"
	"netstream/services/analyzer"
	"netstream/services/sampler"
)

// insideVariable says that the test runs in a network namespace made for it.
const insideVariable = "NETSTREAM_TEST_NETNS"

// loops is how often the capture is replayed.
const loops = 2000

// TestLiveFlowsAreThoseOfTheFile replays a real capture at 200,000 packets a second to a live source and runs it as a file: each
// flow has as many packets and bytes, times the loops, or what is missing is in the ledger as dropped.
func TestLiveFlowsAreThoseOfTheFile(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		again(t)
		return
	}
	for _, args := range []string{"link add a0 type veth peer name b0", "link set a0 mtu 9000 up", "link set b0 mtu 9000 up", "link set lo up"} {
		command(t, "ip", strings.Fields(args)...)
	}
	for _, name := range []string{"a0", "b0"} {
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0o644) // the kernel must send nothing
	}
	path := capturePath()
	want, packets := flowsOfFile(t, path)
	got, seen, lost := flowsOf(t, interfaceConfig(), func(ctx context.Context, l *line.Line) {
		capturing, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- l.Sampler.Capture(capturing) }()
		time.Sleep(500 * time.Millisecond) // the rings are open long before
		command(t, "tcpreplay", "-q", "-K", "-i", "a0", "--pps=200000", fmt.Sprintf("--loop=%d", loops), path)
		landed(ctx, t, l, packets*loops)
		stop()
		if err := <-done; err != nil && capturing.Err() == nil {
			t.Error(err)
		}
	})
	t.Logf("%d packets sent, %d in flows, %d dropped", packets*loops, seen, lost)
	if seen+lost != packets*loops {
		t.Errorf("%d packets in flows and %d dropped, want %d", seen, lost, packets*loops)
	}
	for k, v := range want {
		want[k] = v * loops
	}
	if lost == 0 {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("packets by flow (-file +live):\n%s", diff)
		}
	}
}

// capturePath is the capture that is replayed.
func capturePath() string {
	_, self, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(self), "..", "..", "..", "..", "services", "sampler", "testdata", "captures", "ipfixprobe", "tls.pcap")
}

// interfaceConfig captures on an interface.
func interfaceConfig() line.Config {
	cfg := line.DefaultConfig()
	cfg.Sampler.Live.Interfaces, cfg.Sampler.Live.Source = []string{"b0"}, "tap"
	cfg.Sampler.Live.Fanout, cfg.Sampler.Live.Ring = 2, 64<<20
	cfg.Sampler.Live.Overload = sampler.OverloadDrop // each packet is a packet of a flow, or dropped: none stands for others
	return cfg
}

// flowsOfFile runs a line on a capture.
func flowsOfFile(t *testing.T, path string) (flows map[string]uint64, packets uint64) {
	t.Helper()
	flows, packets, _ = flowsOf(t, line.DefaultConfig(), func(ctx context.Context, l *line.Line) {
		if _, err := run.New([]string{path}, false).Run(ctx, l); err != nil {
			t.Error(err)
		}
	})
	return flows, packets
}

// again runs the test in a new network namespace.
func again(t *testing.T) {
	for _, tool := range []string{"ip", "tcpreplay"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	ns := fmt.Sprintf("netstream-line-%d", os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
		t.Skipf("no network namespace can be made, which takes root: %v: %s", err, out)
	}
	defer exec.Command("ip", "netns", "delete", ns).Run()
	c := exec.Command("ip", "netns", "exec", ns, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=3m")
	c.Env = append(os.Environ(), insideVariable+"=1")
	out, err := c.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("in the namespace: %v", err)
	}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// flowsOf runs a line while work goes on and returns packets by flow, in all, and those dropped.
func flowsOf(t *testing.T, cfg line.Config, work func(context.Context, *line.Line)) (flows map[string]uint64, packets, dropped uint64) {
	t.Helper()
	cfg.Analyzer.LandInterval = 20 * time.Millisecond
	cfg.Telemetry.Listen, cfg.Analyzer.API.Listen = "127.0.0.1:0", ""
	cfg.Ager.Active, cfg.Ager.Inactive = 2*time.Second, time.Second
	l, err := line.Open(cfg, t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	flows = map[string]uint64{}
	if err := l.Run(ctx, func(ctx context.Context) error {
		work(ctx, l)
		for _, row := range ask(ctx, t, l, `SELECT concat_ws(' ', src_addr, dst_addr, src_port, dst_port, protocol, tos), sum(packets) FROM flows GROUP BY 1`) {
			flows[row[0]] = number(t, row[1])
			packets += flows[row[0]]
		}
		dropped = number(t, ask(ctx, t, l, `SELECT coalesce(sum(packets), 0) FROM ledger WHERE hop = 'sampler' AND name LIKE 'drop.%'`)[0][0])
		return nil
	}); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	return flows, packets, dropped
}

// landed waits until so many packets are in flows or dropped.
func landed(ctx context.Context, t *testing.T, l *line.Line, packets uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var flows, dropped uint64
	for ctx.Err() == nil {
		row := ask(context.WithoutCancel(ctx), t, l, `SELECT (SELECT coalesce(sum(packets), 0) FROM flows), (SELECT coalesce(sum(packets), 0) FROM ledger WHERE hop = 'sampler' AND name LIKE 'drop.%')`)[0]
		if flows, dropped = number(t, row[0]), number(t, row[1]); flows+dropped >= packets {
			return
		}
		time.Sleep(100 * time.Millisecond) // between two looks at a condition that ctx bounds
	}
	for _, row := range ask(context.WithoutCancel(ctx), t, l, `SELECT hop, name, shard, packets FROM ledger WHERE hop = 'sampler' ORDER BY ALL`) {
		t.Log(row)
	}
	t.Errorf("after a minute %d packets are in flows and %d dropped, want %d", flows, dropped, packets)
}

func ask(ctx context.Context, t *testing.T, l *line.Line, sql string) (rows [][]string) {
	t.Helper()
	db, err := l.Analyzer.Database(ctx)
	if err != nil {
		t.Fatal(err)
	}
	table := &analyzer.Table{}
	if err := db.Query(ctx, sql, table); err != nil {
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

func number(t *testing.T, text string) (n uint64) {
	t.Helper()
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return n
}
