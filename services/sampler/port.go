package sampler

import (
	"fmt"

	"netstream/services/sampler/internal/sampling"
)

// port is one interface in one direction: a sampler sits there and counts every packet.
type port struct {
	iface     uint32
	direction uint8
	sampler   sampling.Sampler
	observed  count
	selected  count
	held      sample // taken up, its weight not yet known
	holds     bool
}

// portKey names a port.
type portKey struct {
	iface     uint32
	direction uint8
}

// directions are the names of the codes.
var directions = [2]string{"ingress", "egress"}

// maxPorts bounds what a broken or hostile input can make the sampler remember. Interfaces beyond it share one sampler.
const maxPorts = 4096

// port is where a packet was seen, made if need be.
func (s *source) port(iface uint32, direction uint8) *port {
	if p := s.latest; p != nil && p.iface == iface && p.direction == direction {
		return p
	}
	k := portKey{iface, direction & 1}
	p := s.ports[k]
	if p == nil {
		if len(s.ports) >= maxPorts {
			k = portKey{^uint32(0), k.direction}
			p = s.ports[k]
		}
		if p == nil {
			p = &port{iface: k.iface, direction: k.direction, sampler: s.cfg.samplerOf(k, s.names)}
			p.sampler.Thin(s.pressure.factor)
			s.ports[k] = p
			s.inOrder = append(s.inOrder, p)
		}
	}
	s.latest = p
	return p
}

// ledgerName is the prefix of the names of the port's counters.
func (k portKey) ledgerName() string {
	return fmt.Sprintf("interface.%d.%s.", k.iface, directions[k.direction])
}
