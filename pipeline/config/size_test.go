package config

import (
	"math"
	"testing"
)

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Size
		back string // as written by String; "" = as text
	}{
		{"0", 0, ""},
		{"1B", 1, ""},
		{"1000", 1000, "1kB"},
		{"1kB", 1000, ""},
		{"1KB", 1000, "1kB"},
		{"1024", KiB, "1KiB"},
		{"512MiB", 512 * MiB, ""},
		{"1GB", 1e9, ""},
		{"1TB", 1e12, ""},
		{"1536MiB", 1536 * MiB, ""},
		{"2048MiB", 2 * GiB, "2GiB"},
		{"1001B", 1001, ""},
		{"9223372036854775807", math.MaxInt64, "9223372036854775807B"},
		{"8388607TiB", 8388607 * TiB, ""},
	} {
		var got Size
		if err := got.UnmarshalText([]byte(tt.text)); err != nil || got != tt.want {
			t.Errorf("%s: %d, %v, want %d", tt.text, got, err, tt.want)
		}
		back := tt.back
		if back == "" {
			back = tt.text
		}
		if got.String() != back {
			t.Errorf("%d: String %s, want %s", got, got.String(), back)
		}
	}
	for _, text := range []string{"", "B", "MiB", "512M", "512mb", "512 MiB", "1.5GiB", "-1", "+1", "-1MiB", "1MiBB", "1iB", "8388608TiB",
		"9223372036854775808", "1MMiB", "0x10", "1_000"} {
		got := Size(7)
		if err := got.UnmarshalText([]byte(text)); err == nil || got != 7 {
			t.Errorf("%q: got %d, %v, want an error and no change", text, got, err)
		}
	}
}

func FuzzSize(f *testing.F) {
	f.Add(int64(1536 * MiB))
	f.Fuzz(func(t *testing.T, n int64) {
		want := Size(max(n, 0))
		var got Size
		if err := got.UnmarshalText([]byte(want.String())); err != nil || got != want {
			t.Errorf("%d is written %s and read %d, %v", want, want, got, err)
		}
	})
}
