package exporter_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/services/exporter"
)

// stepwise sends messages one at a time and returns the datagrams of each.
func stepwise(t *testing.T, l *line, messages [][]testFlow, cfg exporter.Config) [][][]byte {
	t.Helper()
	c := listen(t)
	d := cfg.Destinations[0]
	d.Address, d.Rate = c.conn.LocalAddr().String(), 0
	cfg.Name, cfg.Destinations = "stepwise", []exporter.Destination{d}
	s := l.start(t, cfg)
	var out [][][]byte
	done := 0
	for i, flows := range messages {
		l.publish(t, i%2, flows)
		if err := s.Wait(t.Context(), l.last); err != nil {
			t.Fatal(err)
		}
		all := c.receive(t, s)
		out = append(out, all[done:])
		done = len(all)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	return out
}

func messages(n, flows int) (out [][]testFlow) {
	rnd := newFlows(uint64(n))
	for range n {
		out = append(out, rnd.mixed(flows))
	}
	return out
}

// TestCrashBetweenSendAndCommit takes the fence away while messages wait: the exporter sends one, can't commit it and
// stands down. Who goes on sends that message again, the same bytes, and nothing else twice.
func TestCrashBetweenSendAndCommit(t *testing.T) {
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			in := messages(10, 80)
			const lost = 5 // index of the message that is sent and not committed
			ref, l := open(t), open(t)
			c := listen(t)
			d := c.destination(exporter.Destination{Format: format})
			cfg := exporter.Config{Name: "e", Destinations: []exporter.Destination{d}}
			want := stepwise(t, ref, in, cfg)
			for i := range lost {
				l.publish(t, i%2, in[i])
			}
			s := l.export(t, cfg)

			ctx := t.Context()
			thief, last, err := l.Writer(ctx, l.Pipeline.ExportsStream(), l.Pipeline.Exports("e"))
			if err != nil {
				t.Fatal(err)
			}
			if err := thief.Publish(ctx, last.Header, last.Body); err != nil {
				t.Fatal(err)
			}
			for i := lost; i < len(in); i++ {
				l.publish(t, i%2, in[i])
			}
			c.await(t, len(slices.Concat(want[:lost+1]...)))
			waitFor(t, func() bool { return errors.Is(s.ended(), bus.ErrFenced) })
			if s.Position() != lost {
				t.Errorf("position %d after a commit that failed, want %d", s.Position(), lost)
			}

			l.export(t, cfg)
			all := slices.Concat(slices.Concat(want[:lost+1]...), slices.Concat(want[lost:]...))
			compareDatagrams(t, all, c.await(t, len(all)))
			if ports := c.from(); len(ports) != 1 {
				t.Errorf("sent from ports %v, want one over the restart", ports)
			}
		})
	}
}

// TestKill kills an exporter in a process of its own at random moments. With NETSTREAM_CRASH=full a million flows pass.
func TestKill(t *testing.T) {
	for _, what := range []string{"flows", "v8", "aggregates"} {
		t.Run(what, func(t *testing.T) { kill(t, what) })
	}
}

func isFull() bool { return os.Getenv("NETSTREAM_CRASH") == "full" }

// killed is the configuration of the exporter that is killed.
func killed(what, address string) exporter.Config {
	d := exporter.DefaultDestination()
	d.Address, d.Rate = address, 2000
	if isFull() {
		d.Rate = 12_000
	}
	if what == "tcp" {
		d.Format, d.Transport = exporter.IPFIX, exporter.TCP
	}
	cfg := exporter.Config{Name: "exporter"}
	if what != "flows" && what != "tcp" {
		cfg.Aggregations, cfg.Checkpoint = aggregations(time.Second), time.Nanosecond // one after the other
		d.Aggregations = []string{"protocol-port", "prefix-tos", "as"}
		if what == "v8" {
			d.Format = exporter.V8
		}
	}
	cfg.Destinations = []exporter.Destination{d}
	return cfg
}

