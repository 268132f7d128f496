package sampler

import (
	"fmt"
	"strings"

	"netstream/schemas/ledger"
)

// Counters of a port in the ledger: what the sampler saw there and what it took (IPFIX 318 and 319). They travel with packet
// shard 0 alone.
const (
	portObserved = "observed"
	portSelected = "selected"
)

// portEntries appends the counters of all ports.
func (s *source) portEntries(dst []ledger.Entry) []ledger.Entry {
	for _, p := range s.inOrder {
		prefix := portKey{p.iface, p.direction}.ledgerName()
		for _, c := range [...]struct {
			name string
			count
		}{{portObserved, p.observed}, {portSelected, p.selected}} {
			dst = append(dst, ledger.Entry{
				Source: s.name, Hop: ledger.Sampler, Shard: ledger.Whole, Name: prefix + c.name,
				Packets: c.packets, Bytes: c.bytes, Rows: c.packets,
			})
		}
	}
	return dst
}

// restorePorts takes the counters of the ports back.
func (s *source) restorePorts(entries []ledger.Entry) {
	for _, e := range entries {
		var iface uint32
		rest, ok := strings.CutPrefix(e.Name, "interface.")
		if n, err := fmt.Sscanf(rest, "%d.", &iface); !ok || n != 1 || err != nil {
			continue
		}
		for d := range directions {
			prefix := portKey{iface, uint8(d)}.ledgerName()
			switch e.Name {
			case prefix + portObserved:
				s.port(iface, uint8(d)).observed = count{e.Packets, e.Bytes}
			case prefix + portSelected:
				s.port(iface, uint8(d)).selected = count{e.Packets, e.Bytes}
			}
		}
	}
}
