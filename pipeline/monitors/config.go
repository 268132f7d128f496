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
	FlowLimit int           `yaml:"flow_limit" doc:"live flows of a source and flow shard; 0: the ager's"`
	Cache     string        `yaml:"cache" doc:"normal; immediate: each packet is a flow; permanent: only active_timeout ends flows; synchronized: all end together when the time is a multiple of active_timeout"`
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

// Types of caches, as in Flexible NetFlow.
const (
	Normal       = "normal"
	Immediate    = "immediate"
	Permanent    = "permanent"
	Synchronized = "synchronized"
)

// Caches lists the types of caches.
var Caches = []string{Normal, Immediate, Permanent, Synchronized}

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
		ps.Addf("kind", m.Kind, "one of %s", strings.Join(monitor.KindNames(), ", "))
	}
	if _, known := mplsModes[m.MPLS]; m.MPLS != "" && !known {
		ps.Addf("mpls", m.MPLS, "label-only, ip-only or label-and-ip")
	} else if m.MPLS != "" && ok && kind != monitor.MPLS {
		ps.Addf("mpls", m.MPLS, "nothing here: it is of kind mpls alone")
	}
	if ok {
		m.validateFields(kind, &ps)
	}
	if m.Active != 0 && (m.Active < time.Second || m.Active > 24*time.Hour) {
		ps.Addf("active_timeout", m.Active, "0s, or 1s to 24h")
	}
	if m.Inactive != 0 && (m.Inactive < time.Second || m.Inactive > time.Hour) {
		ps.Addf("inactive_timeout", m.Inactive, "0s, or 1s to 1h")
	} else if m.Active != 0 && m.Inactive > m.Active {
		ps.Addf("inactive_timeout", m.Inactive, "at most active_timeout (%s)", m.Active)
	}
	if m.ByteLimit != 0 && m.ByteLimit < 1<<16 {
		ps.Addf("byte_limit", m.ByteLimit, "0, or at least %d", 1<<16)
	}
	if m.FlowLimit < 0 {
		ps.Addf("flow_limit", m.FlowLimit, "0, or at least 1")
	}
	if m.Cache != "" && !slices.Contains(Caches, m.Cache) {
		ps.Addf("cache", m.Cache, "one of %s", strings.Join(Caches, ", "))
	}
	return ps.Err()
}

// validateFields reports the problems of what is matched and collected.
func (m Monitor) validateFields(kind monitor.Kind, ps *config.Problems) {
	if kind != monitor.Flexible {
		for _, l := range []list{{"match", m.Match}, {"collect", m.Collect}} {
			if len(l.names) > 0 {
				ps.Addf(l.key, strings.Join(l.names, ", "), "nothing here: it is of kind flexible alone")
			}
		}
		return
	}
	match, whole := list{"match", m.Match}.parse(ps, 0)
	collect, _ := list{"collect", m.Collect}.parse(ps, match)
	if whole && match == 0 {
		ps.Addf("match", nil, "at least one of %s", fieldNames())
	}
	if both := match | collect; both.Has(key.TOS) && both.Has(key.DSCP) {
		ps.Addf("match", strings.Join(append(slices.Clone(m.Match), m.Collect...), ", "), "tos or dscp in the two together: dscp is a part of tos")
	}
}

// fieldNames lists the fields, the labels in short.
func fieldNames() string {
	labels := key.Stack.Names()
	return strings.Replace(strings.Join(key.FieldNames(), ", "), strings.Join(labels, ", "), labels[0]+" to "+labels[len(labels)-1], 1)
}

// list is one of the lists of fields.
type list struct {
	key   string
	names []string
}

// parse reads the fields and reports those that aren't known, are there twice or are in the other list already.
func (l list) parse(ps *config.Problems, other key.Fields) (fields key.Fields, whole bool) {
	whole = true
	for i, name := range l.names {
		at := fmt.Sprintf("%s[%d]", l.key, i)
		f, ok := key.ParseField(name)
		switch {
		case slices.Contains(l.names[:i], name):
			ps.Addf(at, name, "each field once")
		case l.key == "collect" && name == monitor.Extremes:
		case !ok && l.key == "collect":
			ps.Addf(at, name, "%s, or one of %s", monitor.Extremes, fieldNames())
		case !ok:
			ps.Addf(at, name, "one of %s", fieldNames())
		case l.key == "collect" && f == key.TCPFlags:
			ps.Addf(at, name, "it in match: those of all packets are kept anyway where match has the 5-tuple")
		case other.Has(f):
			ps.Addf(at, name, "a field that isn't matched: all packets of a flow agree in those")
		default:
			fields |= key.Of(f)
			continue
		}
		whole = false
	}
	return fields, whole
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
			collect := slices.DeleteFunc(slices.Clone(m.Collect), func(name string) bool { return name == monitor.Extremes })
			d.Collect, _ = key.ParseFields(collect)
			d.Extremes = len(collect) < len(m.Collect)
		}
		d.Immediate = m.Cache == Immediate
		ds[i] = d
	}
	return ds
}
