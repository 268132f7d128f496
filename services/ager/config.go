package ager

import (
	"cmp"
	"fmt"
	"time"

	"netstream/pipeline/config"
	"netstream/pipeline/monitors"
	"netstream/schemas/window"
	"netstream/services/ager/internal/flows"
)

// Config of the ager.
type Config struct {
	Active     time.Duration `yaml:"active_timeout" doc:"a flow that lives this long is reported and begins anew"`
	Inactive   time.Duration `yaml:"inactive_timeout" doc:"a flow without a packet for this long is over"`
	FINRST     bool          `yaml:"fin_rst" doc:"whether a TCP FIN or RST ends a flow"`
	ByteLimit  uint64        `yaml:"byte_limit" doc:"bytes a flow may count before it is reported and begins anew"`
	Checkpoint time.Duration `yaml:"checkpoint_interval" doc:"how often the live flows are saved; a restart replays the updates since then. 0s: never"`
	FlowLimit  int           `yaml:"flow_limit" doc:"live flows of a monitor, source and flow shard; the oldest end when there are more"`
	Idle       time.Duration `yaml:"idle_timeout" doc:"a live source that is silent this long has its clock moved on, so that its flows end; 0: never"`
}

// DefaultConfig has the product's defaults; Huawei's are 30m and 30s.
func DefaultConfig() Config {
	return Config{Active: 60 * time.Second, Inactive: 15 * time.Second, FINRST: true, ByteLimit: 1<<32 - 1, FlowLimit: 1 << 20, Checkpoint: 30 * time.Second, Idle: 30 * time.Second}
}

// Validate reports all problems.
func (c Config) Validate() error {
	var ps config.Problems
	second := time.Duration(window.Length)
	if c.Active < second || c.Active > 24*time.Hour {
		ps.Addf("active_timeout", c.Active, "1s to 24h")
	}
	if c.Inactive < second || c.Inactive > time.Hour {
		ps.Addf("inactive_timeout", c.Inactive, "1s to 1h")
	}
	if c.Inactive > c.Active {
		ps.Addf("inactive_timeout", c.Inactive, "at most active_timeout (%s)", c.Active)
	}
	if c.ByteLimit < 1<<16 {
		ps.Addf("byte_limit", c.ByteLimit, "at least %d", 1<<16)
	}
	if c.Checkpoint != 0 && (c.Checkpoint < time.Second || c.Checkpoint > time.Hour) {
		ps.Addf("checkpoint_interval", c.Checkpoint, "0s, or 1s to 1h")
	}
	if c.FlowLimit < 1 {
		ps.Addf("flow_limit", c.FlowLimit, "at least 1")
	}
	if c.Idle != 0 && (c.Idle < 5*time.Second || c.Idle > 24*time.Hour) {
		ps.Addf("idle_timeout", c.Idle, "5s to 24h, or 0")
	}
	return ps.Err()
}

// caches are the types of caches by their names. Of the immediate one the log says so, whatever is configured.
var caches = map[string]flows.Cache{monitors.Permanent: flows.Permanent, monitors.Synchronized: flows.Synchronized}

// aging says when the flows of a monitor end: as the monitor wants, else as all do.
func (s *Service) aging(monitor string) flows.Aging {
	a := flows.Aging{Inactive: int64(s.cfg.Inactive), Active: int64(s.cfg.Active), FINRST: s.cfg.FINRST, ByteLimit: s.cfg.ByteLimit, FlowLimit: s.cfg.FlowLimit}
	for _, m := range s.monitors {
		if m.Name != monitor {
			continue
		}
		a.Inactive, a.Active = cmp.Or(int64(m.Inactive), a.Inactive), cmp.Or(int64(m.Active), a.Active)
		a.ByteLimit, a.FlowLimit = cmp.Or(m.ByteLimit, a.ByteLimit), cmp.Or(m.FlowLimit, a.FlowLimit)
		a.Cache = caches[m.Cache]
		if m.FINRST != nil {
			a.FINRST = *m.FINRST
		}
	}
	return a
}

// settings writes how the flows of a monitor age. That must not change while flows are alive: replay would end them otherwise.
func (s *Service) settings(monitor string) string {
	a := s.aging(monitor)
	return fmt.Sprintf("%s:active=%s,inactive=%s,fin_rst=%t,byte_limit=%d,flow_limit=%d,cache=%s",
		monitor, time.Duration(a.Active), time.Duration(a.Inactive), a.FINRST, a.ByteLimit, a.FlowLimit, a.Cache)
}
