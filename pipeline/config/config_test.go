package config

import (
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expected messages")

// line is a configuration with every shape that the package supports.
type line struct {
	Name    string          `yaml:"name" doc:"name of the line"`
	Sampler samplerSection  `yaml:"sampler" doc:"stage 1"`
	Ager    agerSection     `yaml:"ager" doc:"stage 3"`
	Export  exportSection   `yaml:"export"`
	TLS     *tlsSection     `yaml:"tls" doc:"null = no TLS"`
	Sources map[string]host `yaml:"sources" doc:"by name"`
	_       int             // not exported: no key
	Skipped chan int        `yaml:"-"`
}

type samplerSection struct {
	Rate     uint32   `yaml:"rate" doc:"one packet in so many; 1 = all"`
	Offset   int8     `yaml:"offset"`
	Lossy    *bool    `yaml:"lossy" doc:"null = decided by the source"`
	Fraction float64  `yaml:"fraction"`
	Files    []string `yaml:"files"`
	Buffer   Size     `yaml:"buffer" doc:"memory for packets in hand"`
}

type agerSection struct {
	Active   time.Duration `yaml:"active_timeout" doc:"a flow this old ends\n0 = never"`
	Inactive time.Duration `yaml:"inactive_timeout" doc:"a flow idle this long ends"`
	FIN      bool          `yaml:"fin_rst"`
}

func (a *agerSection) Validate() error {
	var ps Problems
	if a.Active <= a.Inactive {
		ps.Addf("active_timeout", a.Active, "more than inactive_timeout (%s)", a.Inactive)
	}
	return ps.Err()
}

type exportSection struct {
	Destinations []destination `yaml:"destinations" doc:"collectors"`
}

type destination struct {
	Address netip.AddrPort `yaml:"address"`
	Format  string         `yaml:"format" doc:"v5 or v9"`
}

func (d *destination) SetDefaults() { d.Format = "v9" }

func (d destination) Validate() error {
	var errs []error
	if !d.Address.IsValid() {
		errs = append(errs, Problem{Key: "address", Want: "host:port of the collector"})
	}
	if d.Format != "v5" && d.Format != "v9" {
		errs = append(errs, Problem{Key: "format", Value: d.Format, Want: "v5 or v9"})
	}
	return errors.Join(errs...)
}

type tlsSection struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

func (t tlsSection) Validate() error {
	if (t.Cert == "") != (t.Key == "") {
		return errors.New("cert and key are given together or not at all")
	}
	return nil
}

type host struct {
	Domain uint32 `yaml:"domain"`
}

func defaults() line {
	return line{
		Name:    "live",
		Sampler: samplerSection{Rate: 1, Fraction: 0.5, Files: []string{"a.pcap"}, Buffer: 64 * MiB},
		Ager:    agerSection{Active: time.Minute, Inactive: 15 * time.Second, FIN: true},
	}
}

var compare = cmp.Options{
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
}

// Each *.bad.yaml holds one mistake (many.bad.yaml holds many); what is printed for it stands in the
// file of the same name with .err.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".bad.yaml")
		t.Run(name, func(t *testing.T) {
			got, before := defaults(), defaults()
			err := Load(file, nil, &got)
			if _, ok := errors.AsType[Problems](err); !ok {
				t.Fatalf("got error %v, want Problems", err)
			}
			if diff := cmp.Diff(before, got, compare); diff != "" {
				t.Errorf("the struct changed although there is an error (-want +got):\n%s", diff)
			}
			message := err.Error() + "\n"
			golden := filepath.Join("testdata", name+".err")
			if *update {
				if err := os.WriteFile(golden, []byte(message), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), message); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	got := defaults()
	if err := Load("testdata/full.yaml", nil, &got); err != nil {
		t.Fatal(err)
	}
	lossy := true
	want := line{
		Name:    "edge 1",
		Sampler: samplerSection{Rate: 1000, Offset: -3, Lossy: &lossy, Fraction: 0.25, Files: []string{"b.pcap", "5"}, Buffer: 1e9},
		Ager:    agerSection{Active: 90 * time.Second, Inactive: 15 * time.Second, FIN: false},
		Export: exportSection{Destinations: []destination{
			{Address: netip.MustParseAddrPort("127.0.0.1:9995"), Format: "v9"},
			{Address: netip.MustParseAddrPort("[::1]:9996"), Format: "v5"},
		}},
		TLS:     &tlsSection{Cert: "c.pem", Key: "k.pem"},
		Sources: map[string]host{"north": {Domain: 7}, "south": {}},
	}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDefaultsRemain(t *testing.T) {
	for name, text := range map[string]string{
		"empty":              "",
		"comment only":       "# nothing yet\n",
		"marker only":        "---\n",
		"byte order mark":    "\ufeff# nothing yet\n",
		"commented-out keys": "sampler:\n  # rate: 7\nager:\n",
		"a default repeated": "name: live\n",
		"windows line ends":  "name: live\r\nager:\r\n  fin_rst: true\r\n",
		"flow style":         "{name: live, ager: {fin_rst: true}}",
		"document end":       "name: live\n...\n",
	} {
		t.Run(name, func(t *testing.T) {
			got := defaults()
			if err := Parse("x.yaml", []byte(text), nil, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(defaults(), got, compare); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A pointer in the defaults is shared with whoever made them: reading must not write through it.
func TestDefaultsAreNotWrittenThrough(t *testing.T) {
	shared := &tlsSection{Cert: "a", Key: "b"}
	got := line{Ager: defaults().Ager, TLS: shared}
	err := Parse("x.yaml", []byte("tls: {cert: c}"), []string{"NETSTREAM_TLS_KEY=d"}, &got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&tlsSection{Cert: "c", Key: "d"}, got.TLS); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(&tlsSection{Cert: "a", Key: "b"}, shared); diff != "" {
		t.Errorf("the shared default, -want +got:\n%s", diff)
	}
}

// What the defaults don't hold has defaults of its own, wherever it appears.
func TestSetDefaults(t *testing.T) {
	type cfg struct {
		List  []destination           `yaml:"list"`
		Table map[string]*destination `yaml:"table"`
		One   *destination            `yaml:"one"`
		Env   *destination            `yaml:"env"`
	}
	var got cfg
	text := "list: [{address: \"[::1]:1\"}]\ntable: {a: {address: \"[::1]:1\"}}\none: {address: \"[::1]:1\"}\n"
	if err := Parse("x.yaml", []byte(text), []string{"NETSTREAM_ENV_ADDRESS=[::1]:1"}, &got); err != nil {
		t.Fatal(err)
	}
	d := destination{Address: netip.MustParseAddrPort("[::1]:1"), Format: "v9"}
	want := cfg{[]destination{d}, map[string]*destination{"a": &d}, &d, &d}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, "long.yaml")
	if err := os.WriteFile(long, make([]byte, maxFile+1), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): "no such file",
		dir:                             "is a directory",
		long:                            "longer than 256KiB",
	} {
		cfg := defaults()
		err := Load(path, nil, &cfg)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("Load(%s): %v, want it to say %q and the path", path, err, want)
		}
		if _, ok := errors.AsType[Problems](err); ok {
			t.Errorf("Load(%s): an unreadable file is no Problems", path)
		}
	}
}

func TestCheck(t *testing.T) {
	cfg := defaults()
	if err := Check(cfg); err != nil {
		t.Errorf("defaults: %v", err)
	}
	cfg.Ager.Inactive = 2 * time.Minute
	cfg.Export.Destinations = []destination{{Address: netip.MustParseAddrPort("127.0.0.1:1"), Format: "v10"}}
	want := "ager.active_timeout: 1m, want more than inactive_timeout (2m0s)\n" +
		"export.destinations[0].format: \"v10\", want v5 or v9"
	for _, arg := range []any{cfg, &cfg} {
		if err := Check(arg); err == nil || err.Error() != want {
			t.Errorf("Check(%T) = %v, want:\n%s", arg, err, want)
		}
	}
}

// What can't be a configuration is the programmer's mistake and doesn't wait for a file to show.
func TestUnfitTypesPanic(t *testing.T) {
	type loop struct {
		Inner []loop `yaml:"inner"`
	}
	type Embedded struct{}
	for want, into := range map[string]any{
		"pointer to a struct": line{},
		"can't be configured": &struct {
			C chan int `yaml:"c"`
		}{},
		"yaml tag":        &struct{ Untagged int }{},
		"contains itself": &loop{},
		"aren't strings": &struct {
			M map[int]string `yaml:"m"`
		}{},
		"needs a name": &struct {
			Embedded `yaml:"e"`
		}{},
		"share the variable": &struct {
			A struct {
				BC int `yaml:"b_c"`
			} `yaml:"a"`
			AB struct {
				C int `yaml:"c"`
			} `yaml:"a_b"`
		}{},
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(r.(string), want) {
					t.Errorf("panic %v, want one that says %q", r, want)
				}
			}()
			_ = Parse("", nil, nil, into)
		})
	}
}
