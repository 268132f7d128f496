// Package monitors is the configuration of the flow definitions, one list that sampler, flow cache and ager share.
package monitors

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"netstream/pipeline/config"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/schemas/subject"
)

// Monitor is one flow definition.
type Monitor struct {
	Name      string        `yaml:"name" doc:"name of the monitor, in SQL and in the ledger"`
	Kind      string        `yaml:"kind" doc:"ipv4, ipv6, layer2, mpls, vpn, srv6-inner, tunnel-inner or flexible"`
	MPLS      string        `yaml:"mpls" doc:"of kind mpls: label-only, ip-only or label-and-ip"`
	Match     []string      `yaml:"match" doc:"of kind flexible: fields of the key, such as [src_addr, dst_port, vlan]; the direction is always one"`
	Collect   []string      `yaml:"collect" doc:"of kind flexible: fields of the flow's first packet that are kept, and extremes: least and greatest length and TTL"`
	Active    time.Duration `yaml:"active_timeout" doc:"of its flows; 0s: the ager's"`
	Inactive  time.Duration `yaml:"inactive_timeout" doc:"of its flows; 0s: the ager's"`
	FINRST    *bool         `yaml:"fin_rst" doc:"whether a TCP FIN or RST ends its flows; left out: the ager's"`
	ByteLimit uint64        `yaml:"byte_limit" doc:"of its flows; 0: the ager's"`
}

// Config is the list of monitors; each applies to every source.
type Config []Monitor

// Default is a monitor for IPv4 and one for IPv6.
func Default() Config { return Config{{Name: "ipv4", Kind: "ipv4"}, {Name: "ipv6", Kind: "ipv6"}} }

// Modes of kind mpls.
var mplsModes = map[string]key.Fields{
	"label-only": monitor.LabelOnly, "ip-only": monitor.IPOnly, "label-and-ip": monitor.LabelAndIP,
}

// defaultMPLS is Huawei's.
const defaultMPLS = "ip-only"

// extremes is the name in Collect that stands for least and greatest length and TTL.
const extremes = "extremes"

// maxMonitors bounds what every packet is held against.
const maxMonitors = 32

// Validate reports what single monitors don't see.
func (c Config) Validate() error {
	var ps config.Problems
	if len(c) == 0 || len(c) > maxMonitors {
		ps.Addf("", len(c), "1 to %d monitors", maxMonitors)
	}
	seen := map[string]int{}
	for i, m := range c {
		if first, twice := seen[m.Name]; twice {
			ps.Addf(fmt.Sprintf("[%d].name", i), m.Name, "another name: [%d] has the same", first)
			continue
		}
		seen[m.Name] = i
	}
	return ps.Err()
}

// Validate reports all problems.
func (m Monitor) Validate() error {
	var ps config.Problems
	if subject.Valid(m.Name) != nil {
		ps.Addf("name", m.Name, "1 to 64 letters, digits, _ or -")
	}
	kind, ok := monitor.ParseKind(m.Kind)
	if !ok {
		ps.Addf("kind", m.Kind, "%s", strings.Join(monitor.KindNames(), ", "))
		return ps.Err()
	}
	if _, ok := mplsModes[m.MPLS]; m.MPLS != "" && (!ok || kind != monitor.MPLS) {
		ps.Addf("mpls", m.MPLS, "label-only, ip-only or label-and-ip, with kind mpls alone")
	}
	if kind != monitor.Flexible {
		if len(m.Match)+len(m.Collect) > 0 {
			ps.Addf("match", strings.Join(append(slices.Clone(m.Match), m.Collect...), ", "), "nothing: only kind flexible has match and collect")
		}
	} else {
		m.validateFields(&ps)
	}
	if m.Active != 0 && (m.Active < time.Second || m.Active > 24*time.Hour) {
		ps.Addf("active_timeout", m.Active, "0s, or 1s to 24h")
	}
	if m.Inactive != 0 && (m.Inactive < time.Second || m.Inactive > time.Hour) {
		ps.Addf("inactive_timeout", m.Inactive, "0s, or 1s to 1h")
	}
	if m.ByteLimit != 0 && m.ByteLimit < 1<<16 {
		ps.Addf("byte_limit", m.ByteLimit, "0, or at least %d", 1<<16)
	}
	return ps.Err()
}

func (m Monitor) validateFields(ps *config.Problems) {
	match, err := key.ParseFields(m.Match)
	if err != nil {
		ps.Addf("match", strings.Join(m.Match, ", "), "each field once: %s", err)
		return
	}
	collect, _, err := m.collect()
	if err != nil {
		ps.Addf("collect", strings.Join(m.Collect, ", "), "each field once, or extremes: %s", err)
		return
	}
	d := monitor.Definition{Name: "x", Kind: monitor.Flexible, Match: match, Collect: collect}
	if err := d.Check(); err != nil {
		ps.Addf("match", strings.Join(m.Match, ", "), "a key that can be: %s", err)
	}
}

func (m Monitor) collect() (fields key.Fields, withExtremes bool, err error) {
	names := slices.DeleteFunc(slices.Clone(m.Collect), func(n string) bool { return n == extremes })
	fields, err = key.ParseFields(names)
	return fields, len(names) < len(m.Collect), err
}

// Definitions are the monitors as they travel. The configuration must be valid.
func (c Config) Definitions() []monitor.Definition {
	ds := make([]monitor.Definition, len(c))
	for i, m := range c {
		kind, _ := monitor.ParseKind(m.Kind)
		d := monitor.New(m.Name, kind)
		switch kind {
		case monitor.MPLS:
			d.Match = mplsModes[cmp.Or(m.MPLS, defaultMPLS)]
		case monitor.Flexible:
			d.Match, _ = key.ParseFields(m.Match)
			d.Collect, d.Extremes, _ = m.collect()
		}
		ds[i] = d
	}
	return ds
}
