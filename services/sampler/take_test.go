package sampler

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/schemas/monitor"
)

// unbound is a source of n packet shards that publishes nothing.
func unbound(cfg Config, n int) *source {
	ds := monitor.Default()
	src := newSource(&Service{cfg: cfg, monitors: ds, needs: newNeeds(ds), metrics: newMetrics(prometheus.NewRegistry())}, "test", nil, cfg.MessageRows)
	src.books.out, src.books.frames = make([]count, n), make([]count, n)
	for i := range n {
		src.shards = append(src.shards, &shard{number: i, fill: newFlush()})
	}
	return src
}

// frames makes n frames of a realistic mix: TCP and UDP, a fifth IPv6, few busy flows and many quiet ones.
func frames(n int) []Packet {
	rng := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rng, 1.2, 10, 1<<20)
	packets := make([]Packet, n)
	for i := range packets {
		host, size := uint32(zipf.Uint64()), uint32(64+rng.IntN(1400))
		b := make([]byte, 14, 96)
		protocol := byte(6)
		if rng.IntN(4) == 0 {
			protocol = 17
		}
		if rng.IntN(5) == 0 {
			binary.BigEndian.PutUint16(b[12:], 0x86dd)
			b = append(b, 0x60, 0, 0, 0, byte(size>>8), byte(size), protocol, 64)
			b = append(b, make([]byte, 32)...)
			binary.BigEndian.PutUint32(b[14+20:], host)
		} else {
			binary.BigEndian.PutUint16(b[12:], 0x0800)
			b = append(b, 0x45, 0, byte(size>>8), byte(size), 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1)
			b = binary.BigEndian.AppendUint32(b, host)
		}
		b = binary.BigEndian.AppendUint16(b, uint16(host))
		b = append(b, make([]byte, 18)...)
		packets[i] = Packet{Time: 1_800_000_000e9 + int64(i)*1000, Data: b, WireLen: size + 14, LinkType: 1}
	}
	return packets
}

// empty forgets what was filled.
func (s *source) empty() {
	for _, sh := range s.shards {
		sh.fill.reset()
	}
}

func TestTakeDoesNotAllocate(t *testing.T) {
	src, packets := unbound(DefaultConfig(), 4), frames(8192)
	fill := func() {
		for i := range packets {
			src.take(&packets[i])
		}
		src.empty()
	}
	fill()
	if n := testing.AllocsPerRun(50, fill); n != 0 {
		t.Errorf("%v allocations for %d packets, want 0", n, len(packets))
	}
}

func BenchmarkTake(b *testing.B) {
	for name, mode := range map[string]string{"all": SamplingOff, "1in1000": PacketRandom} {
		b.Run(name, func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.Sampling.Mode = mode
			src, packets := unbound(cfg, 2), frames(8192)
			b.ReportAllocs()
			for i := 0; i < b.N; i += len(packets) {
				for j := range packets {
					src.take(&packets[j])
				}
				src.empty()
			}
		})
	}
}
