package promises

import (
	"os"
	"testing"
)

// BenchmarkLine sends the capture named by NETSTREAM_BENCH_CAPTURE through sampler, flow cache and ager.
func BenchmarkLine(b *testing.B) {
	path := os.Getenv("NETSTREAM_BENCH_CAPTURE")
	if path == "" {
		b.Skip("NETSTREAM_BENCH_CAPTURE names no capture")
	}
	for b.Loop() {
		r := run(b, defaults(), path)
		b.ReportMetric(float64(r.Packets)*float64(b.N)/b.Elapsed().Seconds(), "packets/s")
	}
}
