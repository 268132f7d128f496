package main

import (
	"math"
	"testing"
	"time"

	"netstream/services/sampler/internal/sampling"
)

// TestPromises repeats a part of the table with fixed seeds. One packet of each interval is drawn, which is never worse than
// independent draws: so coverage may be above 95 %, and bias is what chance leaves.
func TestPromises(t *testing.T) {
	for _, s := range settings() {
		for _, traffic := range traffics {
			if !promised(s.Mode, traffic.name) || s.ratio == 1000 && testing.Short() {
				continue
			}
			o := measure(s.Settings, traffic.make, max(20_000, 300*s.ratio), 40, 7)
			if math.Abs(o.biasPackets) > 2 || math.Abs(o.biasBytes) > 4 || o.coverage < 90 {
				t.Errorf("%s, 1:%d of %s traffic: %+v", s.Mode, s.ratio, traffic.name, o)
			}
		}
	}
}

// TestResonanceIsNotPromised shows why the regular modes promise nothing where traffic keeps step with them.
func TestResonanceIsNotPromised(t *testing.T) {
	o := measure(sampling.Settings{Mode: sampling.PacketRegular, Interval: 100}, periodic, 40_000, 20, 7)
	if o.coverage > 10 {
		t.Errorf("intervals hold in %.0f %% of cases: the traffic doesn't keep step", o.coverage)
	}
}

// TestBusyAndQuiet compares weights of their own windows with one average ratio.
func TestBusyAndQuiet(t *testing.T) {
	for _, mode := range []string{sampling.TimeRandom, sampling.TimeRegular} {
		o := measure(sampling.Settings{Mode: mode, Period: 10 * time.Millisecond}, busyQuiet, busyPackets, 5, 7)
		if math.Abs(o.own-1) > 0.02 || o.average < 3 {
			t.Errorf("%s: %.3f of the truth by weights, %.2f by an average ratio", mode, o.own, o.average)
		}
	}
}
