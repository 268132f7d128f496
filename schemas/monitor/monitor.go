// Package monitor defines flows: a monitor has a kind of record, the fields of its key and what it collects. Its
// definition travels with the data, so that readers need no configuration to understand it.
package monitor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"netstream/schemas/key"
	"netstream/schemas/subject"
)

// Kind is the kind of a monitor's records (spec section 8.1). The same codes stand in the database.
type Kind uint8

// Kinds.
const (
	IPv4        Kind = 1 // the 7-tuple of IPv4 packets
	IPv6        Kind = 2 // the 8-tuple of IPv6 packets
	Layer2      Kind = 3 // MAC addresses, VLAN, EtherType of Ethernet frames
	MPLS        Kind = 4 // labels, the IP tuple below them, or both
	VPN         Kind = 5 // the IP tuple and the VRF
	SRv6Inner   Kind = 6 // the IP tuple inside SRv6
	Flexible    Kind = 7 // any fields
	TunnelInner Kind = 8 // the IP tuple of the innermost header behind tunnels
)

var kindNames = [...]string{IPv4: "ipv4", IPv6: "ipv6", Layer2: "layer2", MPLS: "mpls", VPN: "vpn", SRv6Inner: "srv6-inner", Flexible: "flexible", TunnelInner: "tunnel-inner"}

// String is the kind's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "unknown"
}

// KindNames lists the names of all kinds.
func KindNames() []string { return kindNames[1:] }

// ParseKind reads a kind's name.
func ParseKind(name string) (Kind, bool) {
	for k, n := range kindNames {
		if n == name && n != "" {
			return Kind(k), true
		}
	}
	return 0, false
}

// Wide tells whether the kind's records have wide keys.
func (k Kind) Wide() bool { return k != IPv4 && k != IPv6 }

// Definition is one monitor.
type Definition struct {
	Name     string
	Kind     Kind
	Match    key.Fields // of the key; the direction is always part of it
	Collect  key.Fields // of the first packet, kept beside the counters
	Extremes bool       // least and greatest length and TTL are kept
	// Immediate says that each packet is a flow of its own: none is merged with another.
	Immediate bool
}

// Collects tells whether the monitor keeps more than key and counters.
func (d *Definition) Collects() bool { return d.Collect != 0 || d.Extremes }

// Reads are the fields of a packet that the monitor needs; DSCP is read as TOS.
func (d *Definition) Reads() key.Fields {
	f := d.Match | d.Collect
	if d.Extremes {
		f |= key.Of(key.TTL)
	}
	if f.Has(key.DSCP) {
		f |= key.Of(key.TOS)
	}
	return f
}

// tuple is the key of an IP flow: the 7-tuple, or with the flow label the 8-tuple.
const tuple = key.Tuple | 1<<key.Interface

// fixed are the fields of the kinds whose key is given.
var fixed = map[Kind]key.Fields{
	IPv4: tuple &^ (1 << key.FlowLabel), IPv6: tuple,
	Layer2:    key.Frame | 1<<key.VLAN | 1<<key.Interface,
	VPN:       tuple | 1<<key.VRF,
	SRv6Inner: tuple, TunnelInner: tuple,
}

// Modes of kind mpls (spec section 8.1).
const (
	LabelOnly  key.Fields = key.Labels3 | 1<<key.Interface
	IPOnly     key.Fields = tuple
	LabelAndIP key.Fields = tuple | key.Labels3
)

// New makes a monitor of a kind whose key is given. mpls and flexible have several: their Match must be set.
func New(name string, kind Kind) Definition {
	return Definition{Name: name, Kind: kind, Match: fixed[kind]}
}

// Default is one monitor for IPv4 and one for IPv6.
func Default() []Definition { return []Definition{New("ipv4", IPv4), New("ipv6", IPv6)} }

// ErrDefinition is met when the text of a definition can't be read.
var ErrDefinition = errors.New("bad monitor definition")

