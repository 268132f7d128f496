// Package afpacket captures packets from network interfaces on Linux, without libpcap: a memory-mapped ring of the kernel
// (TPACKET_V3, Documentation/networking/packet_mmap.rst) for each interface and goroutine, of which whole blocks are handed
// on and walked in place.
//
//	kernel -> ring, filtered and cut -> goroutine -> blocks -> Capture.Read -> []capture.Packet
//
// What the kernel has to drop because a ring is full, it counts. An interface that goes away is waited for.
package afpacket

import (
	"errors"
	"time"
)

// Config of a capture.
type Config struct {
	Interfaces  []string
	Directions  [2]bool       // whether ingress, egress packets are wanted
	Filter      string        // in the syntax of tcpdump; empty: all
	Promiscuous bool          // packets for other stations too
	Fanout      int           // rings, and goroutines, of each interface
	SnapLen     int           // bytes kept of a packet
	Ring        int           // bytes of a ring
	Patience    time.Duration // longest time that the kernel collects packets in a block
}

// Info is what is known of an interface.
type Info struct {
	Name              string
	Index             uint32 // ifIndex; it may change when the interface comes back
	LinkType          uint16 // LINKTYPE_ value
	Speed             uint64 // bits per second; 0 is unknown
	HardwareTimestamp bool   // packets have the time of the network card
}

// Stats of an interface, since the capture was opened.
type Stats struct {
	Name     string
	Received uint64 // packets the kernel put into a ring
	Dropped  uint64 // packets the kernel dropped because the ring was full
	Freezes  uint64 // times it did
	Lost     uint64 // times the interface went away
}

// ErrInterface is met when an interface doesn't exist or can't be captured.
var ErrInterface = errors.New("interface")

// ErrPermission is met when the process may not capture.
var ErrPermission = errors.New("no permission to capture packets")

// ErrSystem is met on other systems than Linux.
var ErrSystem = errors.New("live capture works on Linux only")
