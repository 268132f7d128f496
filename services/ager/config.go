package ager

import (
	"errors"
	"fmt"
	"time"

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
	var errs []error
	second := time.Duration(window.Length)
	if c.Active < second || c.Active > 24*time.Hour {
		errs = append(errs, fmt.Errorf("active_timeout: %s, want 1s to 24h", c.Active))
	}
	if c.Inactive < second || c.Inactive > time.Hour {
		errs = append(errs, fmt.Errorf("inactive_timeout: %s, want 1s to 1h", c.Inactive))
	}
	if c.Inactive > c.Active {
		errs = append(errs, fmt.Errorf("inactive_timeout: %s, want at most active_timeout (%s)", c.Inactive, c.Active))
	}
	if c.ByteLimit < 1<<16 {
		errs = append(errs, fmt.Errorf("byte_limit: %d, want at least 65536", c.ByteLimit))
	}
	return errors.Join(errs...)
}

func (c Config) aging() flows.Aging {
	return flows.Aging{Inactive: int64(c.Inactive), Active: int64(c.Active), FINRST: c.FINRST, ByteLimit: c.ByteLimit}
}
