package run_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/deploy/netstream/internal/line"
	"netstream/deploy/netstream/internal/run"
)

// treeVariable names the environment variable with a second tree of captures to walk, laid out like the first.
const treeVariable = "NETSTREAM_TESTDATA"

// tree is the captures that the sampler is tested with. What the expected values mean is written in their README.
const tree = "../../../../services/sampler/testdata/captures"

// expected is what two other decoders found in a capture.
type expected struct {
	Packets        uint64 `json:"packets"`
	WireBytes      uint64 `json:"wire_bytes"`
	PacketsWithKey uint64 `json:"packets_with_flow_key"`
	IPv4Flows      int    `json:"ipv4_flows_7tuple"`
	IPv6Flows      int    `json:"ipv6_flows_8tuple"`
	IPv4SHA        string `json:"ipv4_flows_sha256"`
	IPv6SHA        string `json:"ipv6_flows_sha256"`
	TopIPv4        []flow `json:"top_ipv4_flows"`
	TopIPv6        []flow `json:"top_ipv6_flows"`
}

// flow is one of the flows with most packets.
type flow struct {
	Dst          string `json:"dst"`
	Src          string `json:"src"`
	DstPort      uint16 `json:"dst_port"`
	SrcPort      uint16 `json:"src_port"`
	Protocol     uint8  `json:"protocol"`
	TOS          uint8  `json:"tos"`
	TrafficClass uint8  `json:"traffic_class"`
	FlowLabel    uint32 `json:"flow_label"`
	Interface    uint32 `json:"in_interface"`
	Packets      uint64 `json:"packets"`
	Bytes        uint64 `json:"ip_bytes"`
}

// captures lists paths and expected values of both trees.
func captures(t *testing.T) map[string]expected {
	t.Helper()
	roots := []string{tree}
	if more := os.Getenv(treeVariable); more != "" {
		roots = append(roots, more)
	}
	all, known := map[string]expected{}, map[string]bool{}
	for _, root := range roots {
		files, err := filepath.Glob(filepath.Join(root, "expected", "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no captures in %s (%v)", root, err)
		}
		for _, file := range files {
			name := strings.Replace(strings.TrimSuffix(filepath.Base(file), ".json"), "__", "/", 1)
			if known[name] {
				continue
			}
			known[name] = true
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var e expected
			if err := json.Unmarshal(b, &e); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			all[filepath.Join(root, filepath.FromSlash(name))] = e
		}
	}
	return all
}

// TestCaptures takes every capture through one line, each as a source of its own, and asks the database for packets,
// bytes and keys.
func TestCaptures(t *testing.T) {
	all, data := captures(t), t.TempDir()
	sources := map[string]string{} // by path
	with(t, config(), data, func(ctx context.Context, l *line.Line) {
		for _, path := range slices.Sorted(maps.Keys(all)) {
			want := all[path]
			r, err := run.New([]string{path}, false).Run(ctx, l)
			if err != nil {
				// The tests of the capture reader say which ones are refused.
				if want.PacketsWithKey > 0 && !strings.Contains(err.Error(), "unsupported") {
					t.Errorf("refused with %d packets that have keys: %v", want.PacketsWithKey, err)
				}
				continue
			}
			if !r.Closed {
				t.Errorf("%s: %v", path, r.Failures)
			}
			if r.Packets != want.Packets || r.Bytes != want.WireBytes {
				t.Errorf("%s: %d packets of %d bytes on the wire, want %d of %d", path, r.Packets, r.Bytes, want.Packets, want.WireBytes)
			}
			sources[path] = r.Sources[0].Source
		}
	})
	if len(sources) < len(all)*8/10 {
		t.Errorf("%d of %d captures were refused", len(all)-len(sources), len(all))
	}
	landed := landedFlows(t, data)
	for path, source := range sources {
		t.Run(filepath.Base(path), func(t *testing.T) { check(t, all[path], landed[source]) })
	}
}

// keys are the flows of one source by kind and key, and what they count.
type keys map[string]map[string]counts

type counts struct{ packets, bytes uint64 }

// landedFlows asks for the flows of all sources, each key once.
func landedFlows(t *testing.T, data string) map[string]keys {
	t.Helper()
	rows, err := database(t, data).Query(`
		SELECT source, kind, dst_addr, src_addr, dst_port, src_port, protocol, tos, coalesce(flow_label, 0), coalesce(in_if, out_if) AS at_if,
			sum(packets)::UBIGINT, sum(bytes)::UBIGINT
		FROM flows GROUP BY ALL`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]keys{}
	for rows.Next() {
		var source, kind string
		var f flow
		if err := rows.Scan(&source, &kind, &f.Dst, &f.Src, &f.DstPort, &f.SrcPort, &f.Protocol, &f.TOS, &f.FlowLabel, &f.Interface, &f.Packets, &f.Bytes); err != nil {
			t.Fatal(err)
		}
		if all[source] == nil {
			all[source] = keys{"ipv4": {}, "ipv6": {}}
		}
		f.TrafficClass = f.TOS
		all[source][kind][f.key(kind)] = counts{f.Packets, f.Bytes}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// key is the key as expected files hash it: a JSON array with ", " between the elements.
func (f *flow) key(kind string) string {
	if kind == "ipv4" {
		return fmt.Sprintf(`["%s", "%s", %d, %d, %d, %d, %d]`, f.Dst, f.Src, f.DstPort, f.SrcPort, f.Protocol, f.TOS, f.Interface)
	}
	return fmt.Sprintf(`["%s", "%s", %d, %d, %d, %d, %d, %d]`,
		text6(f.Dst), text6(f.Src), f.DstPort, f.SrcPort, f.Protocol, f.TrafficClass, f.FlowLabel, f.Interface)
}

// text6 is an IPv6 address as the expected files have it: hexadecimal also where it holds an IPv4 one.
func text6(text string) string {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return text
	}
	if b := a.As16(); a.Is4() || a.Is4In6() {
		return fmt.Sprintf("::ffff:%x:%x", uint16(b[12])<<8|uint16(b[13]), uint16(b[14])<<8|uint16(b[15]))
	}
	return a.String()
}

// sum is the digest over the sorted keys of a kind.
func (k keys) sum(kind string) string {
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(k[kind])) {
		io.WriteString(h, key+"\n")
	}
	return hex.EncodeToString(h.Sum(nil))
}

func check(t *testing.T, want expected, got keys) {
	type totals struct {
		Packets            uint64
		IPv4, IPv6         int
		IPv4Keys, IPv6Keys string
	}
	packets := uint64(0)
	for _, kind := range got {
		for _, c := range kind {
			packets += c.packets
		}
	}
	if diff := cmp.Diff(
		totals{want.PacketsWithKey, want.IPv4Flows, want.IPv6Flows, want.IPv4SHA, want.IPv6SHA},
		totals{packets, len(got["ipv4"]), len(got["ipv6"]), got.sum("ipv4"), got.sum("ipv6")},
	); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for kind, flows := range map[string][]flow{"ipv4": want.TopIPv4, "ipv6": want.TopIPv6} {
		for _, f := range flows {
			if got := got[kind][f.key(kind)]; got != (counts{f.Packets, f.Bytes}) {
				t.Errorf("flow %s has packets, bytes %v, want {%d %d}", f.key(kind), got, f.Packets, f.Bytes)
			}
		}
	}
}
