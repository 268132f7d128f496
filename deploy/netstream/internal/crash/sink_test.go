package crash

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"netstream/schemas/wire/nsv9"
)

// sink is a collector that keeps every datagram under its sequence number.
type sink struct {
	conn *net.UDPConn
	done sync.WaitGroup

	mu       sync.Mutex
	byNumber map[uint32][]byte
	repeated int
	problems []string
}

func openSink(t *testing.T) *sink {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadBuffer(8 << 20); err != nil {
		t.Fatal(err)
	}
	s := &sink{conn: conn, byNumber: map[uint32][]byte{}}
	s.done.Go(s.collect)
	t.Cleanup(s.close)
	return s
}

func (s *sink) address() string { return s.conn.LocalAddr().String() }

func (s *sink) close() {
	s.conn.Close()
	s.done.Wait()
}

func (s *sink) collect() {
	buf := make([]byte, 1<<16)
	for {
		n, err := s.conn.Read(buf)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.take(bytes.Clone(buf[:n]))
		s.mu.Unlock()
	}
}

func (s *sink) take(b []byte) {
	h, _, err := nsv9.Open(b)
	before, again := s.byNumber[h.Sequence]
	switch {
	case err != nil:
		s.problems = append(s.problems, err.Error())
	case again && !bytes.Equal(before, b):
		s.problems = append(s.problems, fmt.Sprintf("datagram %d came again with other content", h.Sequence))
	case again:
		s.repeated++
	}
	s.byNumber[h.Sequence] = b
}

// check wants each flow in the datagrams, whatever was sent again. What the kernel dropped for want of room proves
// nothing, so then it says so and wants nothing.
func (s *sink) check(t *testing.T, flows uint64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.problems {
		t.Errorf("exported: %s", p)
	}
	records, highest := uint64(0), uint32(0)
	for number, b := range s.byNumber {
		highest = max(highest, number)
		_, sets, _ := nsv9.Open(b)
		for sets.Next() {
			switch set := sets.Set(); set.ID {
			case nsv9.IPv4TemplateID:
				records += uint64(len(set.Body) / nsv9.IPv4RecordLen)
			case nsv9.IPv6TemplateID:
				records += uint64(len(set.Body) / nsv9.IPv6RecordLen)
			}
		}
	}
	missing := int(highest) + 1 - len(s.byNumber)
	t.Logf("exported: %d datagrams, %d of them again, %d missing, %d flows", len(s.byNumber)+s.repeated, s.repeated, missing, records)
	if missing == 0 && records == flows {
		return
	}
	if n := s.dropped(); n != "0" {
		t.Logf("the kernel dropped %s datagrams: what the exporter sent can't be told", n)
		return
	}
	t.Errorf("exported: %d flows in datagrams 0 to %d, %d of which are missing; want %d flows", records, highest, missing, flows)
}

// dropped is how many datagrams the kernel dropped before the socket, where it tells (Linux: the last column of
// /proc/net/udp).
func (s *sink) dropped() string {
	b, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return "an unknown number of"
	}
	port := fmt.Sprintf(":%04X ", s.conn.LocalAddr().(*net.UDPAddr).Port)
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasSuffix(fields[1]+" ", port) {
			return fields[len(fields)-1]
		}
	}
	return "an unknown number of"
}
