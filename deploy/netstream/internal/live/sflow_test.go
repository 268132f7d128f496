package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netstream/deploy/netstream/internal/line"
	"netstream/services/sampler"
)

// TestSFlowFlowsAreThoseOfTheFile lets pmacct's agent sample a capture 1:1 and send it to the line: its flows are those of the
// capture.
func TestSFlowFlowsAreThoseOfTheFile(t *testing.T) {
	if _, err := exec.LookPath("pmacctd"); err != nil {
		t.Skip("pmacctd is not installed")
	}
	if os.Geteuid() != 0 {
		t.Skip("pmacctd runs as root only")
	}
	path := capturePath()
	cfg := line.DefaultConfig()
	cfg.Sampler.SFlow.Listen, cfg.Sampler.SFlow.Overload = freeAddress(t), sampler.OverloadWait
	agent := filepath.Join(t.TempDir(), "pmacctd.conf")
	if err := os.WriteFile(agent, fmt.Appendf(nil, `pcap_savefile: %s
pcap_sf_wait: true
plugins: sfprobe
sfprobe_agentip: 192.0.2.1
sfprobe_receiver: %s
sampling_rate: 1
plugin_buffer_size: 102400
plugin_pipe_size: 10240000
`, path, cfg.Sampler.SFlow.Listen), 0o600); err != nil {
		t.Fatal(err)
	}
	want, packets := flowsOfFile(t, path)
	got, seen, lost := flowsOf(t, cfg, func(ctx context.Context, l *line.Line) {
		listening, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- l.Sampler.SFlow(listening) }()
		bound(ctx, t, cfg.Sampler.SFlow.Listen)
		pmacctd := exec.CommandContext(ctx, "pmacctd", "-f", agent)
		if err := pmacctd.Start(); err != nil {
			t.Fatal(err)
		}
		landed(ctx, t, l, packets)
		_ = pmacctd.Process.Signal(os.Interrupt) // not before: at its end it stops its sender, whatever that has still to send
		_ = pmacctd.Wait()
		stop()
		if err := <-done; err != nil && listening.Err() == nil {
			t.Error(err)
		}
		if source := ask(ctx, t, l, `SELECT DISTINCT source FROM flows`)[0][0]; source != "sflow-192_0_2_1" {
			t.Errorf("source %s", source)
		}
	})
	t.Logf("%d packets sampled, %d in flows, %d dropped", packets, seen, lost)
	if seen+lost != packets {
		t.Errorf("%d packets in flows and %d dropped, want %d", seen, lost, packets)
	}
	if lost == 0 { // the kernel may lose datagrams of a burst
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("packets by flow (-file +sFlow):\n%s", diff)
		}
	}
}

// bound waits until a socket has the address: until then the kernel refuses what is sent there.
func bound(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	c, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for ctx.Err() == nil {
		_, werr := c.Write([]byte("no sFlow"))
		if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		_, rerr := c.Read(make([]byte, 1))
		if werr == nil && errors.Is(rerr, os.ErrDeadlineExceeded) {
			return
		}
	}
	t.Fatal("nothing listens on", address)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}
