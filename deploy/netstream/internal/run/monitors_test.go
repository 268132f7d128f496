package run_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"netstream/deploy/netstream/internal/line"
	"netstream/deploy/netstream/internal/run"
	"netstream/pipeline/monitors"
	"netstream/services/sampler"
)

// allMonitors is one of every kind, two flexible ones, and one of each type of cache.
var allMonitors = monitors.Config{
	{Name: "ipv4", Kind: "ipv4"}, {Name: "ipv6", Kind: "ipv6"}, {Name: "l2", Kind: "layer2"},
	{Name: "labels", Kind: "mpls", MPLS: "label-only"}, {Name: "labelled", Kind: "mpls", MPLS: "ip-only"}, {Name: "both", Kind: "mpls", MPLS: "label-and-ip"},
	{Name: "vpn", Kind: "vpn"}, {Name: "srv6", Kind: "srv6-inner"}, {Name: "inner", Kind: "tunnel-inner"},
	{Name: "tuple", Kind: "flexible", Match: []string{"src_addr", "dst_addr", "src_port", "dst_port", "protocol", "tos", "flow_label", "interface"}},
	{Name: "hosts", Kind: "flexible", Match: []string{"src_addr"}, Collect: []string{"vlan", "inner_vlan", "src_mac", "mpls_label_1", "mpls_label_10", "ttl", "extremes"}},
	{Name: "each", Kind: "ipv4", Cache: "immediate"}, {Name: "lasting", Kind: "ipv6", Cache: "permanent", Active: 7 * time.Second},
	{Name: "ticks", Kind: "flexible", Match: []string{"src_addr"}, Cache: "synchronized", Active: 5 * time.Second},
}

// more is what expected files say of the other kinds.
type more struct {
	L2Flows int `json:"l2_flows_5tuple"`
	TopL2   []struct {
		VLAN *int `json:"vlan"`
	} `json:"top_l2_flows"`
	MPLS struct {
		Stacks []struct {
			Labels  []uint32 `json:"labels"`
			Packets uint64   `json:"packets"`
		} `json:"label_stacks"`
	} `json:"mpls"`
}

// vrfOfAll binds the interfaces of all captures to a VRF.
func vrfOfAll() sampler.VRF {
	v := sampler.VRF{ID: 7, Name: "red"}
	for n := range 64 {
		v.Interfaces = append(v.Interfaces, strconv.Itoa(n))
	}
	return v
}

// takeAll runs all captures that a line takes and returns source and digest by path.
func takeAll(t *testing.T, cfg line.Config, data string) map[string]run.Source {
	t.Helper()
	sources := map[string]run.Source{}
	with(t, cfg, data, func(ctx context.Context, l *line.Line) {
		for _, path := range slices.Sorted(maps.Keys(captures(t))) {
			r, err := run.New([]string{path}, false).Run(ctx, l)
			if err != nil {
				continue // TestCaptures says which ones may be refused
			}
			if !r.Closed {
				t.Errorf("%s: %v", path, r.Failures)
			}
			sources[path] = r.Sources[0]
		}
	})
	return sources
}

// TestEveryMonitor takes every capture through monitors of all kinds at once: the books close for each, keys and packets are
// those of the expected files, and other shards and messages make no difference.
func TestEveryMonitor(t *testing.T) {
	cfg, data := config(), t.TempDir()
	cfg.Monitors = allMonitors
	cfg.Sampler.VRFs = append(cfg.Sampler.VRFs, vrfOfAll())
	sources := takeAll(t, cfg, data)
	other := cfg
	other.Layout.PacketShards, other.Layout.FlowShards, other.Sampler.MessageRows, other.FlowCache.Rows = 3, 5, 100, 50
	for path, s := range takeAll(t, other, t.TempDir()) {
		if s.Digest != sources[path].Digest {
			t.Errorf("%s: digest %s with other shards, want %s", path, s.Digest, sources[path].Digest)
		}
	}
	db := database(t, data)
	count := func(query string, args ...any) (n uint64) {
		t.Helper()
		if err := db.QueryRow(query, args...).Scan(&n); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		return n
	}
	stacks := 0
	for path, s := range sources {
		var want more
		text, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(path)), "expected", strings.Replace(filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path), "/", "__", 1)+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		// No tag and a priority tag, VLAN 0, are one key here and two in the expected files.
		got := count(`SELECT count(DISTINCT (dst_mac, src_mac, vlan, ethertype, in_if, out_if)) FROM flows WHERE source = ? AND monitor = 'l2'`, s.Source)
		if got != uint64(want.L2Flows) && !slices.ContainsFunc(want.TopL2, func(f struct {
			VLAN *int `json:"vlan"`
		}) bool {
			return f.VLAN != nil && *f.VLAN == 0
		}) {
			t.Errorf("%s: %d layer-2 keys, want %d", path, got, want.L2Flows)
		}
		byTop := map[[3]uint32]uint64{}
		for _, stack := range want.MPLS.Stacks {
			var top [3]uint32
			copy(top[:], stack.Labels)
			byTop[top] += stack.Packets
			stacks++
		}
		for top, packets := range byTop {
			if got := count(`SELECT coalesce(sum(packets), 0) FROM flows WHERE source = ? AND monitor = 'labels' AND mpls_label_1 = ? AND mpls_label_2 = ? AND mpls_label_3 = ?`,
				s.Source, top[0], top[1], top[2]); got < packets && len(want.MPLS.Stacks) < 20 {
				t.Errorf("%s: labels %v have %d packets, want %d", path, top, got, packets)
			}
		}
		plain := count(`SELECT coalesce(sum(packets), 0) FROM flows WHERE source = ? AND monitor IN ('ipv4', 'ipv6')`, s.Source)
		for _, monitor := range []string{"tuple", "hosts", "vpn", "ticks"} {
			if got := count(`SELECT coalesce(sum(packets), 0) FROM flows WHERE source = ? AND monitor = ?`, s.Source, monitor); got != plain {
				t.Errorf("%s: monitor %s has %d packets, want the %d of IPv4 and IPv6", path, monitor, got, plain)
			}
		}
	}
	if n := count(`SELECT count(*) FROM flows WHERE monitor = 'each' AND packets <> 1`); n > 0 {
		t.Errorf("%d flows of the immediate monitor have several packets", n)
	}
	if all, each := count(`SELECT sum(packets) FROM flows WHERE monitor = 'ipv4'`), count(`SELECT count(*) FROM flows WHERE monitor = 'each'`); all != each {
		t.Errorf("the immediate monitor has %d flows of %d packets", each, all)
	}
	inner, srv6 := count(`SELECT count(*) FROM flows WHERE monitor = 'inner'`), count(`SELECT count(*) FROM flows WHERE monitor = 'srv6'`)
	if stacks == 0 || inner < 80 || srv6 == 0 {
		t.Errorf("%d label stacks, %d flows inside tunnels, %d inside SRv6: the test tests little", stacks, inner, srv6)
	}
	if n := count(`SELECT count(*) FROM flows WHERE monitor = 'hosts' AND (min_length > max_length OR min_ttl > max_ttl OR src_port IS NOT NULL OR packets > 1 AND max_length IS NULL)`); n > 0 {
		t.Errorf("%d flows of hosts have impossible values", n)
	}
}
