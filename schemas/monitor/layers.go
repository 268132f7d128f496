package monitor

import "netstream/schemas/key"

// Layers are what was read of a packet.
type Layers uint8

// Layers that monitors ask for.
const (
	Ethernet  Layers = 1 << iota // MAC addresses and EtherType
	Labels                       // an MPLS stack, to its bottom
	OuterIPv4                    // the first IP header
	OuterIPv6
	IP        // either of the two
	InVRF     // the packet belongs to a VRF
	SRv6      // an IP header inside SRv6
	Tunnelled // an IP header behind tunnels
)

// Asks are the layers without which the monitor takes no packet. A flexible monitor asks for the headers of the fields it
// matches. VLANs and labels are 0 where there are none; only one that matches labels and asks for nothing else asks for a
// stack.
func (d *Definition) Asks() Layers {
	switch d.Kind {
	case IPv4:
		return OuterIPv4
	case IPv6:
		return OuterIPv6
	case Layer2:
		return Ethernet
	case MPLS:
		if d.Match == IPOnly {
			return Labels | IP
		}
		return Labels // a pseudowire is a flow of its labels alone
	case VPN:
		return IP | InVRF
	case SRv6Inner:
		return SRv6
	case TunnelInner:
		return Tunnelled
	}
	var asks Layers
	if d.Match.Any(key.IP) {
		asks |= IP
	}
	if d.Match.Any(key.Frame) {
		asks |= Ethernet
	}
	if d.Match.Has(key.VRF) {
		asks |= InVRF
	}
	if asks == 0 && d.Match.Any(key.Stack) {
		asks |= Labels
	}
	return asks
}

// Takes tells whether packets with these layers are of the monitor.
func (d *Definition) Takes(l Layers) bool {
	asks := d.Asks()
	return l&asks == asks
}

// Measure is what a monitor counts as the bytes of a packet.
type Measure uint8

// Measures (spec section 8.1).
const (
	Layer3     Measure = iota // of the first IP header; without one, what is behind the labels, else the frame
	FrameBytes                // of the frame without its check sequence
	SRv6Bytes                 // of the IP header inside SRv6
	InnerBytes                // of the innermost IP header
)

// Counts is the measure of the monitor.
func (d *Definition) Counts() Measure {
	switch {
	case d.Kind == Layer2, d.Kind == Flexible && d.Asks()&(IP|Labels) == 0:
		return FrameBytes
	case d.Kind == SRv6Inner:
		return SRv6Bytes
	case d.Kind == TunnelInner:
		return InnerBytes
	}
	return Layer3
}

// HasTuple tells whether the key has the 5-tuple. Only then do TCP flags belong to the flow: a FIN ends a connection, not
// all that passes between two MAC addresses.
func (d *Definition) HasTuple() bool {
	const five = 1<<key.SrcAddr | 1<<key.DstAddr | 1<<key.SrcPort | 1<<key.DstPort | 1<<key.Protocol
	return d.Match&five == five
}

// RowBytes bounds what an update of the monitor takes on the bus, with weighted sums, window and collected values.
func (d *Definition) RowBytes() int {
	switch {
	case d.Kind == IPv4:
		return 110
	case d.Kind == IPv6:
		return 140
	case d.Collects():
		return 360
	}
	return 230
}

// MessageBytes bounds what the monitors make of one message of packets: a flow cache can't hand over a part of it.
const MessageBytes = 27 << 20

// MessageRows is how many packets a message may have at the most.
func MessageRows(ds []Definition) int {
	sum := 1
	for i := range ds {
		sum += ds[i].RowBytes()
	}
	return max(MessageBytes/sum, 1)
}
