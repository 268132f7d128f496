package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// turn is one benchmark.
type turn struct {
	netstream netstream
	peers     []peer
	capture   string
	rounds    int
}

// measure does all of it, telling on stderr how far it is.
func (t turn) measure(ctx context.Context) (*report, error) {
	r := &report{Machine: machine(), Rounds: t.rounds, Capture: t.capture}
	info, err := os.Stat(t.capture)
	if err != nil {
		return nil, err
	}
	r.Size = info.Size()
	if err := warm(t.capture); err != nil {
		return nil, err
	}
	if err := t.compare(ctx, r); err != nil {
		return nil, err
	}
	if err := t.shorter(ctx, r); err != nil {
		return nil, err
	}
	return r, t.profile(ctx, r)
}

// compare lets every program take the capture once in each round.
func (t turn) compare(ctx context.Context, r *report) error {
	here := t.installed(ctx, r)
	costs := make([][]cost, len(here))
	var ours []cost
	for round := range t.rounds {
		l, c, err := t.netstream.run(ctx, t.capture)
		if err != nil {
			return err
		}
		r.Packets, r.Flows, r.Digest = l.Packets, l.Flows, l.Digest
		r.Ready = append(r.Ready, l.Seconds)
		ours = append(ours, c)
		t.tell("round %d: netstream %.1f s", round+1, c.Wall)
		for i, p := range here {
			c, err := p.run(ctx, p.program, t.capture)
			if err != nil {
				return err
			}
			costs[i] = append(costs[i], c)
			t.tell("round %d: %s %.1f s", round+1, p.name, c.Wall)
		}
	}
	r.add("netstream run", "flows aged at 60 s and 15 s into rows in DuckDB", ours)
	for i, p := range here {
		r.add(p.title, p.does, costs[i])
	}
	return nil
}

// installed is a peer that is there.
type installed struct {
	peer
	program string
	title   string
}

func (t turn) installed(ctx context.Context, r *report) (here []installed) {
	for _, p := range t.peers {
		program := p.find()
		if program == "" {
			r.Missing = append(r.Missing, fmt.Sprintf("%s isn't installed (Debian's package %s has it)", p.name, p.brings))
			continue
		}
		here = append(here, installed{p, program, p.title(ctx, program)})
	}
	return here
}

// shorter measures the memory for the first quarter of the capture.
func (t turn) shorter(ctx context.Context, r *report) error {
	path := filepath.Join(t.netstream.scratch, "quarter.pcap")
	if err := cut(t.capture, path, int(r.Packets/4)); err != nil {
		r.Missing = append(r.Missing, fmt.Sprintf("memory at a quarter of the length: %v", err))
		return nil
	}
	defer os.Remove(path)
	var costs []cost
	for range t.rounds {
		_, c, err := t.netstream.run(ctx, path)
		if err != nil {
			return err
		}
		costs = append(costs, c)
		t.tell("a quarter: netstream %.1f s", c.Wall)
	}
	r.Quarter = &quarter{Packets: r.Packets / 4, Cost: median(costs)}
	return nil
}

// profile does one more run and sums up its CPU profile.
func (t turn) profile(ctx context.Context, r *report) error {
	r.Profile = filepath.Join(t.netstream.scratch, "line.pprof")
	_, c, err := t.netstream.run(ctx, t.capture, "--cpuprofile", r.Profile)
	if err != nil {
		return err
	}
	r.Profiled = c.cpu(r.Packets)
	r.Stages, err = readStages(r.Profile, r.Packets)
	return err
}

// tell writes a line of progress.
func (turn) tell(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// warm brings a file into the page cache, as far as there is room.
func warm(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, f)
	return err
}
