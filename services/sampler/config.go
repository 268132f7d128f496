package sampler

import (
	"fmt"
	"strconv"
	"time"

	"netstream/pipeline/config"
	"netstream/services/sampler/internal/sampling"
)

// Config of the sampler.
type Config struct {
	Sampling        Sampling      `yaml:"sampling" doc:"which packets are taken, of every interface and direction on its own"`
	Overrides       []Override    `yaml:"overrides" doc:"interfaces that are sampled in another way"`
	VRFs            []VRF         `yaml:"vrfs" doc:"which packets belong to which VRF, for monitors of kind vpn"`
	Anonymise       Anonymise     `yaml:"anonymise" doc:"addresses are replaced before they are published"`
	Live            Live          `yaml:"live" doc:"live capture"`
	SFlow           SFlow         `yaml:"sflow" doc:"packets that other devices have sampled and send as sFlow 5"`
	AllowedLateness time.Duration `yaml:"allowed_lateness" doc:"how much older than the newest packet a packet may be and still count in its own window"`
	MessageRows     int           `yaml:"message_rows" doc:"packets in a message; a message is also cut at what the bus takes"`
	Flush           time.Duration `yaml:"flush" doc:"longest time a packet waits for its message to fill"`
}

// Sampling says which packets are taken.
type Sampling struct {
	Mode     string        `yaml:"mode" doc:"off: every packet; packet-random, packet-regular: one of each interval; time-random, time-regular: one of each period"`
	Interval uint32        `yaml:"interval" doc:"packets of which one is taken (packet modes), 1 to 65535"`
	Start    uint32        `yaml:"start" doc:"number of the first packet taken (packet-regular), 1 to interval"`
	Period   time.Duration `yaml:"period" doc:"time in which one packet is taken (time modes), 5ms to 30s"`
	Seed     uint64        `yaml:"seed" doc:"where the draws start; the same seed takes the same packets"`
}

// Modes that others set.
const (
	SamplingOff  = sampling.Off
	PacketRandom = sampling.PacketRandom
)

// Override is another way of sampling for an interface.
type Override struct {
	Interface string   `yaml:"interface" doc:"name or number of the interface"`
	Direction string   `yaml:"direction" doc:"ingress, egress or both"`
	Sampling  Sampling `yaml:"sampling" doc:"as above"`
}

// SetDefaults makes o both directions, every packet.
func (o *Override) SetDefaults() {
	*o = Override{Direction: directionBoth, Sampling: defaultSampling()}
}

const directionBoth = "both"

// Anonymise says how addresses are replaced.
type Anonymise struct {
	KeyFile string `yaml:"key_file" doc:"file with a key of 32 bytes, or 64 hexadecimal digits, for Crypto-PAn, which keeps common prefixes; empty: addresses stay"`
}

func defaultSampling() Sampling {
	return Sampling{Mode: sampling.Off, Interval: 1000, Start: 1, Period: 100 * time.Millisecond, Seed: 1}
}

// DefaultConfig takes every packet.
func DefaultConfig() Config {
	return Config{Sampling: defaultSampling(), Live: defaultLive(), SFlow: defaultSFlow(), MessageRows: 8192, Flush: 100 * time.Millisecond}
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
	if !sampling.ValidMode(s.Mode) {
		ps.Addf("mode", s.Mode, "off, packet-random, packet-regular, time-random or time-regular")
	}
	if s.Interval < 1 || s.Interval > 65535 {
		ps.Addf("interval", s.Interval, "1 to 65535")
	}
	if s.Start < 1 || s.Start > s.Interval {
		ps.Addf("start", s.Start, "1 to interval (%d)", s.Interval)
	}
	if s.Period < 5*time.Millisecond || s.Period > 30*time.Second {
		ps.Addf("period", s.Period, "5ms to 30s")
	}
	return ps.Err()
}

// Validate reports all problems but those of its sampling, which reports its own.
func (o Override) Validate() error {
	var ps config.Problems
	if o.Interface == "" {
		ps.Addf("interface", o.Interface, "the name or number of an interface")
	}
	if o.Direction != directionBoth && o.Direction != directions[0] && o.Direction != directions[1] {
		ps.Addf("direction", o.Direction, "ingress, egress or both")
	}
	return ps.Err()
}

// Validate reports all problems.
func (v VRF) Validate() error {
	var ps config.Problems
	if v.ID == 0 {
		ps.Addf("id", v.ID, "1 or more: 0 is no VRF")
	}
	for i, l := range v.Labels {
		if l < 16 || l > 1<<20-1 {
			ps.Addf(fmt.Sprintf("labels[%d]", i), l, "16 to %d: lower ones are reserved", 1<<20-1)
		}
	}
	return ps.Err()
}

// samplerOf makes the sampler of an interface and direction.
func (c *Config) samplerOf(k portKey, names interfaceNames) sampling.Sampler {
	s := c.Sampling
	number := strconv.FormatUint(uint64(k.iface), 10)
	name := names.name(k.iface)
	for _, o := range c.Overrides {
		if (o.Interface == number || o.Interface == name) && (o.Direction == directionBoth || o.Direction == directions[k.direction]) {
			s = o.Sampling
		}
	}
	return sampling.New(sampling.Settings{Mode: s.Mode, Interval: s.Interval, Start: s.Start, Period: s.Period, Seed: s.Seed}, k.iface, k.direction)
}

// fingerprint names the settings that count in the mode.
func (s Sampling) fingerprint() string {
	switch s.Mode {
	case sampling.PacketRandom:
		return fmt.Sprintf("%s,interval=%d,seed=%d", s.Mode, s.Interval, s.Seed)
	case sampling.PacketRegular:
		return fmt.Sprintf("%s,interval=%d,start=%d", s.Mode, s.Interval, s.Start)
	case sampling.TimeRandom:
		return fmt.Sprintf("%s,period=%s,seed=%d", s.Mode, s.Period, s.Seed)
	case sampling.TimeRegular:
		return fmt.Sprintf("%s,period=%s", s.Mode, s.Period)
	}
	return s.Mode
}
