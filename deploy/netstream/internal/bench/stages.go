package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/google/pprof/profile"
)

// stage is one line of the CPU table, in nanoseconds per packet: whose goroutine or thread it was, and what it did.
type stage struct {
	Name     string  `json:"name"`
	Own      float64 `json:"own"`      // code of the stage and what it calls
	Bus      float64 `json:"bus"`      // NATS, client or server
	Database float64 `json:"database"` // DuckDB
	Memory   float64 `json:"memory"`   // allocating and collecting
}

func (s stage) total() float64 { return s.Own + s.Bus + s.Database + s.Memory }

// Stages that aren't components.
const (
	bus      = "bus (embedded JetStream)"
	database = "database (DuckDB's threads)"
	runtime  = "runtime (GC, scheduler)"
	rest     = "rest"
)

// components are the labels of pipeline/lifecycle in flow order; in `netstream run` the work is the sampler's.
var components = [][2]string{
	{"work", "sampler"}, {"flowcache", "flowcache"}, {"ager", "ager"}, {"exporter", "exporter"}, {"analyzer", "analyzer"},
}

// readStages sums up a CPU profile of `netstream run`.
func readStages(path string, packets uint64) ([]stage, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := profile.Parse(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	stages, err := sumStages(p, packets)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return stages, nil
}

func sumStages(p *profile.Profile, packets uint64) ([]stage, error) {
	value := slices.IndexFunc(p.SampleType, func(t *profile.ValueType) bool { return t.Type == "cpu" && t.Unit == "nanoseconds" })
	if value < 0 {
		return nil, fmt.Errorf("not a CPU profile")
	}
	var stages []stage
	for _, c := range components {
		stages = append(stages, stage{Name: c[1]})
	}
	for _, name := range []string{bus, database, runtime, rest} {
		stages = append(stages, stage{Name: name})
	}
	for _, s := range p.Sample {
		st := stack(s)
		name := st.owner(s)
		at := &stages[slices.IndexFunc(stages, func(s stage) bool { return s.Name == name })]
		ns := float64(s.Value[value]) / float64(packets)
		switch {
		case st.bus:
			at.Bus += ns
		case st.database:
			at.Database += ns
		case st.memory:
			at.Memory += ns
		default:
			at.Own += ns
		}
	}
	return stages, nil
}

// traits are what a sample's stack tells.
type traits struct {
	bus      bool // it is within NATS
	database bool // it is within DuckDB
	memory   bool // it allocates or collects
	runtime  bool // it is nothing but the runtime
}

// allocating are the functions of the Go runtime below which memory is got or collected.
var allocating = []string{"runtime.mallocgc", "runtime.gc", "runtime.bgsweep", "runtime.bgscavenge", "runtime.growslice", "runtime.wbBuf"}

func stack(s *profile.Sample) traits {
	t := traits{runtime: true}
	for _, loc := range s.Location {
		if len(loc.Line) == 0 { // C code has no names
			t.database, t.runtime = true, false
		}
		for _, l := range loc.Line {
			if l.Function == nil {
				continue
			}
			name := l.Function.Name
			switch {
			case strings.HasPrefix(name, "github.com/nats-io/"):
				t.bus = true
			case strings.HasPrefix(name, "runtime.cgo"), strings.HasPrefix(name, "github.com/duckdb/"), name == "runtime._ExternalCode":
				t.database = true
			case slices.ContainsFunc(allocating, func(p string) bool { return strings.HasPrefix(name, p) }):
				t.memory = true
			}
			if !strings.HasPrefix(name, "runtime.") && !strings.HasPrefix(name, "internal/runtime/") {
				t.runtime = false
			}
		}
	}
	return t
}

// owner names the stage a sample belongs to.
func (t traits) owner(s *profile.Sample) string {
	if labels := s.Label["component"]; len(labels) > 0 {
		for _, c := range components {
			if c[0] == labels[0] {
				return c[1]
			}
		}
		return rest
	}
	switch {
	case t.bus:
		return bus
	case t.database:
		return database
	case t.runtime:
		return runtime
	}
	if _, stream := s.Label["stream"]; stream {
		return bus // nats-server labels the goroutines of its streams
	}
	return rest
}
