package routes

import (
	"strings"
	"testing"

	"netstream/pipeline/config"
)

// configured reads a configuration.
func configured(text string) (Config, error) {
	f := struct {
		Routes Config `yaml:"routes"`
	}{DefaultConfig()}
	err := config.Parse("test.yaml", []byte(text), nil, &f)
	return f.Routes, err
}

func TestConfig(t *testing.T) {
	c, err := configured("")
	if err != nil || c.Routed() {
		t.Errorf("by default %+v, %v", c, err)
	}
	c, err = configured(`
routes:
  files: [rib.mrt.bz2, ours.csv]
  check: 0s
  compile: 1s
  bmp: {listen: ":11019"}
  bgp:
    as: 64500
    router_id: 192.0.2.250
    listen: "[::1]:179"
    neighbors:
      - {address: 192.0.2.1, as: 64500}
      - {address: "[2001:db8::1]:1179", as: 64501, passive: true}
`)
	if err != nil || !c.Routed() || len(c.BGP.Neighbors) != 2 || c.BGP.Neighbors[1].Address != "[2001:db8::1]:1179" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"files: [a, \"\", a]", `files[1]: "", want the name of a file`},
		{"files: [a, \"\", a]", `files[2]: "a", want each file once`},
		{"check: 1ms", "check: 1ms, want 0, or 1s to 24h0m0s"},
		{"compile: 0s", "compile: 0s, want 1s to 1h0m0s"},
		{"bmp: {listen: 11019}", `bmp.listen: "11019", want address:port or :port`},
		{"bmp: {listen: \":bmp\"}", `bmp.listen: ":bmp", want address:port or :port`},
		{"bgp: {hold_time: 1s}", "bgp.hold_time: 1s, want 3s to 18h0m0s in whole seconds"},
		{"bgp: {listen: \":179\"}", `bgp.listen: ":179", want neighbors, since others aren't let in`},
		{"bgp: {neighbors: [{address: 192.0.2.1, as: 1}]}", "bgp.as: 0 (default), want 1 to 4294967295 where there are neighbors"},
		{"bgp: {neighbors: [{address: 192.0.2.1, as: 1}]}", `bgp.router_id: "" (default), want an IPv4 address where there are neighbors`},
		{"bgp: {neighbors: [{address: 192.0.2.1, as: 1, passive: true}]}", "bgp.neighbors[0].passive: true, want false, or an address to listen at"},
		{"bgp: {neighbors: [{address: 192.0.2.1, as: 1}, {address: \"192.0.2.1:1179\", as: 1}]}", `bgp.neighbors[1].address: "192.0.2.1:1179", want another address: neighbors[0] has the same`},
		{"bgp: {neighbors: [{address: router, as: 0}]}", `bgp.neighbors[0].address: "router", want an IP address such as 192.0.2.1, 192.0.2.1:1179 or [2001:db8::1]:1179`},
		{"bgp: {neighbors: [{address: router, as: 0}]}", "bgp.neighbors[0].as: 0, want 1 to 4294967295"},
	} {
		_, err := configured("routes: {" + c.text + "}")
		if err == nil || !strings.Contains(err.Error(), "routes."+c.want) {
			t.Errorf("%s: %v\nwant %s", c.text, err, c.want)
		}
	}
}
