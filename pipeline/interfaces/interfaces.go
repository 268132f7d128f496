// Package interfaces is the configuration that names the interfaces which flows tell by number.
package interfaces

import (
	"fmt"

	"netstream/pipeline/config"
)

// Interface describes an interface.
type Interface struct {
	Index       uint32 `yaml:"index" doc:"number of the interface in flows (ifIndex); not 0"`
	Name        string `yaml:"name" doc:"its name, such as GE1/0/1"`
	Description string `yaml:"description" doc:"what it is for"`
	Speed       Speed  `yaml:"speed" doc:"in bits per second, such as 10G; 0: not known"`
	VRF         uint32 `yaml:"vrf" doc:"number of the VRF that it belongs to; 0: none"`
	Source      string `yaml:"source" doc:"the source whose interface it is; empty: every source's"`
}

// Config lists interfaces.
type Config []Interface

// Validate reports what single interfaces don't see.
func (c Config) Validate() error {
	type place struct {
		source string
		index  uint32
	}
	var ps config.Problems
	seen := map[place]int{}
	for i := range c {
		at := place{c[i].Source, c[i].Index}
		if first, twice := seen[at]; twice {
			ps.Addf(fmt.Sprintf("[%d].index", i), at.index, "another number or source: [%d] has the same", first)
			continue
		}
		seen[at] = i
	}
	return ps.Err()
}

// Validate reports all problems.
func (i Interface) Validate() error {
	var ps config.Problems
	if i.Index == 0 {
		ps.Addf("index", i.Index, "1 or more: 0 is an interface that isn't known")
	}
	if i.Name == "" {
		ps.Addf("name", i.Name, "the name of the interface")
	}
	return ps.Err()
}
