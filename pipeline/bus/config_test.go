package bus_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/pipeline/bus"
	"netstream/pipeline/config"
)

func TestConfigProblems(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"the defaults", "", nil},
		{"an external server", "bus: {url: 'tls://a.example:4222, nats://10.0.0.1', credentials: /etc/ns.creds, ca: /etc/ca.pem, pipeline: replay-2}\nlayout: {replicas: 3, max_bytes: 1TiB}", nil},
		{"names and addresses", "bus:\n  pipeline: a.b\n  url: localhost:4222\n", []string{
			`f:2:3: bus.pipeline: "a.b", want 1 to 64 letters, digits, _ or -`,
			`f:3:3: bus.url: "localhost:4222", want nats://host:port or tls://host:port, several with commas, or nothing for the embedded server`,
		}},
		{"credentials for nobody", "bus: {credentials: x, ca: y}", []string{
			`f:1:7: bus.credentials: "x", want nothing: the embedded server (empty url) asks for none`,
			`f:1:23: bus.ca: "y", want nothing: the embedded server (empty url) uses no TLS`,
		}},
		{"one bad server of two", "bus: {url: 'nats://a,http://b'}", []string{
			`f:1:7: bus.url: "nats://a,http://b", want nats://host:port or tls://host:port, several with commas, or nothing for the embedded server`,
		}},
		{"layout", "layout: {packet_shards: 0, flow_shards: 1025, replicas: 2, max_bytes: 1MiB, soft_bytes: 1GiB}", []string{
			"f:1:10: layout.packet_shards: 0, want 1 to 256",
			"f:1:28: layout.flow_shards: 1025, want 1 to 256",
			"f:1:47: layout.replicas: 2, want 1, 3 or 5",
			"f:1:60: layout.max_bytes: 1MiB, want 128MiB or more",
			"f:1:77: layout.soft_bytes: 1GiB, want 1 to half of max_bytes (1MiB)",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := struct {
				Bus    bus.Config `yaml:"bus" doc:"bus"`
				Layout bus.Layout `yaml:"layout" doc:"layout"`
			}{bus.DefaultConfig(), bus.DefaultLayout()}
			var got []string
			if err := config.Parse("f", []byte(c.text), nil, &cfg); err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
