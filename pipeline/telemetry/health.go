package telemetry

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Health is what a process says of its readiness: ready when all its checks are. It is also a
// prometheus.Collector of netstream_ready{check}.
type Health struct {
	mu     sync.Mutex
	checks []*Check // in the order of registration
}

// Check is the readiness of one stage, set by the stage itself. Safe for concurrent use.
type Check struct {
	name   string
	mu     sync.Mutex
	ready  bool
	since  time.Time
	reason string
}

// State is what a Check says at one moment.
type State struct {
	Name   string    `json:"name"`
	Ready  bool      `json:"ready"`
	Since  time.Time `json:"since"`            // when Ready last changed
	Reason string    `json:"reason,omitempty"` // why it isn't ready
}

// Register adds a check, not ready yet for the reason "starting". It panics when the name is taken.
func (h *Health) Register(name string) *Check {
	h.mu.Lock()
	defer h.mu.Unlock()
	if slices.ContainsFunc(h.checks, func(c *Check) bool { return c.name == name }) {
		panic(fmt.Sprintf("telemetry: health check %q is registered twice", name))
	}
	c := &Check{name: name, since: time.Now(), reason: "starting"}
	h.checks = append(h.checks, c)
	return c
}

// Ready notes that the stage does its work.
func (c *Check) Ready() { c.set(true, "") }

// NotReady notes why the stage can't do its work.
func (c *Check) NotReady(reason string) { c.set(false, reason) }

func (c *Check) set(ready bool, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ready != c.ready {
		c.since = time.Now()
	}
	c.ready, c.reason = ready, reason
}

func (c *Check) state() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return State{Name: c.name, Ready: c.ready, Since: c.since, Reason: c.reason}
}

// Report returns the state of each check, in the order of registration, and whether all are ready.
func (h *Health) Report() (states []State, ready bool) {
	h.mu.Lock()
	checks := slices.Clone(h.checks)
	h.mu.Unlock()
	states, ready = make([]State, len(checks)), true
	for i, c := range checks {
		states[i] = c.state()
		ready = ready && states[i].Ready
	}
	return states, ready
}

var readyDesc = prometheus.NewDesc("netstream_ready", "Whether the check is ready: 1 or 0.", []string{"check"}, nil)

// Describe implements prometheus.Collector.
func (h *Health) Describe(ch chan<- *prometheus.Desc) { ch <- readyDesc }

// Collect implements prometheus.Collector.
func (h *Health) Collect(ch chan<- prometheus.Metric) {
	states, _ := h.Report()
	for _, s := range states {
		value := 0.0
		if s.Ready {
			value = 1
		}
		ch <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, value, s.Name)
	}
}
