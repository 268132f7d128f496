package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironment(t *testing.T) {
	no := false
	for name, tt := range map[string]struct {
		file string
		env  []string
		want func(*line)
	}{
		"overrides the default": {
			env:  []string{"NETSTREAM_AGER_ACTIVE_TIMEOUT=30s", "HOME=/root", "nonsense"},
			want: func(l *line) { l.Ager.Active = 30 * time.Second },
		},
		"overrides the file": {
			file: "ager: {active_timeout: 20m}",
			env:  []string{"NETSTREAM_AGER_ACTIVE_TIMEOUT=30s"},
			want: func(l *line) { l.Ager.Active = 30 * time.Second },
		},
		"text with signs of YAML": {
			env:  []string{"NETSTREAM_NAME=a: [b #c=d"},
			want: func(l *line) { l.Name = "a: [b #c=d" },
		},
		"empty text": {
			env:  []string{"NETSTREAM_NAME="},
			want: func(l *line) { l.Name = "" },
		},
		"list": {
			env:  []string{"NETSTREAM_SAMPLER_FILES=b.pcap, c.pcap"},
			want: func(l *line) { l.Sampler.Files = []string{"b.pcap", "c.pcap"} },
		},
		"empty list": {
			env:  []string{"NETSTREAM_SAMPLER_FILES="},
			want: func(l *line) { l.Sampler.Files = []string{} },
		},
		"pointer": {
			env:  []string{"NETSTREAM_SAMPLER_LOSSY=false"},
			want: func(l *line) { l.Sampler.Lossy = &no },
		},
		"section that is absent by default": {
			env:  []string{"NETSTREAM_TLS_CERT=c.pem", "NETSTREAM_TLS_KEY=k.pem"},
			want: func(l *line) { l.TLS = &tlsSection{Cert: "c.pem", Key: "k.pem"} },
		},
		"the last of two counts": {
			env:  []string{"NETSTREAM_NAME=a", "NETSTREAM_NAME=b"},
			want: func(l *line) { l.Name = "b" },
		},
		"allowed by the caller": {
			env:  []string{"NETSTREAM_DATA=/var/lib"},
			want: func(*line) {},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := defaults(), defaults()
			tt.want(&want)
			if err := Parse("x.yaml", []byte(tt.file), tt.env, &got, "NETSTREAM_DATA"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, compare); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestEnvironmentMistakes(t *testing.T) {
	for name, tt := range map[string]struct{ file, env, want string }{
		"wrong type": {
			env:  "NETSTREAM_AGER_ACTIVE_TIMEOUT=60",
			want: "NETSTREAM_AGER_ACTIVE_TIMEOUT: ager.active_timeout: 60, want a duration such as 500ms, 15s or 1h30m",
		},
		"replaces a mistake of the file, which stays one": {
			file: "ager: {active_timeout: x}",
			env:  "NETSTREAM_AGER_ACTIVE_TIMEOUT=5m",
			want: "x.yaml:1:8: ager.active_timeout: x, want a duration such as 500ms, 15s or 1h30m",
		},
		"unknown, close to a key": {
			env:  "NETSTREAM_AGER_ACTIVE_TIMOUT=60s",
			want: "NETSTREAM_AGER_ACTIVE_TIMOUT: unknown variable, did you mean NETSTREAM_AGER_ACTIVE_TIMEOUT?",
		},
		"unknown": {
			env:  "NETSTREAM_COLOUR=blue",
			want: "NETSTREAM_COLOUR: unknown variable, matches no key",
		},
		"a section": {
			env:  "NETSTREAM_AGER=60s",
			want: "NETSTREAM_AGER: unknown variable, matches no key",
		},
		"list item": {
			env:  "NETSTREAM_PORTS=1,x",
			want: "NETSTREAM_PORTS: ports[1]: x, want a whole number from 0 to 65535",
		},
		"list of mappings": {
			env:  "NETSTREAM_EXPORT_DESTINATIONS=a",
			want: "NETSTREAM_EXPORT_DESTINATIONS: export.destinations: can be set in the file only",
		},
		"table": {
			env:  "NETSTREAM_SOURCES=a",
			want: "NETSTREAM_SOURCES: sources: can be set in the file only",
		},
		"inside a table": {
			env:  "NETSTREAM_SOURCES_NORTH_DOMAIN=1",
			want: "NETSTREAM_SOURCES_NORTH_DOMAIN: sources: can be set in the file only",
		},
		"refused by Validate": {
			file: "ager: {active_timeout: 20m}",
			env:  "NETSTREAM_AGER_ACTIVE_TIMEOUT=10s",
			want: "NETSTREAM_AGER_ACTIVE_TIMEOUT: ager.active_timeout: 10s, want more than inactive_timeout (15s)",
		},
		"makes the file's value wrong": {
			file: "ager: {active_timeout: 20s}",
			env:  "NETSTREAM_AGER_INACTIVE_TIMEOUT=30s",
			want: "x.yaml:1:8: ager.active_timeout: 20s, want more than inactive_timeout (30s)",
		},
		"makes the default wrong": {
			env:  "NETSTREAM_AGER_INACTIVE_TIMEOUT=2m",
			want: "x.yaml: ager.active_timeout: 1m (default), want more than inactive_timeout (2m0s)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := struct {
				Name    string          `yaml:"name"`
				Ager    agerSection     `yaml:"ager"`
				Export  exportSection   `yaml:"export"`
				Sources map[string]host `yaml:"sources"`
				Ports   []uint16        `yaml:"ports"`
			}{Ager: defaults().Ager}
			err := Parse("x.yaml", []byte(tt.file), []string{tt.env}, &got)
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
