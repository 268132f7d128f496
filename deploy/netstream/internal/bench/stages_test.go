package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"
)

// sample is one with so many nanoseconds, a stack of functions from the innermost ("" is code without a name), and labels
// "name=value".
func sample(ns int64, stack string, labels ...string) *profile.Sample {
	s := &profile.Sample{Value: []int64{1, ns}, Label: map[string][]string{}}
	for _, name := range strings.Split(stack, " ") {
		loc := &profile.Location{}
		if name != "" {
			loc.Line = []profile.Line{{Function: &profile.Function{Name: name}}}
		}
		s.Location = append(s.Location, loc)
	}
	for _, l := range labels {
		name, value, _ := strings.Cut(l, "=")
		s.Label[name] = append(s.Label[name], value)
	}
	return s
}

var cpuTypes = []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}}

func TestSumStages(t *testing.T) {
	for _, c := range []struct {
		name   string
		sample *profile.Sample
		want   stage
	}{
		{"the sampler is the work", sample(40, "netstream/services/sampler.take", "component=work"), stage{Name: "sampler", Own: 4}},
		{"a stage's own code", sample(40, "runtime.memmove netstream/services/ager.merge", "component=ager"), stage{Name: "ager", Own: 4}},
		{"a stage that allocates", sample(40, "runtime.memclrNoHeapPointers runtime.mallocgc runtime.makeslice netstream/services/ager.merge", "component=ager"), stage{Name: "ager", Memory: 4}},
		{"a stage that publishes", sample(40, "github.com/nats-io/nats%2ego.(*Conn).publish netstream/pipeline/bus.Publish", "component=flowcache"), stage{Name: "flowcache", Bus: 4}},
		{"a stage that lands", sample(40, "runtime.cgocall github.com/duckdb/duckdb-go/v2.exec database/sql.Exec", "component=analyzer"), stage{Name: "analyzer", Database: 4}},
		{"the server", sample(40, "syscall.Write github.com/nats-io/nats-server/v2/server.flush"), stage{Name: bus, Bus: 4}},
		{"the server's memory", sample(40, "runtime.mallocgc github.com/nats-io/nats-server/v2/server.flush", "stream=live-PACKETS"), stage{Name: bus, Bus: 4}},
		{"a thread of the database", sample(40, " "), stage{Name: database, Database: 4}},
		{"a thread that Go knows not", sample(40, "runtime._ExternalCode runtime._System"), stage{Name: database, Database: 4}},
		{"the collector", sample(40, "runtime.scanobject runtime.gcDrain runtime.gcBgMarkWorker"), stage{Name: runtime, Memory: 4}},
		{"the scheduler", sample(40, "internal/runtime/syscall.EpollWait runtime.findRunnable runtime.mcall"), stage{Name: runtime, Own: 4}},
		{"another component", sample(40, "netstream/x.Run", "component=telemetry"), stage{Name: rest, Own: 4}},
		{"the command itself", sample(40, "main.main"), stage{Name: rest, Own: 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := sumStages(&profile.Profile{SampleType: cpuTypes, Sample: []*profile.Sample{c.sample}}, 10)
			if err != nil {
				t.Fatal(err)
			}
			var some []stage
			for _, s := range got {
				if s.total() != 0 {
					some = append(some, s)
				}
			}
			if diff := cmp.Diff([]stage{c.want}, some); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReadStagesRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("no profile"), 0o600); err != nil {
		t.Fatal(err)
	}
	heap := filepath.Join(dir, "heap")
	f, err := os.Create(heap)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "inuse_space", Unit: "bytes"}}}
	if err := p.Write(f); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{text: text, heap: "not a CPU profile", filepath.Join(dir, "none"): "no such file"} {
		if _, err := readStages(path, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", path, err, want)
		}
	}
}
