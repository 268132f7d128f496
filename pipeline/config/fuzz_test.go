package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// No file makes Parse panic; what it refuses is Problems and leaves the struct alone, what it accepts
// comes back from a Dump.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := defaults()
		if err := Parse("x.yaml", text, nil, &got); err != nil {
			if _, ok := errors.AsType[Problems](err); !ok {
				t.Fatalf("error of type %T: %v", err, err)
			}
			if diff := cmp.Diff(defaults(), got, compare); diff != "" {
				t.Fatalf("changed beside an error (-want +got):\n%s", diff)
			}
			return
		}
		if strings.ToValidUTF8(string(text), "") != string(text) {
			return // damaged text can be read, but not written
		}
		var b bytes.Buffer
		if err := Dump(&b, got); err != nil {
			t.Fatal(err)
		}
		var again line
		if err := Parse("dump.yaml", b.Bytes(), nil, &again); err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		if diff := cmp.Diff(got, again, compare, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("-read +read again:\n%s\n%s", diff, b.String())
		}
	})
}

// The YAML reader calls itself for each level; a file of openings must not exhaust the stack.
func TestDeepFilesAreRefused(t *testing.T) {
	for _, opening := range []string{"[", "{", "{a: ", "[{", "- ", "? ", "!!x ", "&a ", "*a ", "- - ", "a: ", "-\n ", "'", "\"", "|\n", "-\t"} {
		text := strings.Repeat(opening, 1<<14/len(opening))
		cfg := defaults()
		if err := Parse("x.yaml", []byte(text), nil, &cfg); err == nil {
			t.Errorf("%q many times: no error", opening)
		}
	}
}
