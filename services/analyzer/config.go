package analyzer

import (
	"errors"
	"fmt"
	"time"

	"netstream/pipeline/config"
)

// Config of the analyzer.
type Config struct {
	Database     string        `yaml:"database" doc:"DuckDB file; empty: netstream.duckdb in the data directory"`
	MemoryLimit  config.Size   `yaml:"memory_limit" doc:"memory for the database, queries included; 0: 80 % of the machine's"`
	Threads      int           `yaml:"threads" doc:"threads of the database; 0: one a core"`
	LandInterval time.Duration `yaml:"land_interval" doc:"the longest that a flow waits on a quiet line before it can be queried"`
	FlowShards   []int         `yaml:"flow_shards" doc:"flow shards pinned to this analyzer; empty: all"`
}

// DefaultConfig suits one machine with everything on it.
func DefaultConfig() Config {
	return Config{MemoryLimit: 512 * config.MiB, LandInterval: time.Second}
}

// smallestMemory is what DuckDB needs to land a row group and answer a small query at the same time.
const smallestMemory = 128 * config.MiB

// Validate reports all problems.
func (c Config) Validate() error {
	var errs []error
	if c.MemoryLimit != 0 && c.MemoryLimit < smallestMemory {
		errs = append(errs, fmt.Errorf("memory_limit: %s, want at least %s, or 0", c.MemoryLimit, smallestMemory))
	}
	if c.Threads < 0 || c.Threads > 1024 {
		errs = append(errs, fmt.Errorf("threads: %d, want 0 to 1024", c.Threads))
	}
	if c.LandInterval < 10*time.Millisecond || c.LandInterval > time.Hour {
		errs = append(errs, fmt.Errorf("land_interval: %s, want 10ms to 1h", c.LandInterval))
	}
	seen := map[int]bool{}
	for _, n := range c.FlowShards {
		if n < 0 || seen[n] {
			errs = append(errs, fmt.Errorf("flow_shards: %d, want each shard once, from 0 on", n))
		}
		seen[n] = true
	}
	return errors.Join(errs...)
}
