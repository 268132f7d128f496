package flowcache

import (
	"time"

	"netstream/pipeline/config"
)

// Config of the flow cache.
type Config struct {
	Rows     int           `yaml:"rows" doc:"updates held before a hand-over, per packet shard and monitor"`
	HandOver time.Duration `yaml:"hand_over" doc:"longest time an update is held, and longest silence before a hand-over"`
}

// DefaultConfig holds 65,536 rows, about 5 MB, for at most a second.
func DefaultConfig() Config { return Config{Rows: 1 << 16, HandOver: time.Second} }

// heldBytes keeps a hand-over, one atomic batch, below 64 MiB: the last message taken in can add monitor.MessageBytes.
const heldBytes = 32 << 20

// shardBytes bounds what the parts for one flow shard take beside their rows: the Arrow metadata of each class.
const shardBytes = 32 << 10

// maxRows of an IPv6 monitor take half of heldBytes.
const maxRows = 1 << 17

// Validate reports all problems.
func (c Config) Validate() error {
	var ps config.Problems
	if c.Rows < 1 || c.Rows > maxRows {
		ps.Addf("rows", c.Rows, "1 to %d", maxRows)
	}
	if c.HandOver < 10*time.Millisecond || c.HandOver > time.Minute {
		ps.Addf("hand_over", c.HandOver, "10ms to 1m")
	}
	return ps.Err()
}
