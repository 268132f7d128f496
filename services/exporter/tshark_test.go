package exporter_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"netstream/services/exporter"
)

// TestTshark lets tshark dissect every datagram: none is malformed, none draws a complaint, and the counters of the
// records add up to those of the flows.
func TestTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed: nothing to compare with")
	}
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			rnd := newFlows(12)
			flows := append(rnd.ipv4(1), rnd.mixed(2999)...)
			flows[0].v4.First = flows[0].v4.Last - 3*24*60*60*int64(1e9)
			datagrams, _, totals := send(t, exporter.Config{Sampling: 100}, exporter.Destination{Format: format}, flows)
			var octets, packets uint64
			for i, f := range dissect(t, datagrams, "cflow.version", "cflow.octets", "cflow.packets") {
				if want := versions[format]; f[0] != want {
					t.Fatalf("datagram %d is version %q, want %s", i, f[0], want)
				}
				octets, packets = octets+sum(t, f[1]), packets+sum(t, f[2])
			}
			if octets != totals.Sent.Bytes || packets != totals.Sent.Packets {
				t.Errorf("tshark counts %d packets, %d bytes; sent %+v", packets, octets, totals.Sent)
			}
		})
	}
}

// TestTsharkReadsEveryKind sends flows of kinds that have templates of their own.
func TestTsharkReadsEveryKind(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed: nothing to compare with")
	}
	l, c, rnd := open(t), listen(t), newFlows(13)
	const all = "l2=layer2 labels=mpls:interface,mpls_label_1,mpls_label_2,mpls_label_3 web=flexible:dst_port,vlan;src_mac,ttl,extremes v=vpn"
	names := []string{"l2", "labels", "web", "v"}
	for range 3 {
		var flows []testFlow
		for i := range names {
			flows = append(flows, of(uint8(i), rnd.layer2(200))...)
		}
		l.publishOf(t, 0, all, flows)
	}
	s := l.export(t, exporter.Config{Name: "e", Destinations: []exporter.Destination{c.destination(exporter.Destination{Format: exporter.V9, Monitors: names})}})
	var octets, packets uint64
	datagrams := c.receive(t, s)
	for _, f := range dissect(t, datagrams, "cflow.octets", "cflow.packets") {
		octets, packets = octets+sum(t, f[0]), packets+sum(t, f[1])
	}
	if totals := s.Totals()[0]; octets != totals.Sent.Bytes || packets != totals.Sent.Packets || totals.Sent.Flows != 2400 {
		t.Errorf("tshark counts %d packets, %d bytes; sent %+v", packets, octets, totals.Sent)
	}
}

// TestTsharkReadsConnections captures the loopback interface while an exporter sends by a connection, which is cut once: tshark finds the
// templates of each session, and all records.
func TestTsharkReadsConnections(t *testing.T) {
	for _, program := range []string{"tshark", "dumpcap"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not installed: nothing to compare with")
		}
	}
	l, c := open(t), listenTCP(t, "127.0.0.1:0", nil)
	_, port, _ := net.SplitHostPort(c.Addr().String())
	capture := filepath.Join(t.TempDir(), "lo.pcapng")
	stop := captureLoopback(t, "tcp port "+port, capture)

	rnd := newFlows(14)
	d := c.destination(exporter.Destination{})
	s := l.start(t, exporter.Config{Name: "e", Sampling: 100, Destinations: []exporter.Destination{d}})
	for i := range 2 {
		for range 3 {
			l.publish(t, 0, rnd.mixed(500))
		}
		if err := s.Wait(t.Context(), l.last); err != nil {
			t.Fatal(err)
		}
		c.await(t, int(s.Totals()[0].Datagrams))
		if i == 0 {
			c.cut(0)
			waitFor(t, func() bool { return len(c.session()) == 2 }) // else all may be sent before the end is noticed
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	all := c.received()
	last := all[len(all)-1]
	waitFor(t, func() bool { // what was captured is written some time later
		b, err := os.ReadFile(capture)
		return err == nil && bytes.Contains(b, last[len(last)-100:])
	})
	stop()

	out, err := exec.CommandContext(t.Context(), "tshark", "-n", "-r", capture, "-d", "tcp.port=="+port+",cflow", "-Y", "cflow",
		"-T", "fields", "-E", "aggregator=|", "-e", "_ws.malformed", "-e", "_ws.expert.message", "-e", "cflow.template_id", "-e", "cflow.octets").Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	templates, octets := 0, uint64(0)
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if f[0] != "" || strings.Contains(f[1], "alformed") || strings.Contains(f[1], "emplate") || strings.Contains(f[1], "sequence") {
			t.Errorf("tshark says: %s %s", f[0], f[1])
		}
		if f[2] != "" {
			templates++
		}
		octets += sum(t, f[3])
	}
	t.Logf("tshark found %d messages with templates, %d bytes of flows", templates, octets)
	if totals := s.Totals()[0]; octets != totals.Sent.Bytes || templates != 2 {
		t.Errorf("tshark counts %d bytes and %d messages with templates; sent %d, want one for each of 2 sessions", octets, templates, totals.Sent.Bytes)
	}
}

