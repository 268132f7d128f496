package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/deploy/netstream/internal/datadir"
)

// write writes a file below dir and returns its path.
func write(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestErrors holds what wrong command lines, configurations, captures and data directories get. DIR stands for the test's
// directory.
func TestErrors(t *testing.T) {
	dir := t.TempDir()
	whole, err := os.ReadFile(capture(t, 20))
	if err != nil {
		t.Fatal(err)
	}
	unknownLink := append([]byte(nil), whole...)
	unknownLink[20] = 147 // LINKTYPE_USER0
	write(t, dir, "good.pcap", whole)
	write(t, dir, "text.pcap", []byte("hello, this is no capture at all\n"))
	write(t, dir, "empty.pcap", nil)
	write(t, dir, "cut.pcap", whole[:len(whole)-7])
	write(t, dir, "link.pcap", unknownLink)
	write(t, dir, "newer/VERSION", []byte("99\n"))
	write(t, dir, "file", nil)
	write(t, dir, "bad.yaml", []byte("ager:\n  active_timeout: 5s\n  inactive_timeout: soon\n  colour: red\nlayout:\n  packet_shards: 0\n"))
	write(t, dir, "contradiction.yaml", []byte("ager:\n  active_timeout: 5s\n  inactive_timeout: 15s\nlayout: {replicas: 3}\n"))
	write(t, dir, "quiet.yaml", []byte("demo: {rate: 0}\n"))
	write(t, dir, "broken.yaml", []byte("ager: [\n"))
	held, err := datadir.Open(filepath.Join(dir, "held"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()

	for name, test := range map[string]struct {
		args string
		code int
		want string // lines of stderr; a line that ends in … is the beginning of one
	}{
		"unknown command": {"rum DIR/good.pcap", Usage, `
netstream: unknown command "rum": did you mean run or up?
See ` + "`netstream --help`" + `.`},
		"unknown flag": {"run --exprot x DIR/good.pcap", Usage, `
netstream run: unknown flag: --exprot
See ` + "`netstream run --help`" + `.`},
		"no capture": {"run", Usage, `
netstream run: got 0 arguments, want one or more captures
See ` + "`netstream run --help`" + `.`},
		"format without export": {"run DIR/good.pcap --format v5", Usage, `
netstream: --format without --export: where to?
See ` + "`netstream run --help`" + `.`},
		"formats don't match": {"run DIR/good.pcap --export 127.0.0.1:1 --format v5 --format v9", Usage, `
netstream: 2 --format for 1 --export: want one for all, or one for each
See ` + "`netstream run --help`" + `.`},
		"bad export": {"run DIR/good.pcap --export localhost --format v7", Usage, `
netstream: exporter.destinations[0].address: "localhost", want host:port such as 192.0.2.1:2055, [2001:db8::1]:2055 or collector.example:2055
netstream: exporter.destinations[0].format: "v7", want v5, v8, v9 or ipfix`},
		"bad log level": {"config check --log-level loud", Usage, `
netstream: --log-level: "loud", want debug, info, warn or error
See ` + "`netstream config check --help`" + `.`},
		"bad configuration": {"config check -c DIR/bad.yaml", Usage, `
netstream: DIR/bad.yaml:3:3: ager.inactive_timeout: soon, want a duration such as 500ms, 15s or 1h30m
netstream: DIR/bad.yaml:4:3: ager.colour: unknown key, known here: …
netstream: DIR/bad.yaml:6:3: layout.packet_shards: 0, want 1 to 256`},
		"contradiction": {"config check -c DIR/contradiction.yaml", Usage, `
netstream: DIR/contradiction.yaml:3:3: ager.inactive_timeout: 15s, want at most active_timeout (5s)
netstream: DIR/contradiction.yaml:4:10: layout.replicas: 3, want 1 on the embedded server (bus.url is empty)`},
		"broken YAML": {"config check -c DIR/broken.yaml", Usage, `
netstream: DIR/broken.yaml:1:7: not YAML: …
netstream: >  1 | ager: [
netstream:              ^`},
		"no configuration": {"config check -c DIR/none.yaml", Failed, `
netstream: configuration: open DIR/none.yaml: no such file or directory`},
		"up without configuration": {"up", Usage, `
netstream up: -c FILE is missing; ` + "`netstream config init`" + ` writes one to start from
See ` + "`netstream up --help`" + `.`},
		"up without source": {"up -c DIR/quiet.yaml", Usage, `
netstream: DIR/quiet.yaml: no source: set sampler.live.interfaces, sampler.sflow.listen, analyzer.collector.listen or demo.rate
See ` + "`netstream up --help`" + `.`},
		"stage without server": {"ager", Usage, `
netstream ager: no NATS server: set bus.url in -c FILE, or NETSTREAM_BUS_URL=nats://HOST:4222
See ` + "`netstream ager --help`" + `.`},

		"no such capture": {"run DIR/none.pcap", Failed, `
netstream: stat DIR/none.pcap: no such file or directory`},
		"no such captures": {"run DIR/none.pcap DIR/good.pcap DIR/nil.pcap", Failed, `
netstream: stat DIR/none.pcap: no such file or directory
netstream: stat DIR/nil.pcap: no such file or directory`},
		"not a capture": {"run DIR/text.pcap", Failed, `
netstream: DIR/text.pcap: byte 0: not a pcap or pcapng capture: …`},
		"zero-length": {"run DIR/empty.pcap", Failed, `
netstream: DIR/empty.pcap: byte 0: not a pcap or pcapng capture: it is empty`},
		"unknown link type": {"run DIR/link.pcap", Failed, `
netstream: DIR/link.pcap: byte 0: unsupported link type: …`},
		"several bad ones": {"run DIR/good.pcap DIR/text.pcap DIR/empty.pcap", Failed, `
netstream: DIR/text.pcap: byte 0: not a pcap or pcapng capture: …
netstream: DIR/empty.pcap: byte 0: not a pcap or pcapng capture: it is empty`},
		"cut": {"run DIR/cut.pcap", Failed, `
netstream: DIR/cut.pcap: byte …`},

		"data directory in use": {"run DIR/good.pcap --data DIR/held", Failed, `
netstream: data directory DIR/held: in use by the process with id …`},
		"data directory of a newer version": {"run DIR/good.pcap --data DIR/newer", Failed, `
netstream: data directory DIR/newer: written by a newer version: layout 99, this program knows up to 1: …`},
		"data directory can't be made": {"run DIR/good.pcap --data DIR/file/data", Failed, `
netstream: data directory DIR/file/data: not writable: choose another directory with --data (…`},
	} {
		t.Run(name, func(t *testing.T) {
			args := strings.Fields(strings.ReplaceAll(test.args, "DIR", dir))
			if !strings.Contains(test.args, "--data") {
				args = append(args, "--data", filepath.Join(t.TempDir(), "data"))
			}
			got := execute(t, nil, args...)
			want := strings.Split(strings.TrimPrefix(test.want, "\n"), "\n")
			lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(got.Err, dir, "DIR"), "\n"), "\n")
			for i, w := range want {
				if start, cut := strings.CutSuffix(w, "…"); cut && i < len(lines) && strings.HasPrefix(lines[i], start) {
					lines[i] = w
				}
			}
			if diff := cmp.Diff(want, lines); diff != "" || got.Code != test.code {
				t.Errorf("exit code %d, want %d; stderr (-want +got):\n%s\nin full:\n%s", got.Code, test.code, diff, got.Err)
			}
		})
	}
}

// TestCutCaptureIsLandedAsFarAsItGoes shows the summary of what is whole beside the error.
func TestCutCaptureIsLandedAsFarAsItGoes(t *testing.T) {
	whole, err := os.ReadFile(capture(t, 1000))
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, t.TempDir(), "cut.pcap", whole[:len(whole)-7])
	got := execute(t, nil, "run", path, "--data", filepath.Join(t.TempDir(), "data"), "--json")
	s := readSummary(t, []byte(got.Out))
	if got.Code != Failed || s.Packets != 999 || !s.Closed || !strings.Contains(got.Err, "the 999 packets before it are landed") {
		t.Errorf("exit code %d, %+v, stderr %s", got.Code, s, got.Err)
	}
}
