package sampler

import (
	"context"
	"fmt"
	"os"
	"time"

	"netstream/pipeline/config"
	"netstream/schemas/subject"
	"netstream/services/sampler/internal/afpacket"
)

// Live is the configuration of live capture. Without interfaces there is none.
type Live struct {
	Interfaces  []string      `yaml:"interfaces" doc:"names of the interfaces that are captured, as one source; empty: none"`
	Source      string        `yaml:"source" doc:"name of the source; empty: the name of the machine"`
	Direction   string        `yaml:"direction" doc:"ingress, egress or both"`
	Filter      string        `yaml:"filter" doc:"only packets that match, in the syntax of tcpdump; empty: all"`
	Promiscuous bool          `yaml:"promiscuous" doc:"packets for other stations too"`
	Fanout      int           `yaml:"fanout" doc:"rings per interface, each emptied by a goroutine of its own; 1 to 64"`
	SnapLen     int           `yaml:"snap_len" doc:"bytes of a packet that are looked at; 64 to 65535"`
	Ring        config.Size   `yaml:"ring" doc:"memory of a ring; what comes while it is full is lost in the kernel, and counted"`
	Patience    time.Duration `yaml:"patience" doc:"longest time that the kernel collects packets before it hands them over"`
	Overload    string        `yaml:"overload" doc:"when the bus is too slow: thin takes fewer packets, each standing for more; drop drops; wait stops reading until the ring is full"`
}

func defaultLive() Live {
	return Live{
		Direction: directionBoth, Promiscuous: true, Fanout: 1, SnapLen: 256, Ring: 32 << 20, Patience: 20 * time.Millisecond,
		Overload: OverloadThin,
	}
}

// Validate reports all problems.
func (l Live) Validate() error {
	var ps config.Problems
	if l.Source != "" && subject.Valid(l.Source) != nil {
		ps.Addf("source", l.Source, "1 to 64 letters, digits, _ or -")
	}
	if l.Direction != directionBoth && l.Direction != directions[0] && l.Direction != directions[1] {
		ps.Addf("direction", l.Direction, "ingress, egress or both")
	}
	if l.Fanout < 1 || l.Fanout > 64 {
		ps.Addf("fanout", l.Fanout, "1 to 64")
	}
	if l.SnapLen < 64 || l.SnapLen > 65535 {
		ps.Addf("snap_len", l.SnapLen, "64 to 65535")
	}
	if l.Ring < 1<<20 || l.Ring > 4<<30 {
		ps.Addf("ring", l.Ring, "1MiB to 4GiB")
	}
	if l.Patience < time.Millisecond || l.Patience > time.Second {
		ps.Addf("patience", l.Patience, "1ms to 1s")
	}
	if !validOverload(l.Overload) {
		ps.Addf("overload", l.Overload, "thin, drop or wait")
	}
	return ps.Err()
}

// Capture publishes what comes on the configured interfaces as one live source, until ctx ends.
func (s *Service) Capture(ctx context.Context) error {
	l := s.cfg.Live
	in, err := afpacket.Open(afpacket.Config{
		Interfaces: l.Interfaces, Directions: [2]bool{l.Direction != directions[1], l.Direction != directions[0]},
		Filter: l.Filter, Promiscuous: l.Promiscuous, Fanout: l.Fanout, SnapLen: l.SnapLen, Ring: int(l.Ring), Patience: l.Patience,
	}, s.log)
	if err != nil {
		return fmt.Errorf("live capture: %w", err)
	}
	defer in.Close()
	for _, i := range in.Interfaces() {
		s.log.Info("interface is captured", "interface", i.Name, "index", i.Index, "speed", i.Speed, "hardware_time", i.HardwareTimestamp)
	}
	name := l.Source
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("live capture: name of the machine: %w; set live.source", err)
		}
		name = subject.Clean(host)
	}
	return s.Live(ctx, name, in, l.Overload)
}