// Check refuses what no monitor can be.
func (d *Definition) Check() error {
	if err := subject.Valid(d.Name); err != nil {
		return fmt.Errorf("%w: name: %w", ErrDefinition, err)
	}
	want, given := fixed[d.Kind]
	switch {
	case d.Kind.String() == "unknown":
		return fmt.Errorf("%w: %s: kind %d", ErrDefinition, d.Name, d.Kind)
	case given && (d.Match != want || d.Collects()):
		return fmt.Errorf("%w: %s: a monitor of kind %s has its own fields", ErrDefinition, d.Name, d.Kind)
	case d.Kind == MPLS && (d.Match != LabelOnly && d.Match != IPOnly && d.Match != LabelAndIP):
		return fmt.Errorf("%w: %s: mpls matches labels, the IP tuple or both", ErrDefinition, d.Name)
	case d.Match == 0:
		return fmt.Errorf("%w: %s: it matches no field", ErrDefinition, d.Name)
	case d.Match&d.Collect != 0:
		return fmt.Errorf("%w: %s: %s both matched and collected", ErrDefinition, d.Name, strings.Join((d.Match&d.Collect).Names(), ", "))
	case (d.Match | d.Collect).Has(key.TOS) && (d.Match | d.Collect).Has(key.DSCP):
		return fmt.Errorf("%w: %s: tos and dscp, which is part of it", ErrDefinition, d.Name)
	case d.Collect.Has(key.TCPFlags):
		return fmt.Errorf("%w: %s: tcp_flags can be matched; where the key has the 5-tuple, those of all packets are kept anyway", ErrDefinition, d.Name)
	}
	return nil
}

// Extremes stands among the collected fields for the least and greatest length and TTL.
const Extremes = "extremes"

// immediate ends the text of a monitor whose packets aren't merged.
const immediate = "/immediate"

// String is the definition as it travels: name=kind, and where the kind leaves them open the fields in their order,
// name=flexible:dst_port,vlan;src_mac,extremes. That of an immediate one ends in /immediate.
func (d Definition) String() string {
	if d.Immediate {
		d.Immediate = false
		return d.String() + immediate
	}
	s := d.Name + "=" + d.Kind.String()
	if _, given := fixed[d.Kind]; given {
		return s
	}
	s += ":" + strings.Join(d.Match.Names(), ",")
	collect := d.Collect.Names()
	if d.Extremes {
		collect = append(collect, Extremes)
	}
	if len(collect) > 0 {
		s += ";" + strings.Join(collect, ",")
	}
	return s
}

// Parse reads a definition.
func Parse(text string) (Definition, error) {
	rest, single := strings.CutSuffix(text, immediate)
	name, rest, _ := strings.Cut(rest, "=")
	kindName, fields, more := strings.Cut(rest, ":")
	kind, ok := ParseKind(kindName)
	if !ok {
		return Definition{}, fmt.Errorf("%w: %q", ErrDefinition, text)
	}
	d := New(name, kind)
	d.Immediate = single
	if more {
		match, collect, _ := strings.Cut(fields, ";")
		var err error
		if d.Match, err = key.ParseFields(list(match)); err != nil {
			return Definition{}, fmt.Errorf("%w: %q: %w", ErrDefinition, text, err)
		}
		names := list(collect)
		if n := len(names); n > 0 && names[n-1] == Extremes {
			d.Extremes, names = true, names[:n-1]
		}
		if d.Collect, err = key.ParseFields(names); err != nil {
			return Definition{}, fmt.Errorf("%w: %q: %w", ErrDefinition, text, err)
		}
	}
	if err := d.Check(); err != nil {
		return Definition{}, err
	}
	return d, nil
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// Format writes definitions as a header field.
func Format(ds []Definition) string {
	texts := make([]string, len(ds))
	for i, d := range ds {
		texts[i] = d.String()
	}
	return strings.Join(texts, " ")
}

// maxMonitors is how many a message can count through.
const maxMonitors = 255

// ParseList reads a header field of definitions. Each name must be there once: flows and counters are told apart by it.
func ParseList(texts []string) ([]Definition, error) {
	if len(texts) > maxMonitors {
		return nil, fmt.Errorf("%w: %d monitors, want at most %d", ErrDefinition, len(texts), maxMonitors)
	}
	ds := make([]Definition, len(texts))
	for i, t := range texts {
		d, err := Parse(t)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(ds[:i], func(o Definition) bool { return o.Name == d.Name }) {
			return nil, fmt.Errorf("%w: two monitors named %s", ErrDefinition, d.Name)
		}
		ds[i] = d
	}
	return ds, nil
}
