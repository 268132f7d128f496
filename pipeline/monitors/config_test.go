package monitors_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netstream/pipeline/config"
	"netstream/pipeline/monitors"
	"netstream/schemas/monitor"
)

var update = flag.Bool("update", false, "rewrite the expected messages")

// file is the part of a configuration that this package gives.
type file struct {
	Monitors monitors.Config `yaml:"monitors" doc:"flow definitions"`
}

func load(t *testing.T, path string) (file, error) {
	t.Helper()
	f := file{monitors.Default()}
	err := config.Load(path, nil, &f)
	return f, err
}

// Each *.bad.yaml holds one mistake (many.bad.yaml holds many); what is printed for it stands in the file of the same name
// with .err.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".bad.yaml")
		t.Run(name, func(t *testing.T) {
			_, err := load(t, path)
			if _, ok := errors.AsType[config.Problems](err); !ok {
				t.Fatalf("error %v, want config.Problems", err)
			}
			message, golden := err.Error()+"\n", filepath.Join("testdata", name+".err")
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

func TestFull(t *testing.T) {
	f, err := load(t, "testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const tuple, labels = "src_addr,dst_addr,src_port,dst_port,protocol,tos,flow_label,ip_version,interface", "mpls_label_1,mpls_label_2,mpls_label_3"
	want := []string{
		"ipv4=ipv4", "ipv6=ipv6", "l2=layer2", "lsp=mpls:interface," + labels, "ip-in-mpls=mpls:" + tuple, "lsp-and-ip=mpls:" + tuple + "," + labels,
		"vpn=vpn", "srv6=srv6-inner", "tunnels=tunnel-inner",
		"web=flexible:dst_port,vlan;src_mac,extremes", "classes=flexible:dscp,interface", "sizes=flexible:protocol;extremes",
	}
	ds := f.Monitors.Definitions()
	if diff := cmp.Diff(want, strings.Fields(monitor.Format(ds))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// What may be configured may travel.
	got, err := monitor.ParseList(want)
	if diff := cmp.Diff(ds, got); diff != "" || err != nil {
		t.Errorf("error %v (-configured +read):\n%s", err, diff)
	}
	m := f.Monitors[1]
	if m.Active != 30*time.Minute || m.Inactive != 30*time.Second || m.FINRST == nil || *m.FINRST || m.ByteLimit != 1_000_000 {
		t.Errorf("aging of the second: %+v", m)
	}
	if m := f.Monitors[0]; m.FINRST != nil || m.Active != 0 {
		t.Errorf("aging of the first: %+v, want the ager's", m)
	}
}

func TestDefault(t *testing.T) {
	f, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(monitor.Default(), f.Monitors.Definitions()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestDump reads back what Dump writes, over other defaults.
func TestDump(t *testing.T) {
	full, err := load(t, "testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []file{full, {monitors.Default()}} {
		var b bytes.Buffer
		if err := config.Dump(&b, want); err != nil {
			t.Fatal(err)
		}
		got := file{monitors.Config{{Name: "other", Kind: "vpn"}}}
		if err := config.Parse("dump.yaml", b.Bytes(), nil, &got); err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("-want +got:\n%s\n%s", diff, b.String())
		}
	}
}

// FuzzMonitor configures any flexible monitor: what Validate lets pass must be a definition, and travel.
func FuzzMonitor(f *testing.F) {
	f.Add("a", "vlan dst_port", "ttl extremes")
	f.Add("a", "tos dscp", "")
	f.Add("a", "vlan", "vlan")
	f.Add("a", "tos", "dscp")
	f.Add("a", "vlan", "tcp_flags")
	f.Add("a b", "", "extremes extremes")
	f.Fuzz(func(t *testing.T, name, match, collect string) {
		m := monitors.Monitor{Name: name, Kind: "flexible", Match: strings.Fields(match), Collect: strings.Fields(collect)}
		d := monitors.Config{m}.Definitions()[0]
		if err := m.Validate(); err != nil {
			return
		}
		if err := d.Check(); err != nil {
			t.Fatalf("%+v is valid, but %v", m, err)
		}
		if again, err := monitor.Parse(d.String()); err != nil || again != d {
			t.Fatalf("%s reads as %s, error %v", d, again, err)
		}
	})
}
