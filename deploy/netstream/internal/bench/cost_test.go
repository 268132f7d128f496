package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMain lets the test binary be the program that is measured, too.
func TestMain(m *testing.M) {
	switch os.Getenv("BENCH_CHILD") {
	case "":
		os.Exit(m.Run())
	case "work":
		touched := make([]byte, childMemory)
		for begin := time.Now(); time.Since(begin) < childCPU; {
			for i := 0; i < len(touched); i += 4096 {
				touched[i]++
			}
		}
		os.Stdout.WriteString("done")
	case "netstream":
		playNetstream(os.Args[1:])
	case "fail":
		os.Stderr.WriteString("no luck")
		os.Exit(3)
	}
}

const (
	childMemory = 64 << 20
	childCPU    = 200 * time.Millisecond
)

func TestRun(t *testing.T) {
	t.Setenv("BENCH_CHILD", "work")
	out, c, err := run(context.Background(), os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != "done" {
		t.Errorf("output %q", out)
	}
	if c.Wall < childCPU.Seconds() || c.User+c.System <= 0 || c.RSS < childMemory {
		t.Errorf("%+v, want at least %s and %d bytes", c, childCPU, childMemory)
	}
}

func TestRunFails(t *testing.T) {
	t.Setenv("BENCH_CHILD", "fail")
	if _, _, err := run(context.Background(), os.Args[0]); err == nil || !strings.Contains(err.Error(), "no luck") {
		t.Errorf("error %v, want what the program said", err)
	}
	if _, _, err := run(context.Background(), "/nonexistent/program"); err == nil {
		t.Error("no error for a program that isn't there")
	}
}

func TestRunEndsWithContext(t *testing.T) {
	t.Setenv("BENCH_CHILD", "work")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := run(ctx, os.Args[0]); err == nil {
		t.Error("no error from a run that was stopped")
	}
}

func TestMedian(t *testing.T) {
	got := median([]cost{{Wall: 3, User: 1, System: 5, RSS: 30}, {Wall: 1, User: 2, System: 4, RSS: 10}, {Wall: 2, User: 3, System: 6, RSS: 20}})
	if diff := cmp.Diff(cost{Wall: 2, User: 2, System: 5, RSS: 20}, got); diff != "" {
		t.Errorf("of three (-want +got):\n%s", diff)
	}
	if got := median([]cost{{Wall: 4}, {Wall: 3}}).Wall; got != 3 {
		t.Errorf("of two: %v, want the lower", got)
	}
}
