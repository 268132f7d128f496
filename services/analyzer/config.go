package analyzer

import (
	"net"
	"slices"
	"strconv"
	"time"

	"netstream/pipeline/config"
	"netstream/pipeline/interfaces"
	"netstream/schemas/subject"
	"netstream/services/analyzer/internal/query"
)

// Config of the analyzer.
type Config struct {
	Database     string            `yaml:"database" doc:"DuckDB file; empty: netstream.duckdb in the data directory"`
	MemoryLimit  config.Size       `yaml:"memory_limit" doc:"memory for the database, queries included; 0: 80 % of the machine's"`
	Threads      int               `yaml:"threads" doc:"threads of the database; 0: one for two cores, so that the other stages have theirs"`
	LandInterval time.Duration     `yaml:"land_interval" doc:"the longest that a flow waits on a quiet line before it can be queried"`
	Routes       bool              `yaml:"routes" doc:"land flows with AS numbers, prefix lengths and next hops by the routing table on the bus, which the section routes of some process publishes"`
	Interfaces   interfaces.Config `yaml:"interfaces" doc:"names, speeds and VRFs of interfaces, for the SQL table interfaces"`
	Geo          []string          `yaml:"geo" doc:"MMDB files for the SQL functions country, city, as_number and as_org of an address; what one doesn't tell, a later one may"`
	FlowShards   []int             `yaml:"flow_shards" doc:"flow shards pinned to this analyzer; empty: all"`
	API          APIConfig         `yaml:"api"`

	Collector CollectorConfig `yaml:"collector"`
}

// CollectorConfig of the collector of other devices' datagrams.
type CollectorConfig struct {
	Listen string `yaml:"listen" doc:"host:port to receive NetStream v5 and v9 on over UDP, such as 127.0.0.1:2055; empty: off"`
	Name   string `yaml:"name" doc:"the collector's own name on the bus; two collectors of a pipeline must not share one"`
}

// Validate reports all problems.
func (c CollectorConfig) Validate() error {
	var ps config.Problems
	if c.Listen != "" {
		if _, port, err := net.SplitHostPort(c.Listen); err != nil || !isPort("udp", port) {
			ps.Addf("listen", c.Listen, "host:port such as 127.0.0.1:2055, or empty")
		}
	}
	if err := subject.Valid(c.Name); err != nil {
		ps.Addf("name", c.Name, "1 to 64 letters, digits, _ or -")
	}
	return ps.Err()
}

func isPort(network, s string) bool {
	_, err := net.LookupPort(network, s)
	return err == nil && s != ""
}

// APIConfig of the HTTP API.
type APIConfig struct {
	Listen    string        `yaml:"listen" doc:"loopback host:port of the HTTP API; port 0: any free port; empty: off"`
	TimeLimit time.Duration `yaml:"time_limit" doc:"the longest that one question may take"`
	RowLimit  int           `yaml:"row_limit" doc:"rows of one answer; the rest is cut off, and said so"`
	SizeLimit config.Size   `yaml:"size_limit" doc:"size of one answer; the rest is cut off, and said so"`
	Queries   int           `yaml:"queries" doc:"questions answered at a time; more wait"`
}

// Validate reports all problems.
func (c APIConfig) Validate() error {
	var ps config.Problems
	if c.Listen != "" {
		host, port, err := net.SplitHostPort(c.Listen)
		ip := net.ParseIP(host)
		if err != nil || !isPort("tcp", port) || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			ps.Addf("listen", c.Listen, "a loopback address with a port, such as 127.0.0.1:8080: the API has no authentication")
		}
	}
	if c.TimeLimit < time.Millisecond || c.TimeLimit > 24*time.Hour {
		ps.Addf("time_limit", c.TimeLimit, "1ms to 24h")
	}
	if c.RowLimit < 1 || c.RowLimit > 10_000_000 {
		ps.Addf("row_limit", c.RowLimit, "1 to 10000000")
	}
	if c.SizeLimit < config.KiB || c.SizeLimit > config.GiB {
		ps.Addf("size_limit", c.SizeLimit, "1KiB to 1GiB")
	}
	if c.Queries < 1 || c.Queries > 64 {
		ps.Addf("queries", c.Queries, "1 to 64")
	}
	return ps.Err()
}

func (c APIConfig) limits() query.Limits {
	return query.Limits{Time: c.TimeLimit, Rows: c.RowLimit, Bytes: int64(c.SizeLimit), Queries: c.Queries}
}

// DefaultConfig suits one machine with everything on it.
func DefaultConfig() Config {
	return Config{
		MemoryLimit: 256 * config.MiB, LandInterval: time.Second,
		API:       APIConfig{Listen: "127.0.0.1:8080", TimeLimit: 30 * time.Second, RowLimit: 100_000, SizeLimit: 64 * config.MiB, Queries: 2},
		Collector: CollectorConfig{Name: "collector"},
	}
}

// smallestMemory is what DuckDB needs to land a row group and answer a small query at the same time.
const smallestMemory = 128 * config.MiB

// Validate reports all problems of the analyzer itself; sections check themselves.
func (c Config) Validate() error {
	var ps config.Problems
	if c.MemoryLimit != 0 && c.MemoryLimit < smallestMemory {
		ps.Addf("memory_limit", c.MemoryLimit, "at least %s, or 0", smallestMemory)
	}
	if c.Threads < 0 || c.Threads > 1024 {
		ps.Addf("threads", c.Threads, "0 to 1024")
	}
	if c.LandInterval < 10*time.Millisecond || c.LandInterval > time.Hour {
		ps.Addf("land_interval", c.LandInterval, "10ms to 1h")
	}
	for i, f := range c.Geo {
		if f == "" || slices.Contains(c.Geo[:i], f) {
			ps.Addf("geo["+strconv.Itoa(i)+"]", f, "the name of a file, each once")
		}
	}
	seen := map[int]bool{}
	for _, n := range c.FlowShards {
		if n < 0 || seen[n] {
			ps.Addf("flow_shards", c.FlowShards, "each shard once, numbered from 0")
			break
		}
		seen[n] = true
	}
	return ps.Err()
}
