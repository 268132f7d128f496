// Package sampler is stage 1: it reads packets, takes all or a sample of them and publishes their headers. Payload never
// leaves it.
//
//	capture file, interface, sFlow, generator -> sampling -> parse -> rows by packet shard -> PACKETS packets.<p>.<source>
//
// Position is the ordinal of the packet within its source, kept for each packet shard in its own messages. All that is
// decided about a packet is a function of the packets before it, so a file that is read again gives the same rows, and
// those already published are passed over.
package sampler

import (
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/schemas/monitor"
	"netstream/services/sampler/internal/capture"
	"netstream/services/sampler/internal/sflow"
)

// Packet is one captured frame.
type Packet = capture.Packet

// Input is where packets come from.
type Input interface {
	// Read fills dst and returns how many packets there are; they are valid until the next Read. A live input returns
	// none without an error when none came for a while. The end is io.EOF.
	Read(dst []Packet) (int, error)
}

// Losses are packets that an input lost, so far.
type Losses = capture.Losses

// Lossy is an input that loses packets before it can hand them out, and knows how many.
type Lossy interface {
	// Lost is called by the goroutine that reads.
	Lost() Losses
}

// Named is an input that knows the names of its interfaces.
type Named interface {
	// Name is the name of an interface by its number, or empty.
	Name(iface uint32) string
}

// Service makes sources.
type Service struct {
	cfg         Config
	monitors    []monitor.Definition
	definitions string // the monitors as they travel
	needs       needs
	bus         *bus.Bus
	metrics     *metrics
	sflow       *sflow.Metrics
	log         *slog.Logger
}

// New makes a sampler that serves some monitors; it starts nothing.
func New(cfg Config, monitors []monitor.Definition, b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) *Service {
	return &Service{
		cfg: cfg, monitors: monitors, definitions: monitor.Format(monitors), needs: newNeeds(monitors),
		bus: b, metrics: newMetrics(reg), sflow: sflow.NewMetrics(reg), log: log,
	}
}

// fingerprint names what must not change within a run of a file: it decides which packets are taken, where they are filed
// and what is published of them.
func (s *source) fingerprint() string {
	text := fmt.Sprintf("%s,lateness=%s,monitors=%s", s.cfg.Sampling.fingerprint(), s.cfg.AllowedLateness, s.definitions)
	for _, o := range s.cfg.Overrides {
		text += fmt.Sprintf(",%s/%s:%s", o.Interface, o.Direction, o.Sampling.fingerprint())
	}
	for _, v := range s.cfg.VRFs {
		text += fmt.Sprintf(",vrf%d=%v%v", v.ID, v.Interfaces, v.Labels)
	}
	if s.anonymiser != nil {
		text += ",anonymised=" + s.anonymiser.Fingerprint()
	}
	return text
}

// interfaceNames knows the names of an input's interfaces; nil knows none.
type interfaceNames func(iface uint32) string

func (n interfaceNames) name(iface uint32) string {
	if n == nil {
		return ""
	}
	return n(iface)
}
