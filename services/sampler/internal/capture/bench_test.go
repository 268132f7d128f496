package capture_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"netstream/services/sampler/internal/capture"
)

// BenchmarkRead reads a file of 500,000 packets of 100 bytes from the page cache; an operation is a packet.
func BenchmarkRead(b *testing.B) {
	const packets = 500_000
	data := make([]byte, 100)
	pcap, ng := little().pcap(0xa1b2c3d4, 1), little().section().iface(1, 0)
	for i := range packets {
		pcap.record(uint32(i), 0, data, len(data))
		ng.enhanced(0, uint64(i), data, len(data))
	}
	for _, bm := range []struct {
		name string
		file []byte
	}{{"pcap", pcap.b}, {"pcapng", ng.b}, {"pcap.gz", gzipped(pcap.b)}, {"pcap.zst", zstandard(b, pcap.b)}} {
		b.Run(bm.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), bm.name)
			if err := os.WriteFile(path, bm.file, 0o600); err != nil {
				b.Fatal(err)
			}
			batch := make([]capture.Packet, 1024)
			var r *capture.Reader
			for n := 0; n < b.N; {
				if r == nil {
					var err error
					if r, err = capture.Open(path); err != nil {
						b.Fatal(err)
					}
				}
				k, err := r.Read(batch)
				if n += k; err == io.EOF {
					r.Close()
					r = nil
				} else if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpackets/s")
		})
	}
}
