package sampler

import (
	"netstream/schemas/key"
	"netstream/schemas/monitor"
)

// needs is what the monitors ask of the sampler: which packets, and which fields of them.
type needs struct {
	narrow monitor.Layers   // first headers that monitors of kind ipv4 and ipv6 take
	wide   []monitor.Layers // what each other monitor asks for
	outer  key.Fields       // of the frame and its first IP header, in wide rows
	srv6   key.Fields       // of the header inside SRv6
	inner  key.Fields       // of the innermost header
	frames bool             // frame lengths are counted
}

// inVRF tells whether a monitor wants to know the VRF.
func (n *needs) inVRF() bool { return n.outer.Has(key.VRF) }

func newNeeds(ds []monitor.Definition) needs {
	var n needs
	for i := range ds {
		d := &ds[i]
		switch d.Kind {
		case monitor.IPv4, monitor.IPv6:
			n.narrow |= d.Asks()
			n.outer |= d.Reads() | key.Of(key.TCPFlags) | key.Of(key.IPVersion)
			continue
		case monitor.SRv6Inner:
			n.srv6 |= d.Reads() | key.Of(key.TCPFlags)
		case monitor.TunnelInner:
			n.inner |= d.Reads() | key.Of(key.TCPFlags)
		default:
			n.outer |= d.Reads()
			if d.HasTuple() {
				n.outer |= key.Of(key.TCPFlags)
			}
			n.frames = n.frames || d.Counts() == monitor.FrameBytes
		}
		n.wide = append(n.wide, d.Asks())
	}
	return n
}

// takesWide tells whether some monitor wants more of a packet with these layers than the key of an IP flow.
func (n *needs) takesWide(l monitor.Layers) bool {
	for _, asks := range n.wide {
		if l&asks == asks {
			return true
		}
	}
	return false
}
