package telemetry

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"netstream/pipeline/config"
)

func TestConfig(t *testing.T) {
	type process struct {
		Telemetry Config `yaml:"telemetry"`
	}
	for name, tt := range map[string]struct{ yaml, want string }{
		"defaults":   {"", ""},
		"off":        {`telemetry: {listen: ""}`, ""},
		"any port":   {`telemetry: {listen: "127.0.0.1:0"}`, ""},
		"all hosts":  {`telemetry: {listen: ":9464"}`, ""},
		"other log":  {`telemetry: {log_level: debug, log_format: json}`, ""},
		"no port":    {`telemetry: {listen: localhost}`, `x:1:13: telemetry.listen: "localhost", want host:port such as 127.0.0.1:9464, or "" for none`},
		"high port":  {`telemetry: {listen: "[::1]:65536"}`, `x:1:13: telemetry.listen: "[::1]:65536", want host:port such as 127.0.0.1:9464, or "" for none`},
		"bad format": {`telemetry: {log_format: xml}`, "x:1:13: telemetry.log_format: xml: want text or json"},
		"bad level":  {`telemetry: {log_level: loud}`, `x:1:13: telemetry.log_level: loud: slog: level string "loud": unknown name`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := process{DefaultConfig()}
			got := ""
			if err := config.Parse("x", []byte(tt.yaml), nil, &cfg); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestLogger(t *testing.T) {
	var b bytes.Buffer
	log := NewLogger(&b, Text, slog.LevelInfo)
	log.Debug("hidden")
	log.Info("hand-over", "shard", 3)
	if got := b.String(); strings.Contains(got, "hidden") || !strings.HasSuffix(got, "level=INFO msg=hand-over shard=3\n") {
		t.Errorf("text: %q", got)
	}
	b.Reset()
	NewLogger(&b, JSON, slog.LevelDebug).Debug("hand-over", "shard", 3)
	var record map[string]any
	if err := json.Unmarshal(b.Bytes(), &record); err != nil {
		t.Fatalf("json: %v in %q", err, b.String())
	}
	if record["level"] != "DEBUG" || record["msg"] != "hand-over" || record["shard"] != 3.0 {
		t.Errorf("json: %v", record)
	}
}
