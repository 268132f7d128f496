package nsv5_test

import (
	"testing"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv5"
)

func TestMillis(t *testing.T) {
	const export = 1_700_000_000_123 // ms; UnixNsecs below adds a fraction that is cut off
	tests := []struct {
		name              string
		sysUptime, uptime uint32
		want              int64
	}{
		{"at export", 3_600_000, 3_600_000, export},
		{"an hour before", 3_600_000, 0, export - 3_600_000},
		{"before the uptime wrapped", 3_600_000, 4_294_967_000, export - 3_600_296},
		{"a little after export", 3_600_000, 3_600_005, export + 5},
		{"after export, wrapped between", 4_294_967_295, 4, export + 5},
		{"longest distance back", 0, 1 << 31, export + 1<<31},
		{"one less", 0, 1<<31 + 1, export - (1<<31 - 1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := nsv5.Header{SysUptime: tt.sysUptime, UnixSecs: 1_700_000_000, UnixNsecs: 123_999_999}
			if got := h.Millis(tt.uptime); got != tt.want {
				t.Errorf("Millis(%d) = %d, want %d", tt.uptime, got, tt.want)
			}
		})
	}
}

// The golden vector of the wrap: the flow began 3600296 ms before the export.
func TestMillisOfWrapVector(t *testing.T) {
	h, records, _, err := nsv5.Append(nil, wiretest.LoadVector(t, "v5_uptime_wrap").Bytes)
	if err != nil {
		t.Fatal(err)
	}
	export := h.Millis(h.SysUptime)
	if got := export - h.Millis(records[0].First); got != 3_600_296 {
		t.Errorf("the flow began %d ms before the export, want 3600296", got)
	}
}

// Uptime and Millis are each other's inverse, also past the wrap.
func TestUptimeInverse(t *testing.T) {
	const boot = 1_600_000_000_000
	for _, age := range []int64{0, 1, 3_600_000, 1<<32 - 1, 1 << 32, 1<<32 + 5, 5 << 32} {
		now := int64(boot) + age
		h := nsv5.Header{SysUptime: nsv5.Uptime(boot, now), UnixSecs: uint32(now / 1000), UnixNsecs: uint32(now%1000) * 1e6}
		for _, at := range []int64{now, now - 1, now - 1_800_000, now + 3} {
			if got := h.Millis(nsv5.Uptime(boot, at)); got != at {
				t.Errorf("up for %d ms: %d came back as %d", age, at, got)
			}
		}
	}
}

func TestAS16(t *testing.T) {
	for as, want := range map[uint32]uint16{0: 0, 64512: 64512, 65535: 65535, 65536: 23456, 4_200_000_001: 23456, 0x10005: 23456} {
		if got := nsv5.AS16(as); got != want {
			t.Errorf("AS16(%d) = %d, want %d", as, got, want)
		}
	}
}

func TestIfIndex16(t *testing.T) {
	for in, want := range map[uint32]struct {
		v  uint16
		ok bool
	}{0: {0, true}, 65535: {65535, true}, 65536: {65535, false}, 0xffffffff: {65535, false}} {
		if v, ok := nsv5.IfIndex16(in); v != want.v || ok != want.ok {
			t.Errorf("IfIndex16(%d) = %d, %v; want %d, %v", in, v, ok, want.v, want.ok)
		}
	}
}

func TestSampling(t *testing.T) {
	tests := []struct {
		name     string
		mode     nsv5.SamplingMode
		interval uint32
		word     nsv5.Sampling
		ok       bool
	}{
		{"nothing", nsv5.SamplingUnannounced, 0, 0, true},
		{"deterministic 1:100", nsv5.SamplingDeterministic, 100, 0x4064, true},
		{"random 1:1000, as in the golden vector", nsv5.SamplingRandom, 1000, 33768, true},
		{"largest", nsv5.SamplingRandom, 16383, 0xbfff, true},
		{"too large to announce", nsv5.SamplingRandom, 16384, 0, false},
		{"undefined mode", 3, 10, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			word, ok := nsv5.NewSampling(tt.mode, tt.interval)
			if word != tt.word || ok != tt.ok {
				t.Fatalf("NewSampling = %#x, %v; want %#x, %v", word, ok, tt.word, tt.ok)
			}
			if ok && (word.Mode() != tt.mode || word.Interval() != tt.interval) {
				t.Errorf("read back as %d:%d", word.Mode(), word.Interval())
			}
		})
	}
}
