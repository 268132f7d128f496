package cli

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"netstream/deploy/netstream/internal/traffic"
)

// capture writes n packets of generated traffic as a pcap file.
func capture(t *testing.T, n int) string {
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

// summary is what `run --json` prints, as far as a test needs it.
type summary struct {
	Packets uint64
	Flows   uint64
	Digest  string
	Closed  bool
	Reasons map[string]uint64
	Talkers []struct{ Bytes uint64 }
}

func readSummary(t *testing.T, out []byte) (s summary) {
	t.Helper()
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return s
}

// TestInterruptedRunGoesOn stops a run by SIGINT at random moments and gives the same command again each time: the flows
// are those of an undisturbed run.
func TestInterruptedRunGoesOn(t *testing.T) {
	path := capture(t, 30_000)
	conf := filepath.Join(t.TempDir(), "small.yaml") // many small messages, so that there is much to interrupt
	if err := os.WriteFile(conf, []byte("sampler: {message_rows: 50}\nflowcache: {hand_over: 20ms}\nanalyzer: {land_interval: 20ms, api: {listen: \"\"}}\ntelemetry: {listen: \"\", log_level: error}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(data string) []string { return []string{"run", path, "-c", conf, "--data", data, "--json"} }
	undisturbed := process(t, run(t.TempDir())...)
	undisturbed.Stderr = t.Output()
	out, err := undisturbed.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := readSummary(t, out)

	data, rng, interrupted := t.TempDir(), rand.New(rand.NewPCG(1, 2)), 0
	for life := 0; ; life++ {
		if life > 100 {
			t.Fatal("no end after 100 lives")
		}
		p := process(t, run(data)...)
		var stdout, stderr bytes.Buffer
		p.Stdout, p.Stderr = &stdout, &stderr
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		stop := time.AfterFunc(time.Duration(100+rng.IntN(60*(life+1)))*time.Millisecond, func() { p.Process.Signal(syscall.SIGINT) })
		err := p.Wait()
		stop.Stop()
		switch {
		case stdout.Len() > 0: // a signal may still kill it between the summary and its end
			got := readSummary(t, stdout.Bytes())
			if interrupted == 0 {
				t.Error("it was never interrupted")
			}
			if got.Digest != want.Digest || got.Flows != want.Flows || got.Packets != want.Packets || !got.Closed {
				t.Errorf("after %d interruptions %+v, want %+v", interrupted, got, want)
			}
			return
		case code(t, err) == Failed && strings.Contains(stderr.String(), "the same command goes on from here"):
			interrupted++
		case code(t, err) == -1: // before it was listening to signals
		default:
			t.Fatalf("life %d: %v\n%s", life, err, stderr.String())
		}
	}
}
