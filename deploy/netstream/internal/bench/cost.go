package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cost is what one run of a program took.
type cost struct {
	Wall   float64 `json:"wall_seconds"` // from start to exit
	User   float64 `json:"user_seconds"`
	System float64 `json:"system_seconds"`
	RSS    int64   `json:"peak_rss_bytes"`
}

// rate is in packets per second.
func (c cost) rate(packets uint64) float64 { return float64(packets) / c.Wall }

// cpu is in nanoseconds per packet.
func (c cost) cpu(packets uint64) float64 { return (c.User + c.System) * 1e9 / float64(packets) }

// median takes the median of each figure, the lower one of an even number.
func median(costs []cost) cost {
	return cost{
		Wall:   middle(costs, func(c cost) float64 { return c.Wall }),
		User:   middle(costs, func(c cost) float64 { return c.User }),
		System: middle(costs, func(c cost) float64 { return c.System }),
		RSS:    middle(costs, func(c cost) int64 { return c.RSS }),
	}
}

func middle[T any, N int64 | float64](of []T, value func(T) N) N {
	values := make([]N, len(of))
	for i, v := range of {
		values[i] = value(v)
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

// sampleRSS is how often a running program is asked for its peak. It only matters for programs that need less than this one.
const sampleRSS = 20 * time.Millisecond

// run runs a program to its end and returns what it wrote to stdout and what it took.
func run(ctx context.Context, name string, args ...string) ([]byte, cost, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, cost{}, err
	}
	ended, sampled := make(chan struct{}), make(chan int64)
	go func() { sampled <- watchRSS(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	c := cost{Wall: time.Since(start).Seconds()}
	close(ended)
	own := <-sampled
	if err != nil {
		return nil, c, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, tail(errs.String()))
	}
	c.User, c.System = cmd.ProcessState.UserTime().Seconds(), cmd.ProcessState.SystemTime().Seconds()
	c.RSS = peakRSS(cmd.ProcessState, own)
	return out.Bytes(), c, nil
}

// peakRSS is the peak that the kernel kept of an ended program. A program inherits the peak of the process that started it
// (Linux execve), so a program smaller than this one shows by what was sampled only.
func peakRSS(ended *os.ProcessState, sampled int64) int64 {
	usage, ok := ended.SysUsage().(*syscall.Rusage)
	if !ok {
		return sampled
	}
	kept := usage.Maxrss * maxRSSUnit
	if sampled > 0 && kept <= statusRSS("self") {
		return sampled
	}
	return kept
}

// watchRSS samples the peak of a process until it has ended; 0 where there is no /proc.
func watchRSS(pid int, ended <-chan struct{}) (peak int64) {
	ticker := time.NewTicker(sampleRSS)
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			return peak
		case <-ticker.C:
			peak = max(peak, statusRSS(strconv.Itoa(pid)))
		}
	}
}

// statusRSS is the peak resident memory of a running process, VmHWM of proc(5), in bytes.
func statusRSS(pid string) int64 {
	b, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(b), "\nVmHWM:")
	value, _, _ := strings.Cut(after, "kB")
	kib, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}

// tail is the end of what a program had to say.
func tail(s string) string {
	const most = 2000
	return s[max(0, len(s)-most):]
}
