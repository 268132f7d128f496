package sampler

import (
	"strconv"

	parser "netstream/services/sampler/internal/packet"
)

// VRF says which packets belong to a routing instance: by the label at the bottom of their stack, else by their interface.
type VRF struct {
	ID         uint32   `yaml:"id" doc:"number of the VRF, in keys and exports; not 0"`
	Name       string   `yaml:"name" doc:"its name, for people"`
	Interfaces []string `yaml:"interfaces" doc:"names or numbers of the interfaces that are bound to it"`
	Labels     []uint32 `yaml:"labels" doc:"MPLS labels at the bottom of a stack that lead to it"`
}

// vrfs finds the VRF of a packet.
type vrfs struct {
	byLabel map[uint32]uint32
	byName  map[string]uint32
	byIndex map[uint32]uint32 // filled as interfaces come
	names   interfaceNames
}

func newVRFs(list []VRF, names interfaceNames) *vrfs {
	v := &vrfs{byLabel: map[uint32]uint32{}, byName: map[string]uint32{}, byIndex: map[uint32]uint32{}, names: names}
	for _, f := range list {
		for _, l := range f.Labels {
			v.byLabel[l] = f.ID
		}
		for _, name := range f.Interfaces {
			v.byName[name] = f.ID
		}
	}
	return v
}

// of is the VRF of a packet, 0 if it is in none.
func (v *vrfs) of(h *parser.Header, iface uint32) uint32 {
	if h.Labels > 0 {
		if id, ok := v.byLabel[h.BottomLabel]; ok {
			return id
		}
	}
	id, ok := v.byIndex[iface]
	if !ok {
		if id, ok = v.byName[strconv.FormatUint(uint64(iface), 10)]; !ok {
			id = v.byName[v.names.name(iface)]
		}
		if len(v.byIndex) < maxPorts {
			v.byIndex[iface] = id
		}
	}
	return id
}
