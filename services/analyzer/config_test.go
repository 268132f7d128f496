package analyzer_test

import (
	"strings"
	"testing"
	"time"

	"netstream/pipeline/config"
	"netstream/services/analyzer"
)

func TestDefaultsAreValid(t *testing.T) {
	if err := config.Check(analyzer.DefaultConfig()); err != nil {
		t.Error(err)
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	c := analyzer.DefaultConfig()
	c.MemoryLimit, c.Threads, c.LandInterval, c.FlowShards = 1000, -1, time.Millisecond, []int{0, 1, 0}
	c.API.Listen, c.API.TimeLimit, c.API.RowLimit, c.API.SizeLimit, c.API.Queries = "0.0.0.0:80", 0, 0, 1, 0
	err := config.Check(c)
	if err == nil {
		t.Fatal("no error")
	}
	for _, key := range []string{"memory_limit", "threads", "land_interval", "flow_shards", "api.listen", "api.time_limit", "api.row_limit", "api.size_limit", "api.queries"} {
		if !strings.Contains(err.Error(), key+": ") {
			t.Errorf("nothing about %s in\n%v", key, err)
		}
	}
}

func TestTheAPIListensOnLoopbackOnly(t *testing.T) {
	for listen, ok := range map[string]bool{
		"": true, "127.0.0.1:0": true, "[::1]:8080": true, "localhost:8080": true,
		":8080": false, "0.0.0.0:8080": false, "192.0.2.1:8080": false, "example.com:80": false, "127.0.0.1": false, "127.0.0.1:": false, "127.0.0.1:99999": false,
	} {
		c := analyzer.DefaultConfig()
		c.API.Listen = listen
		if err := config.Check(c); (err == nil) != ok {
			t.Errorf("%q: %v", listen, err)
		}
	}
}