// TestKillWhileRoutesChange kills an exporter at random moments, most of them near a change of the routing table. Where a change falls is chance, so
// this one wants that every start goes on, to the end.
func TestKillWhileRoutesChange(t *testing.T) {
	const kills = 12
	l, c := open(t), listen(t)
	in := messages(400, 20)
	l.publishTable(t, tableOf(t, "0.0.0.0/0,0,0,,"))
	for i, flows := range in {
		l.publish(t, i%2, flows)
	}
	for i := range kills {
		child := l.child(t, "routes", c.conn.LocalAddr())
		time.Sleep(time.Duration(i%4) * 20 * time.Millisecond)
		l.publishTable(t, tableOf(t, fmt.Sprintf("0.0.0.0/0,%d,1,,", i)))
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait()
	}
	last := l.child(t, "routes", c.conn.LocalAddr())
	defer func() { _ = last.Process.Kill(); _ = last.Wait() }()
	waitFor(t, func() bool {
		m, err := l.Last(t.Context(), l.Pipeline.ExportsStream(), l.Pipeline.Exports("exporter"))
		return err == nil && m != nil && m.Header.Get("Ns-Position") == fmt.Sprint("live-FLOWS:", len(in))
	})
}

func kill(t *testing.T, what string) {
	kills, in := 6, messages(120, 60)
	if isFull() {
		kills, in = 20, messages(250, 4096)
	}
	ref, l := open(t), open(t)
	c := listen(t)
	cfg := killed(what, c.conn.LocalAddr().String())
	want := stepwise(t, ref, in, cfg)
	for i, flows := range in {
		l.publish(t, i%2, flows)
	}
	total := len(slices.Concat(want...))
	rnd := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	var at []int
	for range kills {
		at = append(at, rnd.IntN(total))
	}
	slices.Sort(at)
	t.Logf("kills after %v of %d datagrams", at, total)
	for _, n := range at {
		child := l.child(t, what, c.conn.LocalAddr())
		c.await(t, n)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // killed
	}
	last := l.child(t, what, c.conn.LocalAddr())
	defer func() { _ = last.Process.Kill(); _ = last.Wait() }()
	waitFor(t, func() bool {
		m, err := l.Last(t.Context(), l.Pipeline.ExportsStream(), l.Pipeline.Exports("exporter"))
		return err == nil && m != nil && m.Header.Get("Ns-Position") == fmt.Sprint("live-FLOWS:", len(in))
	})
	repeats := follow(t, want, c)
	if repeats > kills {
		t.Errorf("%d messages were repeated after %d kills", repeats, kills)
	}
	t.Logf("%d of %d kills made a message repeat", repeats, kills)
}

// follow checks that the datagrams received are those wanted, in order, where at any point the last message may have
// begun anew, and returns how often one did.
func follow(t *testing.T, want [][][]byte, c interface{ received() [][]byte }) (repeats int) {
	t.Helper()
	var all [][]byte
	var begin []int // of the message of each datagram
	for _, m := range want {
		first := len(all)
		for range m {
			begin = append(begin, first)
		}
		all = append(all, m...)
	}
	at := 0
	var got [][]byte
	waitFor(t, func() bool { // the last datagrams may still be on their way into got
		got = c.received()
		return len(got) >= len(all) && string(got[len(got)-1]) == string(all[len(all)-1])
	})
	for i, b := range got {
		if at < len(all) && string(b) == string(all[at]) {
			at++
			continue
		}
		if at == 0 || string(b) != string(all[begin[at-1]]) {
			t.Fatalf("datagram %d is neither datagram %d nor the first of the message before:\n%x", i, at, b)
		}
		repeats++
		at = begin[at-1] + 1
	}
	if at != len(all) {
		t.Errorf("%d datagrams of %d came", at, len(all))
	}
	return repeats
}

const childEnv, childAddress, childSends = "EXPORTER_TEST_URL", "EXPORTER_TEST_ADDRESS", "EXPORTER_TEST_SENDS"

// child runs an exporter in a process of its own and returns when it runs.
func (l *line) child(t *testing.T, what string, to net.Addr) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), childEnv+"="+l.url, childAddress+"="+to.String(), childSends+"="+what)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the child said %q: %v", line, err)
	}
	return cmd
}

// TestChild is the process that TestKill kills.
func TestChild(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Skip("runs as a child of TestKill")
	}
	conn, err := bus.Connect(bus.Config{URL: os.Getenv(childEnv)}, "child")
	if err != nil {
		t.Fatal(err)
	}
	b, err := bus.New(conn, "live", bus.DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	cfg := killed(os.Getenv(childSends), os.Getenv(childAddress))
	os.Stdout.WriteString("running\n")
	if err := exporter.New(cfg, b, prometheus.NewRegistry(), slog.New(slog.DiscardHandler)).Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// waitFor waits until a condition holds.
func waitFor(t testing.TB, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it didn't happen within 30 s")
		}
	}
}
