package line

import (
	"time"

	"netstream/pipeline/bus"
	"netstream/pipeline/config"
	"netstream/pipeline/monitors"
	"netstream/pipeline/routes"
	"netstream/pipeline/telemetry"
	"netstream/services/ager"
	"netstream/services/analyzer"
	"netstream/services/exporter"
	"netstream/services/flowcache"
	"netstream/services/sampler"
)

// Config is the whole configuration file.
type Config struct {
	Bus       bus.Config       `yaml:"bus" doc:"where the streams are"`
	Layout    bus.Layout       `yaml:"layout" doc:"how the streams are divided; fixed when they are created"`
	Monitors  monitors.Config  `yaml:"monitors" doc:"flow definitions: each packet counts in every one that takes it"`
	Demo      Demo             `yaml:"demo" doc:"generated traffic, as live source \"demo\""`
	Sampler   sampler.Config   `yaml:"sampler" doc:"stage 1: packets to sampled packet headers"`
	FlowCache flowcache.Config `yaml:"flowcache" doc:"stage 2: headers to flow updates"`
	Ager      ager.Config      `yaml:"ager" doc:"stage 3: updates to expired flows"`
	Routes    routes.Config    `yaml:"routes" doc:"AS numbers, prefixes and next hops, for exporter and analyzer"`
	Exporter  exporter.Config  `yaml:"exporter" doc:"stage 4a: flows to NetStream datagrams"`
	Analyzer  analyzer.Config  `yaml:"analyzer" doc:"stage 4b: flows to the database, SQL and HTTP"`
	Telemetry telemetry.Config `yaml:"telemetry" doc:"log, metrics and health of the process"`
}

// DefaultConfig suits one machine of a few cores.
func DefaultConfig() Config {
	return Config{
		Bus:       bus.DefaultConfig(),
		Layout:    bus.DefaultLayout(),
		Monitors:  monitors.Default(),
		Demo:      DefaultDemo(),
		Sampler:   sampler.DefaultConfig(),
		FlowCache: flowcache.DefaultConfig(),
		Ager:      ager.DefaultConfig(),
		Routes:    routes.DefaultConfig(),
		Exporter:  exporter.DefaultConfig(),
		Analyzer:  analyzer.DefaultConfig(),
		Telemetry: telemetry.DefaultConfig(),
	}
}

// Validate reports what the sections don't see themselves.
func (c Config) Validate() error {
	var ps config.Problems
	if c.Layout.Replicas > 1 && c.Bus.URL == "" {
		ps.Addf("layout.replicas", c.Layout.Replicas, "1 on the embedded server (bus.url is empty)")
	}
	for _, n := range c.Analyzer.FlowShards {
		if n >= c.Layout.FlowShards {
			ps.Addf("analyzer.flow_shards", n, "less than layout.flow_shards (%d)", c.Layout.FlowShards)
		}
	}
	return ps.Err()
}

// Demo is the section "demo".
type Demo struct {
	Rate int           `yaml:"rate" doc:"packets per second, averaged over a day; 0: no generated traffic"`
	Day  time.Duration `yaml:"day" doc:"how long 24 hours of the daily rhythm take"`
	Seed uint64        `yaml:"seed" doc:"selects one of many equally plausible histories"`
}

// DefaultDemo is off, and lively when a rate is set.
func DefaultDemo() Demo { return Demo{Day: 10 * time.Minute, Seed: 1} }

// Validate reports all problems.
func (d Demo) Validate() error {
	var ps config.Problems
	if d.Rate < 0 || d.Rate > 2_000_000 {
		ps.Addf("rate", d.Rate, "0 to 2000000")
	}
	if d.Day < time.Second || d.Day > 24*time.Hour {
		ps.Addf("day", d.Day, "1s to 24h")
	}
	return ps.Err()
}
