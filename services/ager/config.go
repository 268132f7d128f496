package ager

import (
	"fmt"
	"time"

	"netstream/pipeline/config"
	"netstream/schemas/window"
	"netstream/services/ager/internal/flows"
)

// Config of the ager.
type Config struct {
	Active    time.Duration `yaml:"active_timeout" doc:"a flow that lives this long is reported and begins anew"`
	Inactive  time.Duration `yaml:"inactive_timeout" doc:"a flow without a packet for this long is over"`
	FINRST    bool          `yaml:"fin_rst" doc:"whether a TCP FIN or RST ends a flow"`
	ByteLimit uint64        `yaml:"byte_limit" doc:"bytes a flow may count before it is reported and begins anew"`
}

// DefaultConfig has the product's defaults; Huawei's are 30m and 30s.
func DefaultConfig() Config {
	return Config{Active: 60 * time.Second, Inactive: 15 * time.Second, FINRST: true, ByteLimit: 1<<32 - 1}
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
	return ps.Err()
}

func (c Config) aging() flows.Aging {
	return flows.Aging{Inactive: int64(c.Inactive), Active: int64(c.Active), FINRST: c.FINRST, ByteLimit: c.ByteLimit}
}

// fingerprint names what must not change while flows are alive: replay would end them otherwise.
func (c Config) fingerprint() string {
	return fmt.Sprintf("active=%s,inactive=%s,fin_rst=%t,byte_limit=%d", c.Active, c.Inactive, c.FINRST, c.ByteLimit)
}
