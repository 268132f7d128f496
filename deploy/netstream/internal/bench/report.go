package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"netstream/deploy/netstream/internal/table"
)

// report is all that was measured.
type report struct {
	Machine  conditions `json:"machine"`
	Capture  string     `json:"capture"`
	Size     int64      `json:"capture_bytes"`
	Packets  uint64     `json:"packets"`
	Flows    uint64     `json:"flows"`
	Digest   string     `json:"digest"` // of the flows
	Rounds   int        `json:"rounds"`
	Ready    []float64  `json:"ready_seconds"` // netstream's own count, from the first packet to the last row, by round
	Programs []program  `json:"programs"`      // netstream first
	Quarter  *quarter   `json:"quarter,omitempty"`
	Stages   []stage    `json:"cpu_ns_per_packet"`
	Profiled float64    `json:"profiled_run_cpu_ns_per_packet"` // of the run with the profile, by the kernel's count
	Profile  string     `json:"profile"`                        // file, for go tool pprof
	Missing  []string   `json:"missing,omitempty"`
}

// program is one of those compared.
type program struct {
	Name   string  `json:"name"`
	Does   string  `json:"does"`
	Median cost    `json:"median"`
	Rate   float64 `json:"packets_per_second"`
	CPU    float64 `json:"cpu_ns_per_packet"`
	Faster float64 `json:"netstream_rate_ratio"` // netstream's rate to this one's, median of the rounds' ratios
	Costs  float64 `json:"netstream_cpu_ratio"`  // netstream's CPU to this one's, likewise
	All    []cost  `json:"rounds"`
}

// quarter is the line on the first quarter of the capture.
type quarter struct {
	Packets uint64 `json:"packets"`
	Cost    cost   `json:"median"`
}

// add appends a program with its costs by round.
func (r *report) add(name, does string, costs []cost) {
	m := median(costs)
	p := program{Name: name, Does: does, Median: m, Rate: m.rate(r.Packets), CPU: m.cpu(r.Packets), All: costs}
	ours := costs
	if len(r.Programs) > 0 {
		ours = r.Programs[0].All
	}
	var faster, more []float64
	for i, c := range costs {
		faster = append(faster, c.Wall/ours[i].Wall)
		more = append(more, ours[i].cpu(r.Packets)/c.cpu(r.Packets))
	}
	p.Faster, p.Costs = middle(faster, itself), middle(more, itself)
	r.Programs = append(r.Programs, p)
}

// print writes the report for people.
func (r *report) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "The line: capture to rows that SQL can ask\n")
	fmt.Fprintf(&b, "  capture  %s: %s packets, %s flows, %s MiB\n", r.Capture, count(float64(r.Packets)), count(float64(r.Flows)), mib(r.Size))
	fmt.Fprintf(&b, "  machine  %s\n", r.Machine)
	fmt.Fprintf(&b, "  method   median of %d, the programs in turn, fresh data each time, capture in the page cache\n\n", r.Rounds)
	if err := r.printPrograms(&b); err != nil {
		return err
	}
	if err := r.printStages(&b); err != nil {
		return err
	}
	if err := r.printMemory(&b); err != nil {
		return err
	}
	for _, m := range r.Missing {
		fmt.Fprintf(&b, "Missing: %s\n", m)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *report) printPrograms(b *strings.Builder) error {
	var rows [][]any
	for i, p := range r.Programs {
		row := []any{p.Name, number(p.Rate, 0), number(p.Median.Wall, 2), number(p.Median.User, 2), number(p.Median.System, 2),
			number(p.CPU, 0), mib(p.Median.RSS), nil, nil}
		if i > 0 {
			row[7], row[8] = number(p.Faster, 2), number(p.Costs, 2)
		}
		rows = append(rows, row)
	}
	names := []string{"program", "packets/s", "wall s", "user s", "sys s", "CPU ns/packet", "peak RSS MiB", "our rate x", "our CPU x"}
	if err := table.Write(b, names, rows); err != nil {
		return err
	}
	for _, p := range r.Programs {
		fmt.Fprintf(b, "%s: %s\n", p.Name, p.Does)
	}
	_, err := fmt.Fprintf(b, "Wall time is from start to exit; netstream took %s s from the first packet to the last row.\n\n",
		number(middle(r.Ready, itself), 2))
	return err
}

func (r *report) printStages(b *strings.Builder) error {
	var rows [][]any
	var sum stage
	row := func(name string, s stage) {
		rows = append(rows, []any{name, number(s.total(), 0), number(s.Own, 0), number(s.Bus, 0), number(s.Database, 0), number(s.Memory, 0)})
	}
	for _, s := range r.Stages {
		row(s.Name, s)
		sum.Own, sum.Bus, sum.Database, sum.Memory = sum.Own+s.Own, sum.Bus+s.Bus, sum.Database+s.Database, sum.Memory+s.Memory
	}
	row("all", sum)
	if err := table.Write(b, []string{"CPU ns/packet", "total", "own code", "NATS", "DuckDB", "memory"}, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(b, "One more run, sampled 100 times a second; the kernel counted %s ns. More: go tool pprof %s\n\n", number(r.Profiled, 0), r.Profile)
	return err
}

func (r *report) printMemory(b *strings.Builder) error {
	if len(r.Programs) == 0 || r.Quarter == nil {
		return nil
	}
	rows := [][]any{
		{"the whole", number(float64(r.Packets), 0), mib(r.Programs[0].Median.RSS)},
		{"a quarter", number(float64(r.Quarter.Packets), 0), mib(r.Quarter.Cost.RSS)},
	}
	return table.Write(b, []string{"memory", "packets", "peak RSS MiB"}, rows)
}

func itself(v float64) float64 { return v }

// number is v with so many decimals, and commas between thousands.
func number(v float64, decimals int) json.Number {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "?"
	}
	whole, fraction, _ := strings.Cut(strconv.FormatFloat(v, 'f', decimals, 64), ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return json.Number(whole)
}

func count(v float64) json.Number { return number(v, 0) }

func mib(bytes int64) json.Number { return number(float64(bytes)/(1<<20), 0) }
