// Package sampling decides which packets are sampled, and how many each of them stands for. A mode is a file.
//
// A sampler is bound to an interface and a direction and counts every packet there (spec section 7.1). Draws are a hash of
// what names the sampling interval, so that the same packets are chosen when a capture is read again.
//
// A packet-based sampler knows at once what a packet stands for: its interval. A time-based one knows it only when the
// window is over and its packets are counted, so it holds the packet until then.
package sampling

import (
	"encoding/binary"
	"time"

	"github.com/zeebo/xxh3"
)

// Modes.
const (
	Off           = "off"
	PacketRandom  = "packet-random"
	PacketRegular = "packet-regular"
	TimeRandom    = "time-random"
	TimeRegular   = "time-regular"
)

// ValidMode tells whether there is a mode of that name.
func ValidMode(mode string) bool {
	switch mode {
	case Off, PacketRandom, PacketRegular, TimeRandom, TimeRegular:
		return true
	}
	return false
}

// Decision is what a sampler says of one packet.
type Decision struct {
	// Release is how many packets the packet that was held until now stands for: it leaves. 0: none leaves.
	Release uint32
	// Weight is how many packets this packet stands for, if that is known at once.
	Weight uint32
	// Keep says that this packet is taken up. Without a Weight it is held, in place of one that is still held, until its
	// weight comes with a Release.
	Keep bool
}

// Sampler samples the packets of one interface and direction. It is not safe for use by several goroutines.
type Sampler interface {
	// Next decides about the next packet, seen at t (ns since the epoch). Times that go back count as the last one.
	Next(t int64) Decision
	// Advance says that it is t and no packet came. A held packet whose window is over leaves with the weight returned.
	Advance(t int64) uint32
	// Close ends the input: a held packet leaves with what its window has counted so far.
	Close() uint32
	// Thin makes intervals factor times as long as configured, from the next one on. Each packet's weight is that of its own
	// interval, so estimates stay right.
	Thin(factor uint32)
}

// Settings of a sampler.
type Settings struct {
	Mode     string
	Interval uint32        // packets, 1 to 65535 (packet modes)
	Start    uint32        // number of the first packet taken, 1 to Interval (packet-regular)
	Period   time.Duration // of the windows (time modes)
	Seed     uint64        // of the draws (random modes)
}

// New makes the sampler of an interface and direction. Settings must be valid.
func New(s Settings, iface uint32, direction uint8) Sampler {
	d := draws{seed: s.Seed, iface: iface, direction: direction}
	switch s.Mode {
	case PacketRegular:
		return newPacketRegular(s.Interval, s.Start)
	case PacketRandom:
		return newPacketRandom(s.Interval, d.draw)
	case TimeRegular:
		return newTimeRegular(s.Period, 0)
	case TimeRandom:
		return newTimeRandom(s.Period, 0, d.draw)
	}
	return newPacketRandom(1, d.draw)
}

// draws are the draws of one interface and direction.
type draws struct {
	seed      uint64
	iface     uint32
	direction uint8
}

// draw is 64 random bits for an interval, or for packet n of one: XXH3-64, with the seed, of interface, direction, number of
// the interval and n, big-endian.
func (d draws) draw(interval uint64, n uint32) uint64 {
	var b [17]byte
	binary.BigEndian.PutUint32(b[0:], d.iface)
	b[4] = d.direction
	binary.BigEndian.PutUint64(b[5:], interval)
	binary.BigEndian.PutUint32(b[13:], n)
	return xxh3.HashSeed(b[:], d.seed)
}

// drawer draws 64 bits.
type drawer func(interval uint64, n uint32) uint64
