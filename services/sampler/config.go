package sampler

import (
	"fmt"
	"time"

	"netstream/pipeline/config"
	"netstream/services/sampler/internal/sampling"
)

// Config of the sampler.
type Config struct {
	Sampling        Sampling      `yaml:"sampling"`
	AllowedLateness time.Duration `yaml:"allowed_lateness" doc:"how much older than the newest packet a packet may be and still count in its own window"`
	MessageRows     int           `yaml:"message_rows" doc:"packets in a message; a message is also cut at what the bus takes"`
	Flush           time.Duration `yaml:"flush" doc:"longest time a packet waits for its message to fill"`
}

// Sampling says which packets are taken.
type Sampling struct {
	Mode     string `yaml:"mode" doc:"off: every packet; packet-random: one of each interval, drawn at random"`
	Interval uint32 `yaml:"interval" doc:"packets of which one is taken (packet-random), 1 to 65535"`
	Seed     uint64 `yaml:"seed" doc:"where the draws start; the same seed takes the same packets"`
}

// Modes of sampling.
const (
	ModeOff          = "off"
	ModePacketRandom = "packet-random"
)

// DefaultConfig takes every packet.
func DefaultConfig() Config {
	return Config{
		Sampling:    Sampling{Mode: ModeOff, Interval: 1000, Seed: 1},
		MessageRows: 8192, Flush: 100 * time.Millisecond,
	}
}

// Validate reports all problems.
func (c Config) Validate() error {
	var ps config.Problems
	if c.AllowedLateness < 0 || c.AllowedLateness > time.Minute {
		ps.Addf("allowed_lateness", c.AllowedLateness, "0s to 1m")
	}
	if c.MessageRows < 1 || c.MessageRows > 1<<20 {
		ps.Addf("message_rows", c.MessageRows, "1 to %d", 1<<20)
	}
	if c.Flush < time.Millisecond || c.Flush > 10*time.Second {
		ps.Addf("flush", c.Flush, "1ms to 10s")
	}
	return ps.Err()
}

// Validate reports all problems.
func (s Sampling) Validate() error {
	var ps config.Problems
	if s.Mode != ModeOff && s.Mode != ModePacketRandom {
		ps.Addf("mode", s.Mode, "%s or %s", ModeOff, ModePacketRandom)
	}
	if s.Interval < 1 || s.Interval > 65535 {
		ps.Addf("interval", s.Interval, "1 to 65535")
	}
	return ps.Err()
}

// selector makes the selector of the mode.
func (s Sampling) selector() sampling.Selector {
	if s.Mode == ModePacketRandom {
		return sampling.NewPacketRandom(s.Interval, s.Seed)
	}
	return sampling.All{}
}

// fingerprint names what must not change within a run of a file: it decides which packets are taken and where they are
// filed.
func (c Config) fingerprint() string {
	if c.Sampling.Mode == ModeOff {
		return fmt.Sprintf("off,lateness=%s", c.AllowedLateness)
	}
	return fmt.Sprintf("%s,interval=%d,seed=%d,lateness=%s", c.Sampling.Mode, c.Sampling.Interval, c.Sampling.Seed, c.AllowedLateness)
}
