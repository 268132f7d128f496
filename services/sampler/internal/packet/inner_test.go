package packet_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"netstream/services/sampler/internal/capturetest"
	"netstream/services/sampler/internal/packet"
)

// expectedInner is what an expected file says of inner headers and label stacks.
func expectedInner(t *testing.T, c capturetest.Capture) (keys int, stacks map[string]int) {
	t.Helper()
	root := filepath.Dir(filepath.Dir(c.Path))
	text, err := os.ReadFile(filepath.Join(root, "expected", strings.Replace(c.Name, "/", "__", 1)+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var e struct {
		Keys int `json:"innermost_ip_keys"`
	}
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	stacks = map[string]int{}
	for _, s := range c.MPLS.Stacks {
		stacks[fmt.Sprint(s.Labels)] = s.Packets
	}
	return e.Keys, stacks
}

// openedMore are the tunnels that the decoder of the expected values doesn't open; captures with them aren't compared. It
// knows IP in IP, GRE with IP, VXLAN and Ethernet in IPv6.
var openedMore = map[packet.Tunnel]bool{
	packet.ERSPAN: true, packet.Geneve: true, packet.Teredo: true, packet.L2TP: true, packet.GTP: true, packet.EtherIP: true,
	packet.MPLSInIP: true, packet.Pseudowire: true,
}

// TestInnerKeys counts the distinct innermost keys that differ from the first one, and the label stacks.
func TestInnerKeys(t *testing.T) {
	compared := 0
	capturetest.Walk(t, func(t *testing.T, c capturetest.Capture) {
		packets, _ := load(c.Path)
		want, wantStacks := expectedInner(t, c)
		keys, stacks, more := map[string]bool{}, map[string]int{}, map[string]int{}
		for _, p := range packets {
			var h packet.Header
			v := packet.Parse(p.LinkType, p.Data, &h)
			if h.Labels > 0 && v != packet.MPLSStack {
				stacks[fmt.Sprint(h.Label[:min(int(h.Labels), len(h.Label))])]++
			}
			var in packet.Tuple
			through, ok := h.Innermost(p.Data, &in)
			if !ok {
				continue
			}
			if openedMore[through] {
				more[through.String()]++
				continue
			}
			in.Bytes, in.TTL, in.TCPFlags, in.Fragment, in.Cut = 0, 0, 0, 0, false
			keys[fmt.Sprintf("%+v", in)] = true
		}
		for stack, n := range wantStacks {
			if deep := strings.Count(stack, " ") >= packet.MaxLabels; !deep && stacks[stack] != n {
				t.Errorf("label stack %s: %d packets, want %d", stack, stacks[stack], n)
			}
		}
		if len(more) > 0 {
			t.Logf("%d keys of %d; opened besides: %v", len(keys), want, more)
			return
		}
		if len(keys) != want {
			t.Errorf("%d innermost keys, want %d: %v", len(keys), want, slices.Sorted(maps.Keys(keys)))
		}
		compared += want
	})
	if compared < 20 {
		t.Errorf("%d keys compared: the test tests little", compared)
	}
}

// mutate alters a frame: bits flipped, cut, bytes copied within, a piece of another frame put in.
func mutate(next func(n int) int, frame, other []byte) []byte {
	b := slices.Clone(frame)
	for range 1 + next(3) {
		if len(b) < 16 {
			return b
		}
		switch next(5) {
		case 0:
			b[next(min(len(b), 80))] ^= 1 << next(8)
		case 1:
			b = b[:next(len(b))]
		case 2:
			from, to, n := next(len(b)), next(len(b)), next(24)
			copy(b[to:], b[from:min(from+n, len(b))])
		case 3:
			if len(other) > 0 {
				from, n := next(len(other)), next(40)
				copy(b[next(len(b)):], other[from:min(from+n, len(other))])
			}
		case 4:
			at := 12 + next(max(len(b)-14, 1))
			if at+2 <= len(b) {
				binary.BigEndian.PutUint16(b[at:], []uint16{0x800, 0x86dd, 0x8100, 0x8847, 0x8864, 0, 0xffff, 0x4500, 0x6000}[next(9)])
			}
		}
	}
	return b
}
