package flowcache_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netstream/pipeline/config"
	"netstream/services/flowcache"
)

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*flowcache.Config)
		want   []string // keys with problems
	}{
		{"defaults", func(*flowcache.Config) {}, nil},
		{"smallest", func(c *flowcache.Config) { c.Rows, c.HandOver = 1, 10*time.Millisecond }, nil},
		{"largest", func(c *flowcache.Config) { c.Rows, c.HandOver = 1<<17, time.Minute }, nil},
		{"too small", func(c *flowcache.Config) { c.Rows, c.HandOver = 0, 9*time.Millisecond }, []string{"rows", "hand_over"}},
		{"too large", func(c *flowcache.Config) { c.Rows, c.HandOver = 1<<17+1, time.Minute+1 }, []string{"rows", "hand_over"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := flowcache.DefaultConfig()
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
