package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"
)

// playNetstream acts as `netstream run CAPTURE --data DIR --json …` on captures of packets of the same size.
func playNetstream(args []string) {
	info, err := os.Stat(args[1])
	if err != nil || args[0] != "run" {
		panic(fmt.Sprint(args, err))
	}
	if entries, err := os.ReadDir(args[3]); err != nil || len(entries) != 0 {
		panic(fmt.Sprint("data directory isn't fresh: ", entries, err))
	}
	if err := os.WriteFile(filepath.Join(args[3], "file"), nil, 0o600); err != nil {
		panic(err)
	}
	if i := slices.Index(args, "--cpuprofile"); i >= 0 {
		f, err := os.Create(args[i+1])
		if err != nil {
			panic(err)
		}
		p := &profile.Profile{SampleType: cpuTypes, Sample: []*profile.Sample{{Value: []int64{1, 1000}, Label: map[string][]string{"component": {"ager"}}}}}
		if err := p.Write(f); err != nil {
			panic(err)
		}
	}
	packets := uint64(info.Size()-pcapHeaderLen) / (recordLen + 6)
	_ = json.NewEncoder(os.Stdout).Encode(landed{Packets: packets, Flows: packets / 2, Seconds: 0.5, Digest: "d"})
}

func TestMeasure(t *testing.T) {
	t.Setenv("BENCH_CHILD", "netstream")
	scratch := t.TempDir()
	b := make([]byte, pcapHeaderLen+8*(recordLen+6))
	copy(b, []byte{0xd4, 0xc3, 0xb2, 0xa1})
	for i := range 8 {
		b[pcapHeaderLen+i*(recordLen+6)+8] = 6
	}
	capture := write(t, b)
	var calls int
	there := peer{name: "true", version: []string{"true"}, run: func(_ context.Context, _, path string) (cost, error) {
		if path != capture {
			t.Errorf("peer got %s", path)
		}
		calls++
		return cost{Wall: 1, User: 1}, nil
	}}
	absent := peer{name: "no-such-probe", brings: "probes", version: []string{"no-such-probe"}}
	turn := turn{netstream: netstream{binary: os.Args[0], scratch: scratch}, peers: []peer{there, absent}, capture: capture, rounds: 2}
	r, err := turn.measure(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if calls != 2 || len(r.Programs) != 2 || len(r.Programs[0].All) != 2 {
		t.Errorf("%d runs of the peer, programs %+v; want two rounds of two", calls, r.Programs)
	}
	if r.Packets != 8 || r.Flows != 4 || r.Digest != "d" || r.Quarter.Packets != 2 || r.Quarter.Cost.Wall <= 0 {
		t.Errorf("%+v with quarter %+v", r, r.Quarter)
	}
	if diff := cmp.Diff([]string{"no-such-probe isn't installed (Debian's package probes has it)"}, r.Missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if i := slices.IndexFunc(r.Stages, func(s stage) bool { return s.Name == "ager" }); r.Stages[i].Own != 125 {
		t.Errorf("stages %+v, want 1000 ns for 8 packets at the ager", r.Stages)
	}
	left, err := os.ReadDir(scratch)
	if err != nil || len(left) != 1 || filepath.Join(scratch, left[0].Name()) != r.Profile {
		t.Errorf("left behind: %v (%v), want the profile alone", left, err)
	}
}

func TestSink(t *testing.T) {
	s, err := openSink()
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("udp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for s.datagrams.Load() == 0 { // the test's deadline ends it
		if _, err := c.Write([]byte("datagram")); err != nil {
			t.Fatal(err)
		}
	}
	s.close()
}
