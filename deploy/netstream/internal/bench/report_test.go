package main

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrint(t *testing.T) {
	r := &report{
		Machine: conditions{Cores: 2, CPU: "Model", Memory: "8.0 GiB", System: "linux/amd64 6.1", Go: "go1.26", Load: "0.10"},
		Capture: "a.pcap", Size: 3 << 20, Packets: 4000, Flows: 300, Rounds: 2, Ready: []float64{1.5, 1.25},
		Quarter: &quarter{Packets: 1000, Cost: cost{RSS: 100 << 20}},
		Stages:  []stage{{Name: "sampler", Own: 100, Memory: 20}, {Name: bus, Bus: 1000}},
		Profile: "p.pprof", Profiled: 1200,
		Missing: []string{"other isn't installed"},
	}
	r.add("netstream run", "rows", []cost{{Wall: 2, User: 1, System: 1, RSS: 200 << 20}, {Wall: 4, User: 1, System: 1, RSS: 210 << 20}})
	r.add("peer 1.2", "files", []cost{{Wall: 1, User: 0.5, System: 0.25, RSS: 5 << 20}, {Wall: 3, User: 0.5, System: 0.5, RSS: 5 << 20}})
	var b strings.Builder
	if err := r.print(&b); err != nil {
		t.Fatal(err)
	}
	want := `The line: capture to rows that SQL can ask
  capture  a.pcap: 4,000 packets, 300 flows, 3 MiB
  machine  2 cores of Model, 8.0 GiB memory, linux/amd64 6.1, go1.26, load before 0.10
  method   median of 2, the programs in turn, fresh data each time, capture in the page cache

program        packets/s  wall s  user s  sys s  CPU ns/packet  peak RSS MiB  our rate x  our CPU x
-------------  ---------  ------  ------  -----  -------------  ------------  ----------  ---------
netstream run      2,000    2.00    1.00   1.00        500,000           200
peer 1.2           4,000    1.00    0.50   0.25        187,500             5        0.50       2.00
netstream run: rows
peer 1.2: files
Wall time is from start to exit; netstream took 1.25 s from the first packet to the last row.

CPU ns/packet             total  own code   NATS  DuckDB  memory
------------------------  -----  --------  -----  ------  ------
sampler                     120       100      0       0      20
bus (embedded JetStream)  1,000         0  1,000       0       0
all                       1,120       100  1,000       0      20
One more run, sampled 100 times a second; the kernel counted 1,200 ns. More: go tool pprof p.pprof

memory     packets  peak RSS MiB
---------  -------  ------------
the whole    4,000           200
a quarter    1,000           100
Missing: other isn't installed
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		value    float64
		decimals int
		want     string
	}{
		{0, 0, "0"}, {999, 0, "999"}, {1000, 0, "1,000"}, {1234567.891, 2, "1,234,567.89"}, {-1000, 0, "-1,000"}, {-100, 0, "-100"},
		{math.Inf(1), 0, "?"}, {math.NaN(), 2, "?"},
	} {
		if got := number(c.value, c.decimals); string(got) != c.want {
			t.Errorf("%v with %d decimals: %s, want %s", c.value, c.decimals, got, c.want)
		}
	}
}