// captureLoopback captures until stop is called.
func captureLoopback(t *testing.T, filter, to string) (stop func()) {
	t.Helper()
	cmd := exec.Command("dumpcap", "-i", "lo", "-f", filter, "-w", to)
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, begun := bufio.NewScanner(said), false
	for !begun && lines.Scan() {
		begun = strings.HasPrefix(lines.Text(), "File:")
	}
	if !begun {
		_ = cmd.Wait()
		t.Skipf("the loopback interface can't be captured here: %s", lines.Text())
	}
	go func() {
		for lines.Scan() { // so that it isn't held up
		}
	}()
	return func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}
}

func sum(t *testing.T, values string) (total uint64) {
	t.Helper()
	for v := range strings.SplitSeq(values, "|") {
		if v == "" {
			continue
		}
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	return total
}

// dissect returns the values of the fields for each datagram, several of one field with | between them.
func dissect(t *testing.T, datagrams [][]byte, fields ...string) (out [][]string) {
	t.Helper()
	capture := filepath.Join(t.TempDir(), "datagrams.pcap")
	if err := os.WriteFile(capture, pcap(datagrams), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-n", "-r", capture, "-d", "udp.port==2055,cflow", "-T", "fields", "-E", "aggregator=|", "-e", "_ws.malformed", "-e", "_ws.expert.message"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	lines, err := exec.CommandContext(t.Context(), "tshark", args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	for line := range strings.Lines(string(lines)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if f[0] != "" || f[1] != "" {
			t.Errorf("tshark says of datagram %d: %s %s", len(out), f[0], f[1])
		}
		out = append(out, f[2:])
	}
	if len(out) != len(datagrams) {
		t.Fatalf("tshark shows %d packets, want %d", len(out), len(datagrams))
	}
	return out
}

// pcap is a capture of raw IPv4 packets that carry the datagrams over UDP to port 2055.
func pcap(datagrams [][]byte) []byte {
	const linkRaw = 101
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = binary.LittleEndian.AppendUint32(b, 2|4<<16) // version 2.4
	for _, v := range []uint32{0, 0, 65535, linkRaw} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	for i, d := range datagrams {
		n := uint32(28 + len(d))
		for _, v := range []uint32{1_700_000_000 + uint32(i), 0, n, n} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		b = append(b, 0x45, 0, byte(n>>8), byte(n), 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2) // no checksum
		b = binary.BigEndian.AppendUint16(b, 40000)
		b = binary.BigEndian.AppendUint16(b, 2055)
		b = binary.BigEndian.AppendUint16(b, uint16(8+len(d)))
		b = append(append(b, 0, 0), d...)
	}
	return b
}

// versions are those in the headers.
var versions = map[exporter.Format]string{exporter.V5: "5", exporter.V9: "9", exporter.IPFIX: "10"}
