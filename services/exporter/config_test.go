package exporter_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netstream/pipeline/config"
	"netstream/pipeline/filter"
	"netstream/pipeline/interfaces"
	"netstream/services/exporter"
)

type file struct {
	Exporter exporter.Config `yaml:"exporter" doc:"stage 4a"`
}

func parse(text string) (exporter.Config, error) {
	f := file{exporter.DefaultConfig()}
	err := config.Parse("netstream.yaml", []byte(text), nil, &f)
	return f.Exporter, err
}

func TestConfig(t *testing.T) {
	got, err := parse(`
exporter:
  name: edge-1
  sampling: 1000
  interfaces: [{index: 3, name: GE1/0/1, description: "to core", speed: 10G, vrf: 7}, {index: 3, name: eth3, source: tap}]
  system_interfaces: true
  vrfs: [{id: 7, name: red}]
  aggregations:
    - mode: prefix
      source_mask: 24
      filter: protocol == 6
    - {mode: vlan-id, monitors: [l2], active: 10m, inactive: 2m, limit: 1000}
  destinations:
    - address: 192.0.2.1:2055
    - address: 192.0.2.1:2056
      format: v8
      aggregations: [prefix]
    - address: "[2001:db8::1]:9995"
      format: v5
      monitors: [ipv4, edge]
      source_id: 513
      template_datagrams: 600
      template_interval: 30m
      mtu: 8972
      rate: 500
      filter: 'protocol == 6 && in_net(dst_addr, "10.0.0.0/8")'
      source: "[2001:db8::7]:40000"
      dscp: 46
      ttl: 3
    - address: collector.example:4740
      standby: ["192.0.2.5:4740", "[2001:db8::5]:4740"]
      format: ipfix
      transport: tls
      tls: {ca: /etc/netstream/ca.pem, cert: /etc/netstream/cert.pem, key: /etc/netstream/key.pem, server_name: collector}
      share: pair
      mtu: 65535
    - address: 192.0.2.6:4739
      format: ipfix
      transport: tcp
      share: pair
      profile: h3c
      as_width: 16
      counter_width: 32
      index_width: 16
      statistics: true
      flow_keys: true
    - {address: "192.0.2.7:2055", profile: huawei, end_reason: true}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := exporter.Config{Name: "edge-1", Sampling: 1000, AS: exporter.OriginAS, Checkpoint: 30 * time.Second, Aggregations: []exporter.Aggregation{
		{Mode: "prefix", Active: 5 * time.Minute, Inactive: time.Minute, Limit: 65536, SourceMask: 24, Filter: "protocol == 6"},
		{Mode: "vlan-id", Active: 10 * time.Minute, Inactive: 2 * time.Minute, Limit: 1000, Monitors: []string{"l2"}},
	}, Destinations: []exporter.Destination{
		{Address: "192.0.2.1:2055", Format: exporter.V9, Transport: exporter.UDP, TemplateDatagrams: 20, TemplateInterval: time.Minute},
		{Address: "192.0.2.1:2056", Format: exporter.V8, Transport: exporter.UDP, Aggregations: []string{"prefix"}, TemplateDatagrams: 20, TemplateInterval: time.Minute},
		{Address: "[2001:db8::1]:9995", Format: exporter.V5, Transport: exporter.UDP, Monitors: []string{"ipv4", "edge"}, SourceID: 513, TemplateDatagrams: 600, TemplateInterval: 30 * time.Minute, MTU: 8972, Rate: 500,
			Filter: `protocol == 6 && in_net(dst_addr, "10.0.0.0/8")`, Source: "[2001:db8::7]:40000", DSCP: 46, TTL: 3},
		{Address: "collector.example:4740", Standby: []string{"192.0.2.5:4740", "[2001:db8::5]:4740"}, Format: exporter.IPFIX, Transport: exporter.TLS,
			TLS:   exporter.Certificates{CA: "/etc/netstream/ca.pem", Cert: "/etc/netstream/cert.pem", Key: "/etc/netstream/key.pem", ServerName: "collector"},
			Share: "pair", MTU: 65535, TemplateDatagrams: 20, TemplateInterval: time.Minute},
		{Address: "192.0.2.6:4739", Format: exporter.IPFIX, Transport: exporter.TCP, Share: "pair", TemplateDatagrams: 20, TemplateInterval: time.Minute,
			Profile: exporter.ProfileH3C, IndexWidth: 16, ASWidth: 16, CounterWidth: 32, Statistics: true, FlowKeys: true},
		{Address: "192.0.2.7:2055", Format: exporter.V9, Transport: exporter.UDP, TemplateDatagrams: 20, TemplateInterval: time.Minute, Profile: exporter.ProfileHuawei, EndReason: true},
	}, Interfaces: interfaces.Config{{Index: 3, Name: "GE1/0/1", Description: "to core", Speed: 10e9, VRF: 7}, {Index: 3, Name: "eth3", Source: "tap"}},
		SystemInterfaces: true, VRFs: []exporter.VRF{{ID: 7, Name: "red"}}}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n0, n1 := want.Destinations[0].Name(), want.Destinations[2].Name(); n0 != "192.0.2.1:2055/v9" || n1 != "[2001:db8::1]:9995/v5/513" {
		t.Errorf("names %s and %s", n0, n1)
	}
}

func TestConfigProblems(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"every problem at once", `
exporter:
  name: a b
  destinations:
    - address: "192.0.2.1"
      format: v7
      mtu: 100
      rate: -1
      monitors: [ipv4, "a b", ipv4]
    - address: "::1:2055"
      format: v5
      source_id: 65536
      template_datagrams: 0
      template_interval: 100ms
`, `
netstream.yaml:3:3: exporter.name: "a b", want 1 to 64 letters, digits, _ or -
netstream.yaml:5:7: exporter.destinations[0].address: "192.0.2.1", want host:port such as 192.0.2.1:2055, [2001:db8::1]:2055 or collector.example:2055
netstream.yaml:6:7: exporter.destinations[0].format: v7, want v5, v8, v9 or ipfix
netstream.yaml:7:7: exporter.destinations[0].mtu: 100, want 0, or 512 to 65507
netstream.yaml:8:7: exporter.destinations[0].rate: -1, want 0 to 10000000
netstream.yaml:9:24: exporter.destinations[0].monitors[1]: "a b", want the name of a monitor: 1 to 64 letters, digits, _ or -
netstream.yaml:9:31: exporter.destinations[0].monitors[2]: "ipv4", want each monitor once
netstream.yaml:10:7: exporter.destinations[1].address: "::1:2055", want host:port such as 192.0.2.1:2055, [2001:db8::1]:2055 or collector.example:2055
netstream.yaml:12:7: exporter.destinations[1].source_id: 65536, want at most 65535 with formats v5 and v8: engine type * 256 + engine id
netstream.yaml:13:7: exporter.destinations[1].template_datagrams: 0, want 1 to 600
netstream.yaml:14:7: exporter.destinations[1].template_interval: 100ms, want 1s to 60h0m0s`},
		{"modes that can't be", `
exporter:
  checkpoint_interval: 1ms
  aggregations:
    - {mode: prefix-port, active: 1500ms, inactive: 25h, limit: 0, source_mask: 33, destination_mask_ipv6: 129, monitors: [a, a]}
    - mode: as
    - mode: as
    - {mode: index-tos, filter: dst_port}
  destinations:
    - {address: "192.0.2.1:2055", format: v8}
    - {address: "192.0.2.2:2055", format: v5, aggregations: [as]}
    - {address: "192.0.2.3:2055", format: v8, aggregations: [as, index-tos, prefix, nothing, as]}
    - {address: "192.0.2.4:2055", aggregations: [as], monitors: [a], filter: protocol == 6}
`, `
netstream.yaml:3:3: exporter.checkpoint_interval: 1ms, want 1s to 1h
netstream.yaml:5:8: exporter.aggregations[0].mode: "prefix-port", want as, as-tos, protocol-port, protocol-port-tos, source-prefix, source-prefix-tos, destination-prefix, destination-prefix-tos, prefix, prefix-tos, bgp-nexthop-tos, index-tos, source-index-tos, vlan-id
netstream.yaml:5:27: exporter.aggregations[0].active: 1.5s, want 1s to 24h0m0s, in whole seconds
netstream.yaml:5:43: exporter.aggregations[0].inactive: 25h, want 1s to 24h0m0s, in whole seconds
netstream.yaml:5:58: exporter.aggregations[0].limit: 0, want 1 to 16777216
netstream.yaml:5:68: exporter.aggregations[0].source_mask: 33, want 0 to 32
netstream.yaml:5:85: exporter.aggregations[0].destination_mask_ipv6: 129, want 0 to 128
netstream.yaml:5:127: exporter.aggregations[0].monitors[1]: "a", want the name of a monitor: 1 to 64 letters, digits, _ or -; each once
netstream.yaml:7:7: exporter.aggregations[2].mode: "as", want each mode once; an exporter of another name can have it with other settings
netstream.yaml:8:25: exporter.aggregations[3].filter: "dst_port", want an expression that holds or not: bad filter ` + "`" + `dst_port` + "`" + `: column 1: expected bool, but got int
netstream.yaml:10:7: exporter.destinations[0].aggregations: "" (default), want at least one with format v8, which has nothing else; v9 and ipfix send flows
netstream.yaml:11:47: exporter.destinations[1].aggregations: "as", want none with format v5, which can't carry them: v8, v9 or ipfix can
netstream.yaml:12:66: exporter.destinations[2].aggregations[1]: "index-tos", want a mode that version 8 has; v9 and ipfix carry this one
netstream.yaml:12:77: exporter.destinations[2].aggregations[2]: "prefix", want a mode that is listed under exporter.aggregations: prefix-port, as, index-tos
netstream.yaml:12:85: exporter.destinations[2].aggregations[3]: "nothing", want as, as-tos, protocol-port, protocol-port-tos, source-prefix, source-prefix-tos, destination-prefix, destination-prefix-tos, prefix, prefix-tos, bgp-nexthop-tos, index-tos, source-index-tos, vlan-id
netstream.yaml:12:94: exporter.destinations[2].aggregations[4]: "as", want each mode once
netstream.yaml:13:55: exporter.destinations[3].monitors: "a", want none beside aggregations: an aggregation names its own; for flows take another destination with another source_id
netstream.yaml:13:70: exporter.destinations[3].filter: "protocol == 6", want none beside aggregations: an aggregation has a filter of its own`},
		{"ways that can't be gone", `
exporter:
  destinations:
    - {address: "192.0.2.1:2055", filter: port == 5, source: "2001:db8::7", dscp: 64, ttl: 256}
    - {address: "192.0.2.2:2055", filter: dst_port, source: eth0, dscp: -1, ttl: -1}
    - {address: "collector.example:2055", source: "192.0.2.7:99999"}
`, `
netstream.yaml:4:35: exporter.destinations[0].filter: "port == 5", want an expression that holds or not: bad filter ` + "`port == 5`" + `: column 1: unknown name port; known are ` +
			strings.Join(filter.Names(), ", ") + ` and in_net(address, network)
netstream.yaml:4:54: exporter.destinations[0].source: "2001:db8::7", want an address of the same IP version as 192.0.2.1
netstream.yaml:4:77: exporter.destinations[0].dscp: 64, want 0 to 63
netstream.yaml:4:87: exporter.destinations[0].ttl: 256, want 0 to 255
netstream.yaml:5:35: exporter.destinations[1].filter: "dst_port", want an expression that holds or not: bad filter ` + "`dst_port`" + `: column 1: expected bool, but got int
netstream.yaml:5:53: exporter.destinations[1].source: "eth0", want an address of this machine such as 192.0.2.7, 192.0.2.7:40000 or [2001:db8::7]:40000
netstream.yaml:5:67: exporter.destinations[1].dscp: -1, want 0 to 63
netstream.yaml:5:77: exporter.destinations[1].ttl: -1, want 0 to 255
netstream.yaml:6:43: exporter.destinations[2].source: "192.0.2.7:99999", want an address of this machine such as 192.0.2.7, 192.0.2.7:40000 or [2001:db8::7]:40000`},
		{"connections, standby and shares that can't be", `
exporter:
  destinations:
    - {address: "192.0.2.1:2055", transport: tcp, mtu: 65535}
    - {address: "192.0.2.2:2055", format: v5, transport: tls}
    - {address: "192.0.2.3:4739", format: ipfix, transport: sctp}
    - {address: "192.0.2.4:4740", format: ipfix, tls: {ca: ca.pem}}
    - {address: "192.0.2.5:4740", format: ipfix, transport: tls, tls: {cert: cert.pem}, mtu: 65536}
    - {address: "192.0.2.6:2055", standby: ["192.0.2.6:2055", "192.0.2.7", "192.0.2.8:2055", "192.0.2.8:2055"]}
    - {address: "192.0.2.7:2055", standby: ["[2001:db8::1]:2055"], source: 192.0.2.70, share: "a b"}
    - {address: "192.0.2.8:2055", share: alone}
    - {address: "192.0.2.9:2055", share: both, aggregations: [as]}
    - {address: "192.0.2.10:2055", share: both}
  aggregations: [{mode: as}]
`, `
netstream.yaml:4:35: exporter.destinations[0].transport: "tcp", want udp with format v9: only format ipfix goes over tcp or tls
netstream.yaml:5:47: exporter.destinations[1].transport: "tls", want udp with format v5: only format ipfix goes over tcp or tls
netstream.yaml:6:50: exporter.destinations[2].transport: sctp, want udp, tcp or tls
netstream.yaml:7:7: exporter.destinations[3].transport: "udp" (default), want tls, since there are settings of tls
netstream.yaml:8:72: exporter.destinations[4].tls.cert: "cert.pem", want both cert and key, or neither
netstream.yaml:8:89: exporter.destinations[4].mtu: 65536, want 0, or 512 to 65535
netstream.yaml:9:45: exporter.destinations[5].standby[0]: "192.0.2.6:2055", want each address once
netstream.yaml:9:63: exporter.destinations[5].standby[1]: "192.0.2.7", want host:port as in address
netstream.yaml:9:94: exporter.destinations[5].standby[3]: "192.0.2.8:2055", want each address once
netstream.yaml:10:68: exporter.destinations[6].source: "192.0.2.70", want an address of the same IP version as 2001:db8::1
netstream.yaml:10:88: exporter.destinations[6].share: "a b", want 1 to 64 letters, digits, _ or -
netstream.yaml:11:35: exporter.destinations[7].share: "alone", want a name that another destination has too
netstream.yaml:12:35: exporter.destinations[8].share: "both", want none with aggregations: only flows are shared`},
		{"options and widths that can't be", `
exporter:
  interfaces:
    - {index: 0, name: GE1/0/1, speed: 10X}
    - {index: 3, speed: 10G}
    - {index: 4, name: GE1/0/4}
    - {index: 4, name: GE1/0/5}
    - {index: 4, name: GE1/0/4, source: other}
  vrfs:
    - {id: 0, name: red}
    - {id: 7}
    - {id: 7, name: blue}
  destinations:
    - {address: "192.0.2.1:2055", flow_keys: true, profile: juniper, index_width: 24}
    - {address: "192.0.2.2:2055", format: v5, profile: huawei, as_width: 16, counter_width: 33, end_reason: true, statistics: true}
`, `
netstream.yaml:4:8: exporter.interfaces[0].index: 0, want 1 or more: 0 is an interface that isn't known
netstream.yaml:4:33: exporter.interfaces[0].speed: 10X, want bits per second with or without k, M, G or T, such as 10G
netstream.yaml:5:7: exporter.interfaces[1].name: "" (default), want the name of the interface
netstream.yaml:7:8: exporter.interfaces[3].index: 4, want another number or source: [2] has the same
netstream.yaml:10:8: exporter.vrfs[0].id: 0, want 1 or more: 0 is no VRF
netstream.yaml:11:7: exporter.vrfs[1].name: "" (default), want the name of the VRF
netstream.yaml:12:8: exporter.vrfs[2].id: 7, want another number: vrfs[1] has the same
netstream.yaml:14:35: exporter.destinations[0].flow_keys: true, want format ipfix with it: others have no such options
netstream.yaml:14:52: exporter.destinations[0].profile: juniper, want ipfix, huawei, h3c or cisco
netstream.yaml:14:70: exporter.destinations[0].index_width: 24, want 16 or 32, or 0 for that of the profile
netstream.yaml:15:47: exporter.destinations[1].profile: "huawei", want none with format v5, whose fields are fixed
netstream.yaml:15:64: exporter.destinations[1].as_width: 16, want none with format v5, whose fields are fixed
netstream.yaml:15:78: exporter.destinations[1].counter_width: 33, want none with format v5, whose fields are fixed
netstream.yaml:15:97: exporter.destinations[1].end_reason: true, want none with format v5, whose fields are fixed
netstream.yaml:15:115: exporter.destinations[1].statistics: true, want format v9 or ipfix with it: others have no options`},
		{"the same destination twice", `
exporter:
  destinations:
    - {address: "192.0.2.1:2055", source_id: 7}
    - {address: "192.0.2.1:2055"}
    - {address: "192.0.2.1:2055", source_id: 7, rate: 5}
`, `
netstream.yaml:6:8: exporter.destinations[2].address: "192.0.2.1:2055", want another address, format or source_id: destinations[0] has the same`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse(tt.text)
			if err == nil {
				t.Fatal("no problem")
			}
			if diff := gocmp.Diff(strings.TrimSpace(tt.want), err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	for address, ok := range map[string]bool{
		"192.0.2.1:2055": true, "[2001:db8::1]:2055": true, "[fe80::1%eth0]:2055": true, "collector.example:2055": true, "localhost:1": true,
		"": false, ":2055": false, "192.0.2.1": false, "192.0.2.1:0": false, "192.0.2.1:65536": false, "192.0.2.1:netflow": false,
		"0.0.0.0:2055": false, "[::]:2055": false, "2001:db8::1:2055": false,
	} {
		d := exporter.DefaultDestination()
		d.Address = address
		if err := d.Validate(); (err == nil) != ok {
			t.Errorf("address %q: %v, want good: %t", address, err, ok)
		}
	}
}

// TestDefaultsAreValid also keeps the sentences of the configuration readable.
func TestDefaultsAreValid(t *testing.T) {
	d := exporter.DefaultDestination()
	d.Address = "192.0.2.1:2055"
	f := file{exporter.DefaultConfig()}
	f.Exporter.Destinations = []exporter.Destination{d}
	if err := config.Check(f); err != nil {
		t.Error(err)
	}
	var b bytes.Buffer
	config.Dump(&b, f)
	if again, err := parse(b.String()); err != nil || gocmp.Diff(f.Exporter, again, cmpopts.EquateEmpty()) != "" {
		t.Errorf("what Dump writes reads as %+v, %v:\n%s", again, err, b.String())
	}
}

// TestExamples reads the configurations in the README.
func TestExamples(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := strings.Split(string(text), "```yaml\n")[1:]
	for i, e := range examples {
		e, _, _ = strings.Cut(e, "```")
		if _, err := parse(e); err != nil {
			t.Errorf("example %d: %v", i, err)
		}
	}
	if len(examples) == 0 {
		t.Error("there are none")
	}
}
