package crash

import (
	"bufio"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"netstream/deploy/netstream/internal/traffic"
)

// capture writes demo traffic as a pcap file of n packets and returns its path. Every 50th packet is put back by up to
// two seconds, so that some come late.
func capture(t *testing.T, dir string, n int) string {
	t.Helper()
	path := filepath.Join(dir, "traffic.pcap")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := bufio.NewWriterSize(file, 1<<20)
	header := make([]byte, 24)
	binary.LittleEndian.PutUint32(header, 0xa1b23c4d) // nanoseconds
	binary.LittleEndian.PutUint16(header[4:], 2)
	binary.LittleEndian.PutUint16(header[6:], 4)
	binary.LittleEndian.PutUint32(header[16:], 262144)
	binary.LittleEndian.PutUint32(header[20:], 1)
	w.Write(header)
	g := traffic.New(traffic.Config{Seed: 11, PacketsPerSecond: 5000, Day: 5 * time.Minute}, time.Unix(1_800_000_000, 0))
	frame := make([]byte, 2048)
	var record [16]byte
	for i := range n {
		size, at, wire, _ := g.Next(frame)
		if i%50 == 0 {
			at -= int64(i%2001) * 1e6
		}
		binary.LittleEndian.PutUint32(record[0:], uint32(at/1e9))
		binary.LittleEndian.PutUint32(record[4:], uint32(at%1e9))
		binary.LittleEndian.PutUint32(record[8:], uint32(size))
		binary.LittleEndian.PutUint32(record[12:], wire)
		w.Write(record[:])
		w.Write(frame[:size])
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path
}
