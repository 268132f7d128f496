package exporter_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"netstream/services/exporter"
)

// TestNfdump sends to nfcapd of the nfdump package and compares each flow that nfdump then shows.
func TestNfdump(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			l := open(t)
			rnd := newFlows(11)
			var flows []testFlow
			for i := range 20 {
				m := append(rnd.ipv4(1), rnd.mixed(499)...)
				if i == 19 { // the uptime has wrapped, and a flow is from before the boot
					rnd.now += 55 * 24 * 60 * 60 * int64(1e9)
					m = append(rnd.ipv4(1), rnd.mixed(99)...)
					m[0].v4.First = m[0].v4.Last - 20*24*60*60*int64(1e9)
				}
				if i == 0 {
					m[0].v4.First = m[0].v4.Last - 3*24*60*60*int64(1e9)
				}
				l.publish(t, i%2, m)
				flows = append(flows, m...)
			}
			n := startNfcapd(t)
			d := exporter.DefaultDestination()
			d.Address, d.Format, d.Rate = n.address, format, 2000
			s := l.export(t, exporter.Config{Name: "e", Destinations: []exporter.Destination{d}})
			got, log := n.records(t)
			want := records(flows, format)
			for i := range want { // nfdump shows no flow label
				kind, _, _ := strings.Cut(want[i].Kind, " label")
				want[i].Kind = kind
			}
			if diff := difference(want, got); diff != "" {
				t.Errorf("flows (-want +got):\n%s", diff)
			}
			sent := s.Totals()[0].Sent
			if line := fmt.Sprintf("Flows: %d, Packets: %d, Bytes: %d, Sequence Errors: 0, Bad Packets: 0", sent.Records, sent.Packets, sent.Bytes); !strings.Contains(log, line) {
				t.Errorf("nfcapd says\n%s\nwant %s", log, line)
			}
		})
	}
}

// TestNfdumpScales announces a sampling rate: nfcapd then stores so many times the packets and bytes. Of the options of version 9 and
// IPFIX it (1.7.1) makes nothing.
func TestNfdumpScales(t *testing.T) {
	const rate = 50
	l, n := open(t), startNfcapd(t)
	flows := newFlows(14).ipv4(300)
	l.publish(t, 0, flows)
	d := exporter.DefaultDestination()
	d.Address, d.Format, d.Rate = n.address, exporter.V5, 2000
	l.export(t, exporter.Config{Name: "e", Sampling: rate, Destinations: []exporter.Destination{d}})
	got, _ := n.records(t)
	want := records(flows, exporter.V5)
	for i := range want {
		kind, _, _ := strings.Cut(want[i].Kind, " label")
		want[i].Kind = kind
		want[i].Packets, want[i].Bytes = rate*want[i].Packets, rate*want[i].Bytes
	}
	if diff := difference(want, got); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
}

// freeUDPPort is a port of loopback that nobody has now.
func freeUDPPort(t *testing.T) int {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).Port
}

// nfcapd is a running collector of the nfdump package.
type nfcapd struct {
	cmd     *exec.Cmd
	dir     string
	port    int
	address string
	log     *strings.Builder
}

// startNfcapd starts nfcapd on loopback. The test is skipped when it isn't there.
func startNfcapd(t *testing.T) *nfcapd {
	t.Helper()
	for _, program := range []string{"nfcapd", "nfdump"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: nothing to compare with", program)
		}
	}
	if _, err := os.Stat("/proc/net/udp"); err != nil {
		t.Skip("no /proc/net/udp to see when nfcapd has read all")
	}
	port := freeUDPPort(t)
	n := &nfcapd{dir: t.TempDir(), address: fmt.Sprint("127.0.0.1:", port), port: port, log: &strings.Builder{}}
	n.cmd = exec.Command("nfcapd", "-b", "127.0.0.1", "-p", strconv.Itoa(n.port), "-w", n.dir, "-t", "3600", "-B", "4000000")
	n.cmd.Stdout, n.cmd.Stderr = n.log, n.log
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.cmd.Process.Kill() })
	waitFor(t, func() bool { return n.socket(t) != nil })
	return n
}

// socket is the line of its socket in the table of the kernel, nil if there is none.
func (n *nfcapd) socket(t *testing.T) []string { return udpSocket(t, n.port) }

// udpSocket is the line of the kernel's table of the IPv4 socket of a port, nil if there is none.
func udpSocket(t *testing.T, port int) []string {
	t.Helper()
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 12 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
			return f
		}
	}
	return nil
}

// records stops nfcapd when it has read all, and returns its flows and its log.
func (n *nfcapd) records(t *testing.T) ([]record, string) {
	t.Helper()
	waitFor(t, func() bool { return strings.HasSuffix(n.socket(t)[4], ":00000000") }) // tx_queue:rx_queue
	if drops := n.socket(t)[12]; drops != "0" {
		t.Fatalf("nfcapd's socket dropped %s datagrams", drops)
	}
	if err := n.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Wait(); err != nil {
		t.Fatalf("nfcapd: %v\n%s", err, n.log)
	}
	cmd := exec.CommandContext(t.Context(), "nfdump", "-R", n.dir, "-q", "-N", "-o", "pipe")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("nfdump: %v", err)
	}
	var records []record
	for line := range strings.Lines(string(out)) {
		records = append(records, pipeRecord(t, strings.Split(strings.TrimSpace(line), "|")))
	}
	return records, n.log.String()
}

// pipeRecord reads a line of nfdump's pipe format: family, first and last (ms), protocol, source (four words) and port,
// destination and port, two AS numbers, two interfaces, flags, ToS, packets, bytes.
func pipeRecord(t *testing.T, f []string) record {
	t.Helper()
	if len(f) != 22 {
		t.Fatalf("nfdump shows %d fields, want 22: %q", len(f), f)
	}
	v := make([]uint64, len(f))
	for i := range v {
		var err error
		if v[i], err = strconv.ParseUint(f[i], 10, 64); err != nil {
			t.Fatalf("nfdump shows %q: %v", f, err)
		}
	}
	address := func(words []uint64) string {
		var b [16]byte
		for i, w := range words {
			binary.BigEndian.PutUint32(b[4*i:], uint32(w))
		}
		if v[0] == 2 { // AF_INET
			return address4(uint32(words[3]))
		}
		return netip.AddrFrom16(b).String()
	}
	kind, _, _ := strings.Cut(kind(uint8(v[3]), uint8(v[19]), uint8(v[18]), 0), " label")
	return record{
		Src: address(v[4:8]), Dst: address(v[9:13]), Ports: fmt.Sprint(v[8], " ", v[13]), Kind: kind,
		In: uint32(v[16]), Out: uint32(v[17]), Packets: v[20], Bytes: v[21], First: int64(v[1]), Last: int64(v[2]),
	}
}
