package config

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// What Dump and Init write is held against a file, which Load must read back to the same values.
func TestDumpAndInit(t *testing.T) {
	full := defaults()
	if err := Load("testdata/full.yaml", nil, &full); err != nil {
		t.Fatal(err)
	}
	var dumped, initial bytes.Buffer
	if err := Dump(&dumped, full); err != nil {
		t.Fatal(err)
	}
	want := defaults()
	if err := Init(&initial, &want); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		golden  string
		written string
		want    line
	}{
		{"testdata/dump.yaml", dumped.String(), full},
		{"testdata/init.yaml", initial.String(), defaults()},
	} {
		t.Run(tt.golden, func(t *testing.T) {
			if *update {
				if err := os.WriteFile(tt.golden, []byte(tt.written), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(tt.golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(golden), tt.written); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			// Into an empty struct: no value may come from the defaults.
			var got line
			if err := Load(tt.golden, nil, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, compare, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("read back, -want +got:\n%s", diff)
			}
		})
	}
}

// The example entries are comments; without the signs they must be a configuration.
func TestInitExamplesAreYAML(t *testing.T) {
	var b bytes.Buffer
	cfg := defaults()
	if err := Init(&b, cfg); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, s := range [][2]string{
		{"  destinations: []\n  # An entry:\n", "  destinations:\n"},
		{"sources: {}\n# An entry:\n", "sources:\n"},
		{"  #   ", "  "},
		{"#   ", "  "},
		{`address: ""`, "address: 127.0.0.1:9995"},
	} {
		if !strings.Contains(text, s[0]) {
			t.Fatalf("no %q in:\n%s", s[0], text)
		}
		text = strings.ReplaceAll(text, s[0], s[1])
	}
	if err := Parse("init.yaml", []byte(text), nil, &cfg); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(cfg.Export.Destinations) != 1 || len(cfg.Sources) != 1 {
		t.Errorf("got %+v, want one destination and one source", cfg)
	}
}

// nested has the shapes inside shapes that the dash of a list makes difficult.
type nested struct {
	Rows  [][]string          `yaml:"rows"`
	Maps  []map[string]string `yaml:"maps"`
	Flags []*bool             `yaml:"flags"`
	Texts map[string][]string `yaml:"texts"`
	Deep  []struct {
		Inner []documented `yaml:"inner" doc:"first line\nsecond line"`
	} `yaml:"deep"`
}

type documented struct {
	A string `yaml:"a" doc:"comment behind a dash"`
	B []int  `yaml:"b"`
}

func TestDumpNested(t *testing.T) {
	yes := true
	want := nested{
		Rows:  [][]string{{"a", "b"}, {}, {"c"}},
		Maps:  []map[string]string{{"x": "1", "y z": "~"}, {}},
		Flags: []*bool{nil, &yes},
		Texts: map[string][]string{"": nil, "k: v": {"- x", "# y"}},
	}
	delete(want.Texts, "") // an empty key isn't a name
	want.Deep = append(want.Deep, struct {
		Inner []documented `yaml:"inner" doc:"first line\nsecond line"`
	}{[]documented{{A: "1", B: []int{1, 2}}, {A: ""}}})
	roundTrip(t, want)
}

func roundTrip[T any](t *testing.T, want T) {
	t.Helper()
	var b bytes.Buffer
	if err := Dump(&b, want); err != nil {
		t.Fatal(err)
	}
	var got T
	if err := Parse("dump.yaml", b.Bytes(), nil, &got); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got:\n%s\n%s", diff, b.String())
	}
}

// Any text and any name survive Dump and Load.
func FuzzDump(f *testing.F) {
	for _, s := range []string{"a", "", " ", "~", "yes", "5", "0x5", "1e3", "15:04", "- a", "a: b", "a #b", "'", `"`, `\`,
		"\n", "a\nb\n", "\t", "é", "\u0085", "\u2028", "\ufeff", "\x00", "\x7f", "|", "<<", "*a", "&a", "!a", "%a", "---", "...", "=", ".inf"} {
		f.Add(s, "k"+s)
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		if !utf8.ValidString(text) || !utf8.ValidString(name) || name == "" { // each for itself: halves can make a whole
			t.Skip("YAML is UTF-8, and a name isn't empty")
		}
		type cfg struct {
			Text  string            `yaml:"text"`
			List  []string          `yaml:"list"`
			Table map[string]string `yaml:"table"`
		}
		roundTrip(t, cfg{text, []string{text, name}, map[string]string{name: text}})
	})
}
