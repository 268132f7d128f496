package wiretest

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Tshark wraps each payload into a UDP packet to port 2055, lets tshark dissect it as NetFlow and returns, for each
// packet, the values of the fields asked for. The test is skipped when tshark is not installed, and fails when the
// dissector calls a packet malformed.
func Tshark(t *testing.T, payloads [][]byte, fields ...string) []map[string][]string {
	t.Helper()
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed: nothing to compare with")
	}
	capture := filepath.Join(t.TempDir(), "datagrams.pcap")
	if err := os.WriteFile(capture, pcap(payloads), 0o600); err != nil {
		t.Fatal(err)
	}
	fields = append([]string{"_ws.malformed", "_ws.expert.message"}, fields...)
	args := []string{"-n", "-r", capture, "-d", "udp.port==2055,cflow", "-T", "fields", "-E", "separator=/t", "-E", "aggregator=|"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	cmd := exec.CommandContext(t.Context(), tshark, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, stderr.String())
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(payloads) {
		t.Fatalf("tshark shows %d packets, want %d:\n%s", len(lines), len(payloads), out)
	}
	packets := make([]map[string][]string, len(lines))
	for i, line := range lines {
		packets[i] = make(map[string][]string)
		for j, v := range strings.Split(line, "\t") {
			if v != "" {
				packets[i][fields[j]] = strings.Split(v, "|")
			}
		}
		if m, e := packets[i]["_ws.malformed"], packets[i]["_ws.expert.message"]; m != nil || e != nil {
			t.Errorf("tshark complains about datagram %d: %v %v", i, m, e)
		}
	}
	return packets
}

// pcap is a capture of raw IPv4 packets from 192.0.2.1 to 192.0.2.100, one second apart.
func pcap(payloads [][]byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 4)
	for _, v := range []uint32{0, 0, 65535, linkRaw} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	for i, p := range payloads {
		n := uint32(28 + len(p))
		for _, v := range []uint32{1700000000 + uint32(i), 0, n, n} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		ip := len(b)
		b = append(b, 0x45, 0, byte(n>>8), byte(n), 0, byte(i), 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 100)
		var sum uint32
		for j := ip; j < len(b); j += 2 {
			sum += uint32(b[j])<<8 | uint32(b[j+1])
		}
		sum = sum>>16 + sum&0xffff
		sum += sum >> 16
		binary.BigEndian.PutUint16(b[ip+10:], ^uint16(sum))
		b = binary.BigEndian.AppendUint16(b, 40000)
		b = binary.BigEndian.AppendUint16(b, 2055)
		b = binary.BigEndian.AppendUint16(b, uint16(8+len(p)))
		b = append(b, 0, 0) // no UDP checksum
		b = append(b, p...)
	}
	return b
}
