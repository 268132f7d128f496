package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/embedded"
	"netstream/pipeline/telemetry"
)

type settings struct {
	Bus       bus.Config       `yaml:"bus"`
	Layout    bus.Layout       `yaml:"layout"`
	Telemetry telemetry.Config `yaml:"telemetry"`
	Word      string           `yaml:"word" doc:"what it says"`
}

var errSaid = errors.New("said")

// program is a service that keeps what it was given and ends with err.
func program(words string, got *Own, word *string, err error) Program[settings] {
	quiet := telemetry.DefaultConfig()
	quiet.Listen = "127.0.0.1:0"
	return Program[settings]{
		Name:     "parrot",
		Args:     words,
		Defaults: settings{bus.DefaultConfig(), bus.DefaultLayout(), quiet, "hello"},
		Base:     func(c settings) Base { return Base{Bus: c.Bus, Layout: c.Layout, Telemetry: c.Telemetry} },
		Shards:   func(c settings) int { return c.Layout.FlowShards },
		Create: func(c settings, own Own, b *bus.Bus, _ prometheus.Registerer, _ *slog.Logger) func(context.Context) error {
			return func(context.Context) error {
				*got, *word = own, c.Word
				return err
			}
		},
	}
}

func TestProgram(t *testing.T) {
	srv, err := embedded.Start(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("word: 1\nwords: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := "NETSTREAM_BUS_URL=" + srv.URL()
	for _, tt := range []struct {
		name    string
		words   string // what it takes as arguments
		args    []string
		env     []string
		fails   error
		code    int
		out     string // in what it prints, stdout and stderr
		shards  string // the type of who says which are owned
		created bool
	}{
		{name: "runs and ends", words: "WORD...", args: []string{"a.pcap"}, env: []string{url, "NETSTREAM_WORD=hey"}, created: true, shards: "*members.Members"},
		{name: "owns some shards", args: []string{"-shards", "1"}, env: []string{url}, created: true, shards: "stage.Static"},
		{name: "fails", env: []string{url}, fails: errSaid, code: 1, out: "said", created: true, shards: "*members.Members"},
		{name: "no server", code: 2, out: "bus.url: no NATS server"},
		{name: "no such server", env: []string{"NETSTREAM_BUS_URL=nats://127.0.0.1:1"}, code: 1, out: "nats://127.0.0.1:1"},
		{name: "a shard there is none of", args: []string{"-shards", "2"}, env: []string{url}, code: 2, out: "there are shards 0 to 1"},
		{name: "bad configuration", args: []string{"-c", bad}, env: []string{url}, code: 2, out: `bad.yaml:2:1: words`},
		{name: "unknown flag", args: []string{"-x"}, code: 2, out: "-x"},
		{name: "wants arguments", words: "WORD...", env: []string{url}, code: 2, out: "got no arguments, want WORD..."},
		{name: "wants none", args: []string{"x"}, env: []string{url}, code: 2, out: "got 1 arguments, want none"},
		{name: "help", words: "WORD...", args: []string{"-h"}, out: "Usage: parrot [flags] WORD..."},
		{name: "check without arguments", words: "WORD...", args: []string{"-check"}, env: []string{url}},
		{name: "check", args: []string{"-check"}, env: []string{url}},
		{name: "dump", args: []string{"-dump"}, out: "# what it says\nword: hello"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var own Own
			var word string
			var out bytes.Buffer
			if code := program(tt.words, &own, &word, tt.fails).run(t.Context(), tt.args, tt.env, &out, &out); code != tt.code {
				t.Errorf("exit code %d, want %d; it printed:\n%s", code, tt.code, &out)
			}
			if !strings.Contains(out.String(), tt.out) {
				t.Errorf("it printed:\n%s\nwithout %q", &out, tt.out)
			}
			if shards := strings.TrimPrefix(fmt.Sprintf("%T", own.Shards), "<nil>"); (word != "") != tt.created || shards != tt.shards {
				t.Errorf("created: %t with shards of a %s, want %t, %s", word != "", shards, tt.created, tt.shards)
			}
		})
	}
}
