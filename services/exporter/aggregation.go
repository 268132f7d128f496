package exporter

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"netstream/pipeline/config"
	"netstream/pipeline/filter"
	"netstream/schemas/subject"
	"netstream/services/exporter/internal/aggregate"
)

// Aggregation is a mode at work: flows that agree in a few fields become one.
type Aggregation struct {
	Mode            string        `yaml:"mode" json:"mode" doc:"as, as-tos, protocol-port, protocol-port-tos, source-prefix, source-prefix-tos, destination-prefix, destination-prefix-tos, prefix, prefix-tos, bgp-nexthop-tos, index-tos, source-index-tos or vlan-id"`
	Active          time.Duration `yaml:"active" json:"active" doc:"how long an aggregate lives, 1s to 24h of the flows' time"`
	Inactive        time.Duration `yaml:"inactive" json:"inactive" doc:"how long an aggregate lives without another flow, 1s to 24h of the flows' time"`
	Limit           int           `yaml:"limit" json:"limit" doc:"aggregates that live at a time, 1 to 16777216; for one more the one that was longest without a flow ends"`
	Monitors        []string      `yaml:"monitors" json:"monitors,omitempty" doc:"names of the monitors whose flows are merged; none: those of kinds ipv4 and ipv6, of vlan-id those of kind layer2"`
	Filter          string        `yaml:"filter" json:"filter,omitempty" doc:"which flows are merged; empty: all. As the filter of a destination"`
	SourceMask      uint8         `yaml:"source_mask" json:"source_mask" doc:"least length of a source prefix, 0 to 32, where the route's is shorter or there is none"`
	DestinationMask uint8         `yaml:"destination_mask" json:"destination_mask" doc:"the same of a destination prefix"`
	SourceMaskIPv6  uint8         `yaml:"source_mask_ipv6" json:"source_mask_ipv6" doc:"the same of an IPv6 source prefix, 0 to 128"`
	DestMaskIPv6    uint8         `yaml:"destination_mask_ipv6" json:"destination_mask_ipv6" doc:"the same of an IPv6 destination prefix"`
}

// Modes lists the modes by name.
func Modes() []string { return aggregate.Names() }

// DefaultAggregation lives for five minutes, or a minute without a flow.
func DefaultAggregation() Aggregation {
	return Aggregation{Active: 5 * time.Minute, Inactive: time.Minute, Limit: 1 << 16}
}

// SetDefaults makes a the default, as the configuration does before it reads an element of the list.
func (a *Aggregation) SetDefaults() { *a = DefaultAggregation() }

const (
	maxTimer = 24 * time.Hour
	maxLimit = 1 << 24
)

// Validate reports all problems.
func (a Aggregation) Validate() error {
	var ps config.Problems
	if _, ok := aggregate.Parse(a.Mode); !ok {
		ps.Addf("mode", a.Mode, "%s", strings.Join(aggregate.Names(), ", "))
	}
	timer := func(key string, d time.Duration) {
		if d < time.Second || d > maxTimer || d%time.Second != 0 {
			ps.Addf(key, d, "1s to %s, in whole seconds", maxTimer)
		}
	}
	timer("active", a.Active)
	timer("inactive", a.Inactive)
	if a.Limit < 1 || a.Limit > maxLimit {
		ps.Addf("limit", a.Limit, "1 to %d", maxLimit)
	}
	for i, name := range a.Monitors {
		if subject.Valid(name) != nil || slices.Contains(a.Monitors[:i], name) {
			ps.Addf("monitors["+strconv.Itoa(i)+"]", name, "the name of a monitor: 1 to 64 letters, digits, _ or -; each once")
		}
	}
	validateFilter(&ps, a.Filter)
	mask := func(key string, length, most uint8) {
		if length > most {
			ps.Addf(key, length, "0 to %d", most)
		}
	}
	mask("source_mask", a.SourceMask, 32)
	mask("destination_mask", a.DestinationMask, 32)
	mask("source_mask_ipv6", a.SourceMaskIPv6, 128)
	mask("destination_mask_ipv6", a.DestMaskIPv6, 128)
	return ps.Err()
}

