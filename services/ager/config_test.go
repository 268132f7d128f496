package ager_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netstream/pipeline/config"
	"netstream/services/ager"
)

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*ager.Config)
		want   []string // keys with problems
	}{
		{"defaults", func(*ager.Config) {}, nil},
		{"smallest", func(c *ager.Config) { c.Active, c.Inactive, c.ByteLimit = time.Second, time.Second, 1<<16 }, nil},
		{"largest", func(c *ager.Config) { c.Active, c.Inactive, c.ByteLimit = 24*time.Hour, time.Hour, 1<<64-1 }, nil},
		{"too small", func(c *ager.Config) {
			c.Active, c.Inactive, c.ByteLimit = time.Second-1, time.Second-1, 1<<16-1
			c.FlowLimit = 0
		},
			[]string{"active_timeout", "inactive_timeout", "byte_limit", "flow_limit"}},
		{"idle off", func(c *ager.Config) { c.Idle = 0 }, nil},
		{"idle too small", func(c *ager.Config) { c.Idle = 5*time.Second - 1 }, []string{"idle_timeout"}},
		{"idle too large", func(c *ager.Config) { c.Idle = 24*time.Hour + 1 }, []string{"idle_timeout"}},
		{"too large", func(c *ager.Config) { c.Active, c.Inactive = 24*time.Hour+1, time.Hour+1 }, []string{"active_timeout", "inactive_timeout"}},
		{"inactive over active", func(c *ager.Config) { c.Active, c.Inactive = 5*time.Second, 6*time.Second }, []string{"inactive_timeout"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := ager.DefaultConfig()
			c.change(&cfg)
			err := cfg.Validate()
			var ps config.Problems
			if err != nil && !errors.As(err, &ps) {
				t.Fatalf("%T is no config.Problems", err)
			}
			var got []string
			for _, p := range ps {
				got = append(got, p.Key)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
