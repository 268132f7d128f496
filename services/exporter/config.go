package exporter

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"netstream/pipeline/config"
	"netstream/pipeline/filter"
	"netstream/pipeline/interfaces"
	"netstream/schemas/subject"
	"netstream/services/exporter/internal/encode"
)

// Config of an exporter.
type Config struct {
	Name         string        `yaml:"name" doc:"name under which the exporter keeps its position; another name starts from the first flow there is"`
	Sampling     uint32        `yaml:"sampling" doc:"announce that one packet in that many was sampled, at random; 0 announces nothing"`
	Routes       bool          `yaml:"routes" doc:"tell AS numbers, prefix lengths and next hops by the routing table on the bus, which the section routes of some process publishes"`
	AS           ASKind        `yaml:"as" doc:"which AS numbers: origin, those that own the addresses, or peer, those of the neighbours on the way"`
	Aggregations []Aggregation `yaml:"aggregations" doc:"modes by which flows are merged, for destinations that name them"`
	Checkpoint   time.Duration `yaml:"checkpoint_interval" doc:"how often the live aggregates are saved, 1s to 1h; a restart reads the flows since then again"`
	Destinations []Destination `yaml:"destinations" doc:"collectors, each of which gets all flows that it doesn't leave to others"`

	Interfaces       interfaces.Config `yaml:"interfaces" doc:"names of interfaces, sent with the templates of v9 and ipfix"`
	SystemInterfaces bool              `yaml:"system_interfaces" doc:"send the names of this machine's interfaces too, as they are when the exporter starts"`
	VRFs             []VRF             `yaml:"vrfs" doc:"names of VRFs, sent with the templates of v9 and ipfix"`
}

// Destination is one collector.
type Destination struct {
	Address           string        `yaml:"address" doc:"host:port; an IPv6 address stands in brackets"`
	Standby           []string      `yaml:"standby" doc:"addresses that take over, each when those before it can't be reached or refuse"`
	Transport         Transport     `yaml:"transport" doc:"udp, and with format ipfix tcp or tls"`
	TLS               Certificates  `yaml:"tls" doc:"with transport tls"`
	Format            Format        `yaml:"format" doc:"v5 (flows of kind ipv4 only), v8 (aggregates of IPv4 flows only), v9 or ipfix"`
	Aggregations      []string      `yaml:"aggregations" doc:"modes, of those under exporter.aggregations, whose aggregates are sent, and no flows; none: flows"`
	Monitors          []string      `yaml:"monitors" doc:"names of the monitors whose flows are sent; none: those of kinds ipv4 and (not in v5) ipv6. Other kinds are sent when named, not in v5"`
	Filter            string        `yaml:"filter" doc:"which flows are sent, such as protocol == 6 && in_net(dst_addr, \"10.0.0.0/8\"); empty: all. Names are those of netstream age --force"`
	Share             string        `yaml:"share" doc:"destinations with the same name here share the flows: each flow goes to one of them, a conversation's both directions to the same"`
	Source            string        `yaml:"source" doc:"local address to send from, with or without a port; empty: as the system chooses"`
	DSCP              int           `yaml:"dscp" doc:"DSCP of the packets, 0 to 63"`
	TTL               int           `yaml:"ttl" doc:"TTL or hop limit of the packets, 1 to 255; 0: as the system has it"`
	SourceID          uint32        `yaml:"source_id" doc:"v9, ipfix: observation domain; v5: engine type * 256 + engine id; v8: the same, to whose engine id each mode adds its scheme"`
	TemplateDatagrams uint32        `yaml:"template_datagrams" doc:"v9, ipfix: templates are repeated after this many datagrams, 1 to 600, …"`
	TemplateInterval  time.Duration `yaml:"template_interval" doc:"… or after this time of the flows, 1s to 60h, whichever comes first"`
	Profile           Profile       `yaml:"profile" doc:"v9, ipfix: widths of fields as devices have them: ipfix, huawei, h3c or cisco; empty: the exporter's own"`
	IndexWidth        int           `yaml:"index_width" doc:"v9, ipfix: bits of interface indexes, 16 or 32; 0: the profile's"`
	ASWidth           int           `yaml:"as_width" doc:"v9, ipfix: bits of AS numbers, 16 or 32; 0: the profile's"`
	CounterWidth      int           `yaml:"counter_width" doc:"v9, ipfix: bits of packets, bytes and flows, 32 or 64; 0: the profile's"`
	EndReason         bool          `yaml:"end_reason" doc:"v9: tell why a flow ended, as ipfix does anyway"`
	Statistics        bool          `yaml:"statistics" doc:"v9, ipfix: send with the templates how many bytes, datagrams and records went before"`
	FlowKeys          bool          `yaml:"flow_keys" doc:"ipfix: send with the templates which of their fields tell flows apart"`
	MTU               int           `yaml:"mtu" doc:"largest datagram in bytes; 0: 1472 to an IPv4 address, 1452 to an IPv6 address or a name, 16384 over tcp and tls"`
	Rate              int           `yaml:"rate" doc:"datagrams sent in a second at most; 0: no limit"`
}

