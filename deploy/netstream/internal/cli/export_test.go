package cli

import (
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/wire/nsv5"
)

// TestExport sends the flows of a run to two collectors, in version 5 and 9, and counts what version 5 carries: every
// IPv4 flow, with its packets and bytes.
func TestExport(t *testing.T) {
	v5, v9 := listen(t), listen(t)
	data := filepath.Join(t.TempDir(), "data")
	run := execute(t, nil, "run", capture(t, 5000), "--data", data,
		"--export", v5.LocalAddr().String(), "--format", "v5", "--export", v9.LocalAddr().String(), "--format", "v9")
	if run.Code != Done {
		t.Fatalf("run: %+v", run)
	}
	type totals struct {
		Flows, Packets, Bytes uint64
		Sequence              uint32 // of the next flow
	}
	var got totals
	for _, d := range received(t, v5) {
		h, records, surplus, err := nsv5.Append(nil, d)
		if err != nil || surplus != 0 {
			t.Fatalf("a datagram of %d bytes: %v, %d left over", len(d), err, surplus)
		}
		if h.FlowSequence != got.Sequence {
			t.Errorf("sequence %d, want %d", h.FlowSequence, got.Sequence)
		}
		got.Sequence += uint32(len(records))
		got.Flows += uint64(len(records))
		for _, r := range records {
			got.Packets += uint64(r.Packets)
			got.Bytes += uint64(r.Octets)
		}
	}
	answer := execute(t, nil, "query", "SELECT count(*) AS flows, sum(packets) AS packets, sum(bytes) AS bytes FROM flows WHERE kind = 'ipv4'", "--format", "csv", "--data", data)
	var want totals
	if _, err := fmt.Sscanf(answer.Out, "flows,packets,bytes\n%d,%d,%d\n", &want.Flows, &want.Packets, &want.Bytes); err != nil {
		t.Fatalf("%v in %+v", err, answer)
	}
	want.Sequence = uint32(want.Flows)
	if diff := cmp.Diff(want, got); diff != "" || want.Flows == 0 {
		t.Errorf("(-database +version 5):\n%s", diff)
	}
	for _, d := range received(t, v9) {
		if d[0] != 0 || d[1] != 9 {
			t.Fatalf("version %d on the other socket, want 9", d[1])
		}
	}
}

// listen opens a collector's socket on any port.
func listen(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	return conn
}

// received is what has come in.
func received(t *testing.T, conn *net.UDPConn) (datagrams [][]byte) {
	t.Helper()
	buf := make([]byte, 65536)
	for {
		if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if err != nil {
			break // nothing more: the run is over
		}
		datagrams = append(datagrams, append([]byte(nil), buf[:n]...))
	}
	if len(datagrams) == 0 {
		t.Fatal("nothing was received")
	}
	return datagrams
}
