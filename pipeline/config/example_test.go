package config_test

import (
	"fmt"
	"os"
	"time"

	"netstream/pipeline/config"
)

type Config struct {
	Ager Ager `yaml:"ager" doc:"stage 3: decides when a flow is over"`
}

type Ager struct {
	Active   time.Duration `yaml:"active_timeout" doc:"a flow this old ends; 0 = never"`
	Inactive time.Duration `yaml:"inactive_timeout" doc:"a flow idle this long ends"`
}

func (a Ager) Validate() error {
	var ps config.Problems
	if a.Active != 0 && a.Active <= a.Inactive {
		ps.Addf("active_timeout", a.Active, "more than inactive_timeout (%s), or 0", a.Inactive)
	}
	return ps.Err()
}

func Example() {
	cfg := Config{Ager{Active: time.Minute, Inactive: 15 * time.Second}}
	file := []byte("ager:\n  active_timeout: 10s\n  inactive: 5s\n")
	fmt.Println(config.Parse("netstream.yaml", file, nil, &cfg))

	env := []string{"NETSTREAM_AGER_ACTIVE_TIMEOUT=30m"}
	fmt.Println(config.Parse("netstream.yaml", nil, env, &cfg))
	config.Dump(os.Stdout, cfg)
	// Output:
	// netstream.yaml:2:3: ager.active_timeout: 10s, want more than inactive_timeout (15s), or 0
	// netstream.yaml:3:3: ager.inactive: unknown key, did you mean inactive_timeout?
	// <nil>
	// # stage 3: decides when a flow is over
	// ager:
	//   # a flow this old ends; 0 = never
	//   active_timeout: 30m
	//   # a flow idle this long ends
	//   inactive_timeout: 15s
}
