package exporter

import (
	"strconv"

	"netstream/pipeline/config"
	"netstream/pipeline/interfaces"
	"netstream/services/exporter/internal/encode"
)

// VRF names a VRF to collectors.
type VRF struct {
	ID   uint32 `yaml:"id" doc:"number of the VRF, as in sampler.vrfs; not 0"`
	Name string `yaml:"name" doc:"its name"`
}

// Validate reports all problems.
func (v VRF) Validate() error {
	var ps config.Problems
	if v.ID == 0 {
		ps.Addf("id", v.ID, "1 or more: 0 is no VRF")
	}
	if v.Name == "" {
		ps.Addf("name", v.Name, "the name of the VRF")
	}
	return ps.Err()
}

// validateVRFs reports VRFs that are named twice.
func (c Config) validateVRFs(ps *config.Problems) {
	seen := map[uint32]int{}
	for i, v := range c.VRFs {
		if first, twice := seen[v.ID]; twice {
			ps.Addf("vrfs["+strconv.Itoa(i)+"].id", v.ID, "another number: vrfs[%d] has the same", first)
			continue
		}
		seen[v.ID] = i
	}
}

// validateAnnouncements reports what a format can't tell.
func (d Destination) validateAnnouncements(ps *config.Problems) {
	if d.Statistics && d.Format != V9 && d.Format != IPFIX {
		ps.Addf("statistics", d.Statistics, "format v9 or ipfix with it: others have no options")
	}
	if d.FlowKeys && d.Format != IPFIX {
		ps.Addf("flow_keys", d.FlowKeys, "format ipfix with it: others have no such options")
	}
}

// announced is what all destinations are told in options, as the configuration and this machine have it now. To a collector the exporter is one
// device: of interfaces of several sources with the same number the first is told, before that of the machine.
func (c Config) announced() (encode.Options, error) {
	all := c.Interfaces
	if c.SystemInterfaces {
		system, err := interfaces.System()
		if err != nil {
			return encode.Options{}, err
		}
		all = append(all[:len(all):len(all)], system...)
	}
	o := encode.Options{Sampling: c.Sampling, Routes: c.Routes}
	seen := map[uint32]bool{}
	for _, i := range all {
		if !seen[i.Index] {
			o.Interfaces, seen[i.Index] = append(o.Interfaces, i), true
		}
	}
	for _, v := range c.VRFs {
		o.VRFs = append(o.VRFs, encode.VRF(v))
	}
	return o, nil
}
