package main

import (
	"fmt"
	"os"
	goruntime "runtime"
	"strconv"
	"strings"
)

// conditions are those of the machine.
type conditions struct {
	Cores  int    `json:"cores"`
	CPU    string `json:"cpu"`
	Memory string `json:"memory"`
	System string `json:"system"`
	Go     string `json:"go"`
	Load   string `json:"load"` // average of the last minute, before the first run
}

func machine() conditions {
	return conditions{
		Cores:  goruntime.NumCPU(),
		CPU:    field("/proc/cpuinfo", "model name"),
		Memory: memory(field("/proc/meminfo", "MemTotal")),
		System: strings.TrimSpace(goruntime.GOOS + "/" + goruntime.GOARCH + " " + first("/proc/sys/kernel/osrelease")),
		Go:     goruntime.Version(),
		Load:   first("/proc/loadavg"),
	}
}

func (c conditions) String() string {
	s := fmt.Sprintf("%d cores of %s, %s memory, %s, %s", c.Cores, or(c.CPU), or(c.Memory), c.System, c.Go)
	if c.Load != "" {
		s += ", load before " + c.Load
	}
	return s
}

func or(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// memory makes GiB of the kernel's kB.
func memory(kB string) string {
	n, err := strconv.ParseFloat(strings.TrimSuffix(kB, " kB"), 64)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%.1f GiB", n/(1<<20))
}

// field is a value of a file with lines of "name : value".
func field(path, name string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if n, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(n) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// first is the first word of a file.
func first(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	word, _, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	return word
}