// DefaultConfig is an exporter without destinations.
func DefaultConfig() Config {
	return Config{Name: "exporter", Checkpoint: 30 * time.Second, AS: OriginAS}
}

// DefaultDestination is version 9 with the templates every 20 datagrams or 60 s.
func DefaultDestination() Destination {
	return Destination{Format: V9, Transport: UDP, TemplateDatagrams: 20, TemplateInterval: time.Minute}
}

// SetDefaults makes d the default, as the configuration does before it reads an element of the list.
func (d *Destination) SetDefaults() { *d = DefaultDestination() }

// ASKind is which AS numbers are told.
type ASKind string

// The kinds, as devices have them.
const (
	OriginAS ASKind = "origin"
	PeerAS   ASKind = "peer"
)

// UnmarshalText implements encoding.TextUnmarshaler and refuses unknown kinds.
func (k *ASKind) UnmarshalText(text []byte) error {
	switch g := ASKind(text); g {
	case OriginAS, PeerAS:
		*k = g
		return nil
	default:
		return config.Problem{Value: string(text), Want: string(OriginAS + " or " + PeerAS)}
	}
}

// Limits of the settings.
const (
	maxTemplateDatagrams = 600
	maxTemplateInterval  = 60 * time.Hour
	maxMTU               = 65507 // the largest UDP payload over IPv4
	maxStreamMTU         = 65535 // the largest message of IPFIX
	maxStandby           = 8
	maxEngine            = 1<<16 - 1
	maxRate              = 10_000_000
	maxDSCP              = 63
	maxTTL               = 255
)

// Payloads that leave an Ethernet packet of 1500 bytes whole.
const (
	payloadIPv4 = 1472
	payloadIPv6 = 1452
)

// payloadStream is the largest message over a connection: a record of TLS (RFC 8446 §5.1).
const payloadStream = 1 << 14

// Validate reports all problems but those of the destinations, which report their own.
func (c Config) Validate() error {
	var ps config.Problems
	if err := subject.Valid(c.Name); err != nil {
		ps.Addf("name", c.Name, "1 to 64 letters, digits, _ or -")
	}
	if c.Checkpoint < time.Second || c.Checkpoint > time.Hour {
		ps.Addf("checkpoint_interval", c.Checkpoint, "1s to 1h")
	}
	c.validateModes(&ps)
	seen := map[string]int{}
	for i, d := range c.Destinations {
		if first, twice := seen[d.Name()]; twice {
			ps.Addf("destinations["+strconv.Itoa(i)+"].address", d.Address,
				"another address, format or source_id: destinations[%d] has the same", first)
			continue
		}
		seen[d.Name()] = i
	}
	c.validateShares(&ps)
	c.validateVRFs(&ps)
	return ps.Err()
}

// Validate reports all problems.
func (d Destination) Validate() error {
	var ps config.Problems
	if !isDestination(d.Address) {
		ps.Addf("address", d.Address, "host:port such as 192.0.2.1:2055, [2001:db8::1]:2055 or collector.example:2055")
	}
	d.validateStandby(&ps)
	if !slices.Contains(Formats(), d.Format) {
		ps.Addf("format", string(d.Format), "%s", formatNames)
	}
	d.validateAggregations(&ps)
	for i, name := range d.Monitors {
		key := "monitors[" + strconv.Itoa(i) + "]"
		if subject.Valid(name) != nil {
			ps.Addf(key, name, "the name of a monitor: 1 to 64 letters, digits, _ or -")
		} else if slices.Contains(d.Monitors[:i], name) {
			ps.Addf(key, name, "each monitor once")
		}
	}
	validateFilter(&ps, d.Filter)
	if d.Share != "" && subject.Valid(d.Share) != nil {
		ps.Addf("share", d.Share, "1 to 64 letters, digits, _ or -")
	} else if d.Share != "" && len(d.Aggregations) > 0 {
		ps.Addf("share", d.Share, "none with aggregations: only flows are shared")
	}
	d.validateTransport(&ps)
	d.validateSocket(&ps)
	if (d.Format == V5 || d.Format == V8) && d.SourceID > maxEngine {
		ps.Addf("source_id", d.SourceID, "at most %d with formats v5 and v8: engine type * 256 + engine id", maxEngine)
	}
	if d.TemplateDatagrams < 1 || d.TemplateDatagrams > maxTemplateDatagrams {
		ps.Addf("template_datagrams", d.TemplateDatagrams, "1 to %d", maxTemplateDatagrams)
	}
	if d.TemplateInterval < time.Second || d.TemplateInterval > maxTemplateInterval {
		ps.Addf("template_interval", d.TemplateInterval, "1s to %s", maxTemplateInterval)
	}
	d.validateAnnouncements(&ps)
	d.validateProfile(&ps)
	most := maxMTU
	if d.stream() {
		most = maxStreamMTU
	}
	if d.MTU != 0 && (d.MTU < encode.MinLimit || d.MTU > most) {
		ps.Addf("mtu", d.MTU, "0, or %d to %d", encode.MinLimit, most)
	}
	if d.Rate < 0 || d.Rate > maxRate {
		ps.Addf("rate", d.Rate, "0 to %d", maxRate)
	}
	return ps.Err()
}