// config is a valid aggregation for the cache.
func (a *Aggregation) config() (aggregate.Config, error) {
	mode, ok := aggregate.Parse(a.Mode)
	if !ok {
		return aggregate.Config{}, fmt.Errorf("aggregation mode %q isn't known", a.Mode)
	}
	c := aggregate.Config{
		Mode:     mode,
		Limits:   aggregate.Limits{Active: int64(a.Active.Seconds()), Inactive: int64(a.Inactive.Seconds()), Most: a.Limit},
		Masks:    aggregate.Masks{Src: a.SourceMask, Dst: a.DestinationMask, SrcIPv6: a.SourceMaskIPv6, DstIPv6: a.DestMaskIPv6},
		Monitors: a.Monitors,
	}
	if a.Filter != "" {
		f, err := filter.Compile(a.Filter)
		if err != nil {
			return aggregate.Config{}, fmt.Errorf("filter of aggregation %s: %w", a.Mode, err)
		}
		c.Filter = f
	}
	return c, nil
}

// newCache makes the tables of aggregations.
func newCache(as []Aggregation, shards int) (*aggregate.Cache, error) {
	var configs []aggregate.Config
	for i := range as {
		c, err := as[i].config()
		if err != nil {
			return nil, err
		}
		configs = append(configs, c)
	}
	return aggregate.NewCache(configs, shards), nil
}

// settings are aggregations as text, empty for none: what the state says they were.
func settings(as []Aggregation) (string, error) {
	if len(as) == 0 {
		return "", nil
	}
	text, err := json.Marshal(as)
	return string(text), err
}

func parseSettings(text string) (as []Aggregation, err error) {
	if text == "" {
		return nil, nil
	}
	return as, json.Unmarshal([]byte(text), &as)
}

// modes are those of a valid destination.
func (d *Destination) modes() (out []aggregate.Mode) {
	for _, name := range d.Aggregations {
		m, _ := aggregate.Parse(name)
		out = append(out, m)
	}
	return out
}

// validateAggregations reports what the aggregations of a destination can't be.
func (d *Destination) validateAggregations(ps *config.Problems) {
	if d.Format == V8 && len(d.Aggregations) == 0 {
		ps.Addf("aggregations", "", "at least one with format v8, which has nothing else; %s and %s send flows", V9, IPFIX)
	}
	if len(d.Aggregations) == 0 {
		return
	}
	if d.Format == V5 {
		ps.Addf("aggregations", strings.Join(d.Aggregations, ", "), "none with format v5, which can't carry them: %s, %s or %s can", V8, V9, IPFIX)
	}
	if d.Filter != "" {
		ps.Addf("filter", d.Filter, "none beside aggregations: an aggregation has a filter of its own")
	}
	if len(d.Monitors) > 0 {
		ps.Addf("monitors", strings.Join(d.Monitors, ", "), "none beside aggregations: an aggregation names its own; for flows take another destination with another source_id")
	}
	for i, name := range d.Aggregations {
		key := "aggregations[" + strconv.Itoa(i) + "]"
		mode, ok := aggregate.Parse(name)
		switch {
		case !ok:
			ps.Addf(key, name, "%s", strings.Join(aggregate.Names(), ", "))
		case slices.Contains(d.Aggregations[:i], name):
			ps.Addf(key, name, "each mode once")
		case d.Format == V8 && mode.Scheme() == 0:
			ps.Addf(key, name, "a mode that version 8 has; %s and %s carry this one", V9, IPFIX)
		}
	}
}

// validateModes reports aggregations that are there twice, and those that a destination names and that aren't there.
func (c *Config) validateModes(ps *config.Problems) {
	var modes []string
	for i := range c.Aggregations {
		if mode := c.Aggregations[i].Mode; slices.Contains(modes, mode) {
			ps.Addf("aggregations["+strconv.Itoa(i)+"].mode", mode, "each mode once; an exporter of another name can have it with other settings")
		} else {
			modes = append(modes, mode)
		}
	}
	for i := range c.Destinations {
		for j, name := range c.Destinations[i].Aggregations {
			if _, known := aggregate.Parse(name); known && !slices.Contains(modes, name) {
				ps.Addf(fmt.Sprintf("destinations[%d].aggregations[%d]", i, j), name, "a mode that is listed under exporter.aggregations: %s", strings.Join(modes, ", "))
			}
		}
	}
}
