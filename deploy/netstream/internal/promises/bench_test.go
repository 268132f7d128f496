package promises

import (
	"os"
	"testing"
	"time"
)

// BenchmarkCheckpoints is what checkpoints cost: the capture named by NETSTREAM_BENCH_CAPTURE with one a second, and with none, in
// turn.
func BenchmarkCheckpoints(b *testing.B) {
	path := os.Getenv("NETSTREAM_BENCH_CAPTURE")
	if path == "" {
		b.Skip("NETSTREAM_BENCH_CAPTURE names no capture")
	}
	var took [2]time.Duration
	for b.Loop() {
		for i, interval := range []time.Duration{0, time.Second} {
			s := defaults()
			s.ager.Checkpoint = interval
			begin := time.Now()
			run(b, s, path)
			took[i] += time.Since(begin)
		}
	}
	b.ReportMetric(float64(took[1])/float64(took[0]), "with/without")
}

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
