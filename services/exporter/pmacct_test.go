package exporter_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"netstream/pipeline/interfaces"
	"netstream/services/exporter"
)

// traffic is packets and bytes by the name of the protocol.
type traffic map[string][2]uint64

// TestPmacct sends to nfacctd of the pmacct package and compares the traffic of each protocol, scaled by the rate that is
// announced. It gets the options that say something else, too.
func TestPmacct(t *testing.T) {
	for _, format := range formats {
		for _, rate := range []uint64{1, 50} {
			t.Run(fmt.Sprint(format, " 1 of ", rate), func(t *testing.T) {
				l, n := open(t), startNfacctd(t)
				want := traffic{}
				for i := range 10 {
					flows := newFlows(uint64(15 + i)).mixed(300)
					l.publish(t, i%2, flows)
					for _, f := range flows {
						var protocol uint8
						var packets, octets uint64
						switch {
						case f.v4 != nil:
							protocol, packets, octets = f.v4.Key.Protocol, f.v4.Packets, f.v4.Bytes
						case f.v6 != nil && format != exporter.V5:
							protocol, packets, octets = f.v6.Key.Protocol, f.v6.Packets, f.v6.Bytes
						default:
							continue
						}
						name := map[uint8]string{6: "tcp", 17: "udp"}[protocol]
						sum := want[name]
						want[name] = [2]uint64{sum[0] + rate*packets, sum[1] + rate*octets}
					}
				}
				d := exporter.DefaultDestination()
				d.Address, d.Format, d.Rate = n.address, format, 2000
				d.Statistics, d.FlowKeys = format != exporter.V5, format == exporter.IPFIX
				cfg := exporter.Config{Name: "e", Destinations: []exporter.Destination{d}, VRFs: []exporter.VRF{{ID: 7, Name: "red"}},
					Interfaces: interfaces.Config{{Index: 3, Name: "GE1/0/1", Description: "to core"}}}
				if rate > 1 {
					cfg.Sampling = uint32(rate)
				}
				l.export(t, cfg)
				var got traffic
				for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
					if got = n.read(t); gocmp.Equal(want, got) {
						return
					}
				}
				t.Errorf("traffic (-want +got):\n%s", gocmp.Diff(want, got))
			})
		}
	}
}

// nfacctd is a running collector of the pmacct package.
type nfacctd struct{ address, table string }

// startNfacctd starts nfacctd on loopback. The test is skipped when it isn't there.
func startNfacctd(t *testing.T) *nfacctd {
	t.Helper()
	if _, err := exec.LookPath("nfacctd"); err != nil {
		t.Skip("nfacctd is not installed: nothing to compare with")
	}
	port, dir := freeUDPPort(t), t.TempDir()
	n := &nfacctd{address: fmt.Sprint("127.0.0.1:", port), table: filepath.Join(dir, "traffic.csv")}
	settings := filepath.Join(dir, "nfacctd.conf")
	text := fmt.Sprintf(`
nfacctd_ip: 127.0.0.1
nfacctd_port: %d
nfacctd_renormalize: true
nfacctd_pipe_size: 4000000
plugins: print[all]
aggregate[all]: proto
print_output[all]: csv
print_output_file[all]: %s
print_output_file_append[all]: true
print_refresh_time[all]: 1
`, port, n.table)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("nfacctd", "-f", settings)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // it ends its plugins when it is asked to end
		_ = cmd.Process.Signal(os.Interrupt)
		ended := make(chan struct{})
		go func() { defer close(ended); _ = cmd.Wait() }()
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	waitFor(t, func() bool { // it listens before its plugin works, which says so each second
		said, err := os.ReadFile(log.Name())
		return err == nil && bytes.Contains(said, []byte("Purging cache - END"))
	})
	return n
}

// read sums what it has written so far: a line each for a protocol and a second, PROTOCOL,PACKETS,BYTES.
func (n *nfacctd) read(t *testing.T) traffic {
	t.Helper()
	f, err := os.Open(n.table)
	if err != nil {
		return nil // not yet
	}
	defer f.Close()
	sums := traffic{}
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	lines, err := r.ReadAll()
	if err != nil {
		return nil // a line half written
	}
	for _, line := range lines {
		if len(line) != 3 {
			return nil
		}
		packets, err := strconv.ParseUint(line[1], 10, 64)
		octets, err2 := strconv.ParseUint(line[2], 10, 64)
		if err != nil || err2 != nil {
			continue // the titles
		}
		sum := sums[line[0]]
		sums[line[0]] = [2]uint64{sum[0] + packets, sum[1] + octets}
	}
	return sums
}
