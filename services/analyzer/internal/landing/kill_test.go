package landing_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"netstream/pipeline/bus"
	"netstream/services/analyzer/audit"
	"netstream/services/analyzer/internal/landing"
	"netstream/services/analyzer/internal/linetest"
	"netstream/services/analyzer/internal/store"
)

const killShards = 2

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	url, path := os.Getenv("LANDING_TEST_URL"), os.Getenv("LANDING_TEST_DATABASE")
	if url == "" {
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, landForever(url, path))
	os.Exit(1)
}

func landForever(url, path string) error {
	ctx := context.Background()
	conn, err := bus.Connect(bus.Config{URL: url}, "test")
	if err != nil {
		return err
	}
	b, err := bus.New(conn, "live", linetest.Layout(killShards))
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Options{Path: path, Threads: 2})
	if err != nil {
		return err
	}
	l, err := landing.Open(ctx, landing.Config{Interval: time.Millisecond, Rows: 100}, b, s, linetest.Metrics(), quiet)
	if err != nil {
		return err
	}
	fmt.Println("landing")
	return l.Run(ctx)
}

// A process that lands is killed at random moments: at the end each flow is in the database once.
func TestKilledAtAnyMoment(t *testing.T) {
	const kills = 12
	b, url := linetest.Served(t, killShards)
	path := filepath.Join(t.TempDir(), "test.duckdb")
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)) // other moments each time
	var agers [killShards]*linetest.Ager
	for i := range agers {
		agers[i] = linetest.NewAger(t, b, i)
	}
	want := 0
	for k := range kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "LANDING_TEST_URL="+url, "LANDING_TEST_DATABASE="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if k%3 == 2 { // the others are killed while they start, too, however slow that is
			if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
				t.Fatalf("it said %q: %v", line, err)
			}
		}
		for until := time.Now().Add(time.Duration(50+rng.IntN(300)) * time.Millisecond); time.Now().Before(until); {
			m := linetest.Random(rng, rng.IntN(300), rng.IntN(2) == 0, "a")
			want += len(m.IPv4) + len(m.IPv6)
			agers[rng.IntN(killShards)].Publish(m)
			time.Sleep(2 * time.Millisecond) // a line at work, not a flood: the end must catch up
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("it ended by itself: %v", cmd.ProcessState)
		}
		if _, err := os.Stat(path); err == nil { // a killed process leaves closed books, and a log to be read first
			if report, err := audit.File(t.Context(), path); err != nil && !errors.Is(err, store.ErrNotOurs) || err == nil && report.Err() != nil {
				t.Errorf("after a kill: %v, %v", err, report)
			}
		}
	}
	for i := range agers {
		agers[i].Publish(linetest.Message{Sources: []string{"a"}, End: true})
	}
	s := openStore(t, path)
	defer s.Close()
	before := count(t, s)
	l, stop := run(t, b, s)
	if _, err := l.Wait(deadline(t), "a"); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s); n != want || before == 0 {
		t.Errorf("%d rows, want %d; %d of them by the killed processes", n, want, before)
	}
	if report, err := audit.Store(t.Context(), s); err != nil || report.Err() != nil {
		t.Errorf("%v, %v", err, report.Err())
	}
}
