package progress

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCount(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 999: "999", 1000: "1.00 k", 12_345: "12.3 k", 123_456: "123 k", 999_499: "999 k", 999_500: "1.00 M",
		1_234_567: "1.23 M", 9_999_999: "10.0 M", 18_446_744_073_709_551_615: "18446744 T",
	} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) is %q, want %q", n, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	for name, test := range map[string]struct {
		state State
		want  string
	}{
		"half read":    {State{"reading a.pcap", 500, 1000, 20_000}, "reading a.pcap: 20.0 k packets, 2.00 k packets/s, 50 % read, 10s left"},
		"size unknown": {State{"reading a.pcap", 500, 0, 20_000}, "reading a.pcap: 20.0 k packets, 2.00 k packets/s"},
		"not begun":    {State{"reading a.pcap", 0, 1000, 0}, "reading a.pcap: 0 packets, 0 packets/s"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, line(test.state, 10*time.Second)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestShow runs twelve seconds: two lines elsewhere, and on a terminal a bar that is gone at the end.
func TestShow(t *testing.T) {
	state := func() State { return State{"reading a.pcap", 600, 1000, 1_200} }
	show := func(t *testing.T, terminal bool) (out string) {
		synctest.Test(t, func(t *testing.T) {
			var b strings.Builder
			ctx, cancel := context.WithTimeout(context.Background(), 12*time.Second)
			defer cancel()
			Show(ctx, &b, terminal, state)
			out = b.String()
		})
		return out
	}
	t.Run("file", func(t *testing.T) {
		want := "reading a.pcap: 1.20 k packets, 240 packets/s, 60 % read, 3s left\n" +
			"reading a.pcap: 1.20 k packets, 120 packets/s, 60 % read, 7s left\n"
		if diff := cmp.Diff(want, show(t, false)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("terminal", func(t *testing.T) {
		out := show(t, true)
		for _, want := range []string{"reading a.pcap", "1.20 k packets", "60%"} {
			if !strings.Contains(out, want) {
				t.Errorf("the bar never shows %q: %q", want, out)
			}
		}
		if strings.HasSuffix(out, "%") || strings.Contains(out, "\n") {
			t.Errorf("the bar leaves something behind: %q", out[max(0, len(out)-80):])
		}
	})
}
