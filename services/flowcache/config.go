package flowcache

import (
	"errors"
	"fmt"
	"time"
)

// Config of the flow cache.
type Config struct {
	Rows     int           `yaml:"rows" doc:"updates held before a hand-over, per packet shard and record kind"`
	HandOver time.Duration `yaml:"hand_over" doc:"longest time an update is held, and longest silence before a hand-over"`
}

// DefaultConfig holds 65,536 rows, about 5 MB, for at most a second.
func DefaultConfig() Config { return Config{Rows: 1 << 16, HandOver: time.Second} }

// Validate reports all problems.
func (c Config) Validate() error {
	var errs []error
	if c.Rows < 1 || c.Rows > 1<<20 {
		errs = append(errs, fmt.Errorf("rows: %d, want 1 to %d", c.Rows, 1<<20))
	}
	if c.HandOver < 10*time.Millisecond || c.HandOver > time.Minute {
		errs = append(errs, fmt.Errorf("hand_over: %s, want 10ms to 1m", c.HandOver))
	}
	return errors.Join(errs...)
}
