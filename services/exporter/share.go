package exporter

import (
	"strconv"

	"netstream/pipeline/config"
	"netstream/schemas/subject"
	"netstream/services/exporter/internal/encode"
)

// share is the part that destination i has of the flows; nil is all.
func (c Config) share(i int) *encode.Share {
	name := c.Destinations[i].Share
	if name == "" {
		return nil
	}
	var members []string
	own := 0
	for j, d := range c.Destinations {
		if j == i {
			own = len(members)
		}
		if d.Share == name {
			members = append(members, d.Name())
		}
	}
	return encode.NewShare(members, own)
}

// validateShares reports shares with nobody to share with.
func (c Config) validateShares(ps *config.Problems) {
	members := map[string]int{}
	for _, d := range c.Destinations {
		members[d.Share]++
	}
	for i, d := range c.Destinations {
		if subject.Valid(d.Share) == nil && members[d.Share] == 1 {
			ps.Addf("destinations["+strconv.Itoa(i)+"].share", d.Share, "a name that another destination has too")
		}
	}
}
