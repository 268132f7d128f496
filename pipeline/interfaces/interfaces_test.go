package interfaces

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"netstream/pipeline/config"
)

type file struct {
	Interfaces Config `yaml:"interfaces" doc:"names of interfaces"`
}

func TestConfig(t *testing.T) {
	var f file
	err := config.Parse("netstream.yaml", []byte(`
interfaces:
  - {index: 3, name: GE1/0/1, description: "to core", speed: 10G, vrf: 7}
  - {index: 3, name: eth3, source: tap}
`), nil, &f)
	want := Config{{Index: 3, Name: "GE1/0/1", Description: "to core", Speed: 10e9, VRF: 7}, {Index: 3, Name: "eth3", Source: "tap"}}
	if err != nil || !slices.Equal(f.Interfaces, want) {
		t.Errorf("%+v, error %v; want %+v", f.Interfaces, err, want)
	}
}

func TestSpeed(t *testing.T) {
	for text, want := range map[string]Speed{"0": 0, "64k": 64_000, "2500M": 2_500_000_000, "10G": 10e9, "1T": 1e12, "1234": 1234, "18446744073709551615": 1<<64 - 1} {
		var s Speed
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s is %d, error %v; want %d", text, s, err, want)
		}
		var again Speed
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != want {
			t.Errorf("%s is written %s, which reads as %d, error %v", text, s, again, err)
		}
	}
	for _, text := range []string{"", "G", "10GB", "-1", "1.5G", "18446744073710T"} {
		var s Speed
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q reads as %d, want an error", text, s)
		}
	}
}

func TestSystem(t *testing.T) {
	got, err := System()
	if err != nil {
		t.Fatal(err)
	}
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if !slices.ContainsFunc(got, func(g Interface) bool { return g.Index == uint32(i.Index) && g.Name == i.Name }) {
			t.Errorf("%d, %s isn't there: %+v", i.Index, i.Name, got)
		}
	}
}

func TestSystemSpeed(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"eth0": "10000\n", "down": "-1\n"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "speed"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]Speed{"eth0": 10e9, "down": 0, "lo": 0} {
		if got := systemSpeed(dir, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
