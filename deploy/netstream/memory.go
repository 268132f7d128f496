package main

import (
	"os"
	"runtime/debug"
)

// heapLimit and heapGrowth let Go keep and reuse the large buffers that messages and stream blocks pass through, within a
// bound. With the defaults a fifth of the line's time went into fresh pages from the system, and the heap had no bound.
const (
	heapLimit  = 520 << 20
	heapGrowth = 200
)

// boundMemory sets both unless the environment does (GOMEMLIMIT, GOGC).
func boundMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
}