// validateFilter reports what is wrong with a filter, which may be empty.
func validateFilter(ps *config.Problems, text string) {
	if text == "" {
		return
	}
	if _, err := filter.Compile(text); err != nil {
		ps.Addf("filter", text, "an expression that holds or not: %v", err)
	}
}

// validateSocket reports what no socket can be set to.
func (d Destination) validateSocket(ps *config.Problems) {
	source, err := d.source()
	if err != nil {
		ps.Addf("source", d.Source, "an address of this machine such as 192.0.2.7, 192.0.2.7:40000 or [2001:db8::7]:40000")
	}
	for _, address := range append([]string{d.Address}, d.Standby...) {
		host, _, _ := net.SplitHostPort(address)
		if to, name := netip.ParseAddr(host); err == nil && name == nil && source.Addr().IsValid() && to.Unmap().Is4() != source.Addr().Is4() {
			ps.Addf("source", d.Source, "an address of the same IP version as %s", host)
		}
	}
	if d.DSCP < 0 || d.DSCP > maxDSCP {
		ps.Addf("dscp", d.DSCP, "0 to %d", maxDSCP)
	}
	if d.TTL < 0 || d.TTL > maxTTL {
		ps.Addf("ttl", d.TTL, "0 to %d", maxTTL)
	}
}

// validateStandby reports addresses that can't take over.
func (d Destination) validateStandby(ps *config.Problems) {
	for i, a := range d.Standby {
		key := "standby[" + strconv.Itoa(i) + "]"
		if !isDestination(a) {
			ps.Addf(key, a, "host:port as in address")
		} else if a == d.Address || slices.Contains(d.Standby[:i], a) {
			ps.Addf(key, a, "each address once")
		}
	}
	if len(d.Standby) > maxStandby {
		ps.Addf("standby", len(d.Standby), "at most %d addresses", maxStandby)
	}
}

// source is where to send from: an address with or without (0) a port, or nothing.
func (d Destination) source() (netip.AddrPort, error) {
	if d.Source == "" {
		return netip.AddrPort{}, nil
	}
	if a, err := netip.ParseAddr(d.Source); err == nil {
		return netip.AddrPortFrom(a.Unmap(), 0), nil
	}
	a, err := netip.ParseAddrPort(d.Source)
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), err
}

// filter is the filter of a valid destination, nil if it has none.
func (d Destination) filter() *filter.Filter {
	if d.Filter == "" {
		return nil
	}
	f, err := filter.Compile(d.Filter)
	if err != nil {
		panic("exporter: the filter of a destination that wasn't validated: " + err.Error())
	}
	return f
}

// isDestination tells whether datagrams can be sent to the address as far as its text tells.
func isDestination(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// Name tells destinations apart in the state, in logs and in metrics: "192.0.2.1:2055/v9", with "/7" for source id 7.
func (d Destination) Name() string {
	name := d.Address + "/" + string(d.Format)
	if d.SourceID != 0 {
		name += "/" + strconv.FormatUint(uint64(d.SourceID), 10)
	}
	return name
}

// payload is the largest payload of a datagram. It follows from the configuration alone and not from what a name
// resolves to, so that the same flows always give the same datagrams.
func (d Destination) payload() int {
	if d.MTU != 0 {
		return d.MTU
	}
	if d.stream() {
		return payloadStream
	}
	for _, address := range append([]string{d.Address}, d.Standby...) {
		host, _, _ := net.SplitHostPort(address)
		if ip, err := netip.ParseAddr(host); err != nil || !ip.Unmap().Is4() {
			return payloadIPv6
		}
	}
	return payloadIPv4
}
