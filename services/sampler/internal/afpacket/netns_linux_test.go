package afpacket

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zeebo/xxh3"

	"netstream/services/sampler/internal/capture"
	"netstream/services/sampler/internal/capturetest"
)

// insideVariable says that the test runs in a network namespace made for it.
const insideVariable = "NETSTREAM_TEST_NETNS"

// inNamespace runs the test again in a network namespace of its own, with two pairs of interfaces a0-b0 and a1-b1 that
// are up and that the kernel sends nothing on. It returns false where the test has been run there.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVariable) != "" {
		for n := range 2 {
			run(t, "ip", "link", "add", fmt.Sprintf("a%d", n), "type", "veth", "peer", "name", fmt.Sprintf("b%d", n))
			for _, side := range []string{"a", "b"} {
				name := fmt.Sprintf("%s%d", side, n)
				if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0o644); err != nil {
					t.Logf("%s: %v", name, err)
				}
				run(t, "ip", "link", "set", name, "mtu", "9000", "up")
			}
		}
		return true
	}
	for _, tool := range []string{"ip", "tcpreplay"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	ns := fmt.Sprintf("netstream-%d-%s", os.Getpid(), strings.ToLower(t.Name()))
	if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
		t.Skipf("no network namespace can be made, which takes root: %v: %s", err, out)
	}
	defer exec.Command("ip", "netns", "delete", ns).Run()
	c := exec.Command("ip", "netns", "exec", ns, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	c.Env = append(os.Environ(), insideVariable+"=1")
	out, err := c.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("in the namespace: %v", err)
	}
	return false
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func open(t *testing.T, cfg Config) *Capture {
	t.Helper()
	if cfg.Ring == 0 {
		cfg.Ring = 64 << 20
	}
	cfg.SnapLen, cfg.Patience = 9000, 10*time.Millisecond
	if cfg.Directions == ([2]bool{}) {
		cfg.Directions = [2]bool{true, true}
	}
	c, err := Open(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// tally is what was seen of packets.
type tally struct {
	packets, bytes int
	hash           uint64 // sum of the hashes of all frames
	by             map[uint32]int
	directions     [2]int
}

func (s *tally) add(p *capture.Packet) {
	s.packets++
	s.bytes += len(p.Data) // a packet that was cut when it was recorded is sent as short as that
	s.hash += xxh3.Hash(p.Data)
	s.by[p.Interface]++
	s.directions[p.Direction]++
}

// gather reads until `want` packets came or were lost, or none came for a second.
func gather(t *testing.T, c *Capture, want int) tally {
	t.Helper()
	s := tally{by: map[uint32]int{}}
	batch := make([]capture.Packet, 512)
	for last := time.Now(); time.Since(last) < time.Second && s.packets+int(c.Lost().Kernel) < want; {
		n, err := c.Read(batch)
		if err != nil {
			t.Fatal(err)
		}
		for i := range batch[:n] {
			s.add(&batch[i])
		}
		if n > 0 {
			last = time.Now()
		}
	}
	time.Sleep(2 * idle) // so that the last losses are counted
	return s
}

// recorded is what a capture file holds, several times over.
func recorded(t *testing.T, path string, times int) tally {
	t.Helper()
	r, err := capture.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := tally{by: map[uint32]int{}}
	batch := make([]capture.Packet, 512)
	for {
		n, err := r.Read(batch)
		for i := range batch[:n] {
			s.add(&batch[i])
		}
		if err == io.EOF {
			s.packets, s.bytes, s.hash = s.packets*times, s.bytes*times, s.hash*uint64(times)
			return s
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func file(name string) string { return filepath.Join(capturetest.Root(), filepath.FromSlash(name)) }

// replay sends a capture.
func replay(t *testing.T, on, path string, pps, loops int) {
	t.Helper()
	run(t, "tcpreplay", "-q", "-K", "-i", on, "--pps="+strconv.Itoa(pps), "--loop="+strconv.Itoa(loops), path)
}

// TestEveryPacketIsReadOrCounted replays a real capture at 200,000 packets a second into several rings.
func TestEveryPacketIsReadOrCounted(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	path, loops := file("ipfixprobe/tls.pcap"), 2000
	want := recorded(t, path, loops)
	c := open(t, Config{Interfaces: []string{"b0"}, Fanout: 3, Promiscuous: true})
	done := make(chan struct{})
	go func() { defer close(done); replay(t, "a0", path, 200_000, loops) }()
	got := gather(t, c, want.packets)
	<-done
	lost := int(c.Lost().Kernel)
	t.Logf("%d packets sent, %d read, %d dropped by the kernel, %+v", want.packets, got.packets, lost, c.Stats())
	if got.packets+lost != want.packets {
		t.Errorf("%d read and %d dropped, want %d", got.packets, lost, want.packets)
	}
	if lost == 0 && (got.bytes != want.bytes || got.hash != want.hash) {
		t.Errorf("%d bytes, want %d; the frames are others", got.bytes, want.bytes)
	}
	if got.directions[1] != 0 {
		t.Errorf("%d packets going out, want none", got.directions[1])
	}
}

// TestTagsDirectionsAndFilters captures both ends of two lines at once: what goes out of one comes in at the other.
func TestTagsDirectionsAndFilters(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	path := file("zeek/vlan-collisions.pcap")
	want := recorded(t, path, 1)
	both := open(t, Config{Interfaces: []string{"a0", "b0", "b1"}})
	tagged := open(t, Config{Interfaces: []string{"b0"}, Filter: "vlan"})
	inward := open(t, Config{Interfaces: []string{"a0", "b0"}, Directions: [2]bool{true, false}})
	replay(t, "a0", path, 1000, 1)
	got := gather(t, both, 2*want.packets)
	if got.packets != 2*want.packets || got.directions != [2]int{want.packets, want.packets} || len(got.by) != 2 {
		t.Errorf("both ends: %+v, want %d packets in each direction", got, want.packets)
	}
	if got.bytes != 2*want.bytes || got.hash != 2*want.hash {
		t.Errorf("the frames are others: %d bytes, want %d", got.bytes, 2*want.bytes)
	}
	if got := gather(t, inward, want.packets); got.packets != want.packets || got.hash != want.hash {
		t.Errorf("ingress alone: %+v", got)
	}
	// The kernel takes tags out before it filters, so the filter sees them only where the tag is still in the frame.
	if got := gather(t, tagged, want.packets); got.packets > want.packets {
		t.Errorf("with a filter: %+v", got)
	}
	only := open(t, Config{Interfaces: []string{"b1"}, Filter: "udp port 53"})
	replay(t, "a1", file("ipfixprobe/dns.pcap"), 1000, 1)
	replay(t, "a1", file("ipfixprobe/tls.pcap"), 1000, 1)
	if got, want := gather(t, only, 1<<30), recorded(t, file("ipfixprobe/dns.pcap"), 1); got.packets != want.packets {
		t.Errorf("udp port 53: %d packets, want the %d of the first capture", got.packets, want.packets)
	}
}

// TestInterfaceGoesAndComesBack deletes one of two interfaces and makes it anew.
func TestInterfaceGoesAndComesBack(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	path := file("ipfixprobe/dns.pcap")
	want := recorded(t, path, 1).packets
	c := open(t, Config{Interfaces: []string{"b0", "b1"}})
	replay(t, "a0", path, 1000, 1)
	if got := gather(t, c, want); got.packets != want {
		t.Fatalf("%d packets before, want %d", got.packets, want)
	}
	run(t, "ip", "link", "delete", "b0")
	replay(t, "a1", path, 1000, 1)
	if got := gather(t, c, want); got.packets != want {
		t.Errorf("%d packets of the interface that stayed, want %d", got.packets, want)
	}
	run(t, "ip", "link", "add", "a0", "type", "veth", "peer", "name", "b0")
	for _, name := range []string{"a0", "b0"} {
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0o644)
		run(t, "ip", "link", "set", name, "mtu", "9000", "up")
	}
	before := c.Stats()[0]
	for deadline := time.Now().Add(10 * time.Second); c.Interfaces()[0].Index == 0 || before.Lost == 0 || !back(c, path, t); {
		if time.Now().After(deadline) {
			t.Fatalf("it didn't come back: %+v", c.Stats())
		}
		before = c.Stats()[0]
	}
}

// back tells whether packets of the first interface come.
func back(c *Capture, path string, t *testing.T) bool {
	replay(t, "a0", path, 1000, 1)
	return gather(t, c, 1).packets > 0
}

func TestOpenRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"there is none of that name, there are": {Interfaces: []string{"nonesuch0"}},
		`at "prot", character 1: unknown`:       {Interfaces: []string{"lo"}, Filter: "prot 5"},
	} {
		if c, err := Open(cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: %v, want %q", cfg, err, name)
			if c != nil {
				c.Close()
			}
		}
	}
}
