// Package capturetest gives tests the recorded captures in testdata/captures and what is known about each.
// What the values mean is written in testdata/captures/expected/README.md.
package capturetest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TreeVariable names the environment variable with a second tree of captures to walk, laid out like
// testdata/captures. Captures of both trees are tested once.
const TreeVariable = "NETSTREAM_TESTDATA"

// Expected is what two other decoders found in a capture.
type Expected struct {
	Container struct {
		Format  string `json:"format"`
		Stopped string `json:"stopped"` // why reading ended before the end of the file
	} `json:"container"`
	Interfaces []struct {
		LinkType uint16 `json:"linktype"`
		SnapLen  uint32 `json:"snaplen"`
		Packets  int    `json:"packets"`
	} `json:"interfaces"`
	Packets          int            `json:"packets"`
	WireBytes        int            `json:"wire_bytes"`
	CapturedBytes    int            `json:"captured_bytes"`
	TruncatedPackets int            `json:"truncated_packets"`
	LongestPacket    int            `json:"longest_packet"`
	FirstTS          *int64         `json:"first_ts_ns"` // nil when no packet has a time
	LastTS           *int64         `json:"last_ts_ns"`
	Chains           map[string]int `json:"chains"`
	IPProtocols      map[string]int `json:"ip_protocols"`
	PacketsWithKey   int            `json:"packets_with_flow_key"`
	Malformed        struct {
		Packets int            `json:"packets"`
		Reasons map[string]int `json:"reasons"`
		Numbers []int          `json:"numbers"` // the first 40
	} `json:"malformed"`
	Fragments map[string]int `json:"fragments"`
	TCPFlags  map[string]int `json:"tcp_flags"`
	IPv4Flows int            `json:"ipv4_flows_7tuple"`
	IPv6Flows int            `json:"ipv6_flows_8tuple"`
	L2Flows   int            `json:"l2_flows_5tuple"`
	IPv4SHA   string         `json:"ipv4_flows_sha256"`
	IPv6SHA   string         `json:"ipv6_flows_sha256"`
	L2SHA     string         `json:"l2_flows_sha256"`
	TopIPv4   []Flow         `json:"top_ipv4_flows"`
	TopIPv6   []Flow         `json:"top_ipv6_flows"`
	TopL2     []Flow         `json:"top_l2_flows"`
	MPLS      struct {
		Depth  map[string]int `json:"packets_by_depth"`
		Stacks []struct {
			Labels  []uint32 `json:"labels"`
			Packets int      `json:"packets"`
		} `json:"label_stacks"` // the 20 most frequent
	} `json:"mpls"`
}

// Flow is one of the flows with most packets. Fields that its kind doesn't have are zero.
type Flow struct {
	Dst          string  `json:"dst"`
	Src          string  `json:"src"`
	DstPort      uint16  `json:"dst_port"`
	SrcPort      uint16  `json:"src_port"`
	Protocol     uint8   `json:"protocol"`
	TOS          uint8   `json:"tos"`
	TrafficClass uint8   `json:"traffic_class"`
	FlowLabel    uint32  `json:"flow_label"`
	DstMAC       string  `json:"dst_mac"`
	SrcMAC       string  `json:"src_mac"`
	VLAN         *uint16 `json:"vlan"`
	EtherType    uint16  `json:"ether_type"`
	Interface    uint32  `json:"in_interface"`
	Packets      int     `json:"packets"`
	IPBytes      int     `json:"ip_bytes"`
	WireBytes    int     `json:"wire_bytes"`
}

// Capture is one file of the tree.
type Capture struct {
	Name string // <project>/<file>
	Path string
	Expected
}

// Root is the tree of captures in this repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "testdata", "captures")
}

// All lists every capture of both trees.
func All(tb testing.TB) []Capture {
	tb.Helper()
	captures := list(tb, Root())
	if len(captures) == 0 {
		tb.Fatalf("no captures in %s", Root())
	}
	if root := os.Getenv(TreeVariable); root != "" {
		known := map[string]bool{}
		for _, c := range captures {
			known[c.Name] = true
		}
		more := list(tb, root)
		if len(more) == 0 {
			tb.Fatalf("no captures in %s, named by %s", root, TreeVariable)
		}
		for _, c := range more {
			if !known[c.Name] {
				captures = append(captures, c)
			}
		}
	}
	return captures
}

// Walk runs a subtest for every capture of both trees.
func Walk(t *testing.T, test func(t *testing.T, c Capture)) {
	t.Helper()
	for _, c := range All(t) {
		t.Run(c.Name, func(t *testing.T) { test(t, c) })
	}
}

func list(tb testing.TB, root string) []Capture {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(root, "expected", "*.json"))
	if err != nil {
		tb.Fatal(err)
	}
	slices.Sort(files)
	var captures []Capture
	for _, file := range files {
		name := strings.Replace(strings.TrimSuffix(filepath.Base(file), ".json"), "__", "/", 1)
		c := Capture{Name: name, Path: filepath.Join(root, filepath.FromSlash(name))}
		b, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		if err := json.Unmarshal(b, &c.Expected); err != nil {
			tb.Fatalf("%s: %v", file, err)
		}
		captures = append(captures, c)
	}
	return captures
}
