// Package sampler is stage 1: it reads packets, takes all or a sample of them and publishes their headers. Payload never
// leaves it.
//
//	capture file, generator -> sampling -> parse -> rows by packet shard -> PACKETS packets.<p>.<source>
//
// Position is the ordinal of the packet within its source, kept for each packet shard in its own messages. All that is
// decided about a packet is a function of the packets before it, so a file that is read again gives the same rows, and
// those already published are passed over.
package sampler

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/services/sampler/internal/capture"
)

// Packet is one captured frame.
type Packet = capture.Packet

// Input is where packets come from.
type Input interface {
	// Read fills dst and returns how many packets there are; they are valid until the next Read. A live input returns
	// none without an error when none came for a while. The end is io.EOF.
	Read(dst []Packet) (int, error)
}

// Service makes sources.
type Service struct {
	cfg     Config
	bus     *bus.Bus
	metrics *metrics
	log     *slog.Logger
}

// New makes a sampler; it starts nothing.
func New(cfg Config, b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) *Service {
	return &Service{cfg: cfg, bus: b, metrics: newMetrics(reg), log: log}
}
