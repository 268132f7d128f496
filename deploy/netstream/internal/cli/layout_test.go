package cli

import (
	"fmt"
	"strings"
	"testing"
)

// TestOtherShardCounts goes through what the error tells to do: other counts are refused in the same pipeline; another
// pipeline takes them, and lands into the same database beside what was there.
func TestOtherShardCounts(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	run := func(pipeline string, packetShards, flowShards int, path string) outcome {
		t.Helper()
		conf := write(t, dir, "netstream.yaml", fmt.Appendf(nil, `
bus: {pipeline: %s}
layout: {packet_shards: %d, flow_shards: %d}
analyzer: {api: {listen: "127.0.0.1:0"}}
telemetry: {listen: ""}
`, pipeline, packetShards, flowShards))
		return execute(t, nil, "run", path, "-c", conf, "--data", data, "--json")
	}
	a := run("live", 2, 8, capture(t, 3000))
	if a.Code != Done {
		t.Fatalf("%+v", a)
	}
	second := capture(t, 5000)
	for _, counts := range [][2]int{{3, 8}, {2, 3}} {
		refused := run("live", counts[0], counts[1], second)
		if refused.Code != Failed || !strings.Contains(refused.Err, "packet_shards 2 and flow_shards 8") || !strings.Contains(refused.Err, "another bus.pipeline") {
			t.Errorf("%d packet shards and %d flow shards: %+v", counts[0], counts[1], refused)
		}
	}
	b := run("fewer", 3, 3, second)
	if b.Code != Done {
		t.Fatalf("%+v", b)
	}
	c := run("more", 4, 16, capture(t, 4000))
	if c.Code != Done {
		t.Fatalf("%+v", c)
	}
	flows := readSummary(t, []byte(a.Out)).Flows + readSummary(t, []byte(b.Out)).Flows + readSummary(t, []byte(c.Out)).Flows
	if got := execute(t, nil, "query", "SELECT count(*) AS n FROM flows", "--format", "csv", "--data", data); got.Out != fmt.Sprintf("n\n%d\n", flows) {
		t.Errorf("flows %+v, want %d", got, flows)
	}
	if got := execute(t, nil, "audit", "--data", data); got.Code != Done || !strings.Contains(got.Out, "close over every hop, sources: 3\n") {
		t.Errorf("audit: %+v", got)
	}
}
