package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestConfigFile writes a file to start from, which is valid and changes nothing.
func TestConfigFile(t *testing.T) {
	initial := execute(t, nil, "config", "init")
	if initial.Code != Done || !strings.Contains(initial.Out, "active_timeout: 1m") {
		t.Fatalf("config init: %+v", initial)
	}
	path := write(t, t.TempDir(), "netstream.yaml", []byte(initial.Out))
	if got := execute(t, nil, "config", "check", "-c", path); got != (outcome{Done, "the configuration is valid\n", ""}) {
		t.Errorf("config check: %+v", got)
	}
	defaults := execute(t, nil, "config", "dump")
	if diff := cmp.Diff(defaults, execute(t, nil, "config", "dump", "-c", path)); diff != "" || defaults.Code != Done {
		t.Errorf("what config init writes isn't the defaults (-defaults +init):\n%s", diff)
	}
}

// TestConfigFromTheEnvironment shows that it overrides the file, that its mistakes are found, and that what isn't
// configuration is no mistake.
func TestConfigFromTheEnvironment(t *testing.T) {
	path := write(t, t.TempDir(), "netstream.yaml", []byte("ager: {active_timeout: 50s}\n"))
	got := execute(t, []string{"NETSTREAM_AGER_ACTIVE_TIMEOUT=40s", "NETSTREAM_DATA=" + t.TempDir(), "HOME=/"}, "config", "dump", "-c", path)
	if got.Code != Done || !strings.Contains(got.Out, "active_timeout: 40s") {
		t.Errorf("config dump: %+v", got)
	}
	got = execute(t, []string{"NETSTREAM_AGER_ACTIVE_TIMOUT=40s"}, "config", "check")
	if got.Code != Usage || !strings.Contains(got.Err, "NETSTREAM_AGER_ACTIVE_TIMOUT") {
		t.Errorf("config check of a misspelt variable: %+v", got)
	}
}

// TestDataDirectoryFromTheEnvironment finds the data where NETSTREAM_DATA says, unless --data says otherwise.
func TestDataDirectoryFromTheEnvironment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nothing")
	for _, args := range [][]string{{"audit"}, {"audit", "--data", dir + "-else"}} {
		got := execute(t, []string{"NETSTREAM_DATA=" + dir}, args...)
		want := dir
		if len(args) > 1 {
			want = args[2]
		}
		if got.Code != Failed || !strings.HasPrefix(got.Err, "netstream: data directory "+want+": no data") {
			t.Errorf("%v: %+v", args, got)
		}
	}
}
