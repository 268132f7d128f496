// Package telemetry is how a process is watched from outside: its log, its metrics, and whether it
// lives and is ready. It stands beside the line and no data passes through it.
//
//	stages ---------------> log      (slog, text or JSON)
//	stages -- counters ---> Registry --> /metrics
//	stages -- Check ------> Health ----> /readyz, netstream_ready
//
// A process has one registry, one Health and one Server.
package telemetry

import (
	"fmt"
	"log/slog"
	"net"

	"netstream/pipeline/config"
)

// Config is the section "telemetry" of a process.
type Config struct {
	Listen    string     `yaml:"listen" doc:"host:port of /metrics, /healthz, /readyz and /debug/pprof over HTTP, without authentication;\nport 0 = any free port; \"\" = off. /debug/pprof answers to this machine only."`
	LogLevel  slog.Level `yaml:"log_level" doc:"debug, info, warn or error"`
	LogFormat Format     `yaml:"log_format" doc:"text or json"`
}

// DefaultConfig listens on loopback, on 9464, the port of OpenTelemetry's Prometheus exporters, and
// logs text from info on.
func DefaultConfig() Config {
	return Config{Listen: "127.0.0.1:9464", LogLevel: slog.LevelInfo, LogFormat: Text}
}

// Validate reports all problems.
func (c Config) Validate() error {
	var ps config.Problems
	if c.Listen != "" {
		if _, port, err := net.SplitHostPort(c.Listen); err != nil || !isPort(port) {
			ps.Addf("listen", c.Listen, "host:port such as 127.0.0.1:9464, or \"\" for none")
		}
	}
	return ps.Err()
}

func isPort(s string) bool {
	_, err := net.LookupPort("tcp", s)
	return err == nil && s != ""
}

// Format is how log records are written.
type Format string

// The formats of a log.
const (
	Text Format = "text" // key=value
	JSON Format = "json" // an object per line
)

// UnmarshalText implements encoding.TextUnmarshaler and refuses unknown formats.
func (f *Format) UnmarshalText(text []byte) error {
	switch g := Format(text); g {
	case Text, JSON:
		*f = g
		return nil
	default:
		return fmt.Errorf("want %s or %s", Text, JSON)
	}
}
