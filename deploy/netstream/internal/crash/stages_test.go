package crash

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"netstream/pipeline/bus"
)

// line is each stage as a process of its own, those with shards as two, on a NATS server that is one too.
type line struct {
	dir, data, url string
	conf           string // file
	layout         bus.Layout
	server         *member
	sampler        *member
	analyzer       *member
	members        []*member // all, in flow order behind the server
	sink           *sink
}

// Short times make many hand-overs and transactions, and so many moments at which one is half done.
const lineConfig = `
bus: {url: %q}
layout: {packet_shards: %d, flow_shards: %d}
flowcache: {hand_over: 50ms}
analyzer: {land_interval: 50ms}
exporter: {destinations: [{address: %q, format: v9, rate: 4000}]}
telemetry: {listen: "", log_level: info}
`

const serverConfig = `
listen: "127.0.0.1:%d"
jetstream {store_dir: %q, max_file_store: 1024TB}
`

// openLine starts everything on data of its own.
func openLine(t *testing.T, program, server, dir string, captures []string) *line {
	t.Helper()
	l := newLine(t, program, server, dir, bus.DefaultLayout())
	l.sampler = &member{name: "sampler", finite: true, rivals: true, command: append([]string{program, "sampler", "-c", l.conf}, captures...)}
	l.keep(t, l.server,
		l.sampler,
		&member{name: "flowcache 0", rivals: true, command: []string{program, "flowcache", "-c", l.conf, "--shards", "0"}},
		&member{name: "flowcache 1", rivals: true, command: []string{program, "flowcache", "-c", l.conf, "--shards", "1"}},
		&member{name: "ager 0", rivals: true, command: []string{program, "ager", "-c", l.conf, "--shards", "0"}},
		&member{name: "ager 1", rivals: true, command: []string{program, "ager", "-c", l.conf, "--shards", "1"}},
		&member{name: "exporter", rivals: true, command: []string{program, "exporter", "-c", l.conf}},
		l.analyzer)
	return l
}

// newLine makes a line of which nothing runs, with data and configuration of its own.
func newLine(t *testing.T, program, server, dir string, layout bus.Layout) *line {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	l := &line{dir: dir, data: filepath.Join(dir, "data"), url: fmt.Sprintf("nats://127.0.0.1:%d", port), layout: layout, sink: openSink(t)}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	l.conf = write("netstream.yaml", fmt.Sprintf(lineConfig, l.url, layout.PacketShards, layout.FlowShards, l.sink.address()))
	l.server = &member{name: "nats-server", command: []string{server, "-c",
		write("nats.conf", fmt.Sprintf(serverConfig, port, filepath.Join(dir, "store")))}}
	l.analyzer = &member{name: "analyzer", command: []string{program, "analyzer", "-c", l.conf, "--data", l.data}}
	t.Cleanup(func() {
		if t.Failed() {
			for _, m := range l.members {
				t.Logf("%s: %v\n%s", m.name, m.counts, tail(m.log, 25))
			}
		}
	})
	return l
}

// keep starts members of the line and keeps them alive.
func (l *line) keep(t *testing.T, members ...*member) {
	t.Helper()
	for _, m := range members {
		m.log = filepath.Join(l.dir, strings.ReplaceAll(m.name, " ", "-")+".log")
		keep(t, m)
		l.members = append(l.members, m)
	}
}

// fault does something bad to one member and says what. It returns "" for a member that has nothing left to do.
func (l *line) fault(chance *rand.Rand) (string, error) {
	m := l.members[chance.IntN(len(l.members))]
	if m.idle() {
		return "", nil
	}
	while := time.Duration(50+chance.IntN(1500)) * time.Millisecond
	switch dice := chance.IntN(10); {
	case dice < 6:
		m.kill()
		return m.name + " killed", nil
	case dice < 8 || !m.rivals:
		m.stop(func() { time.Sleep(while) })
		return fmt.Sprintf("%s stopped for %s", m.name, while), nil
	case dice < 9:
		return fmt.Sprintf("%s had a rival for %s", m.name, while), m.rival(while)
	default:
		var err error
		m.stop(func() { err = m.rival(while) })
		return fmt.Sprintf("%s stood still and had a rival for %s", m.name, while), err
	}
}

// settle waits until all captures have gone through, with nobody disturbed any more, and stops everything. It returns how
// long the slowest member took to stop.
func (l *line) settle(t *testing.T, sources int) time.Duration {
	t.Helper()
	slowest := l.pass(t, sources)
	for i := len(l.members) - 1; i > 0; i-- {
		if m := l.members[i]; !m.idle() {
			slowest = max(slowest, l.stopMember(t, m))
		}
	}
	l.server.halt(syscall.SIGTERM)
	return slowest
}

// pass waits until all captures have gone through and stops the analyzer, so that its database can be looked at. It returns
// how long that took to stop.
func (l *line) pass(t *testing.T, sources int) time.Duration {
	t.Helper()
	await(t, "the captures are published", l.sampler.idle)
	var last uint64
	await(t, "the flows are published", func() (over bool) {
		last, over = flowsEnded(l.url, l.layout, sources)
		return over
	})
	await(t, "the flows are exported", func() bool { return exported(l.url, l.layout) >= last })
	slowest := time.Duration(0)
	await(t, "the flows are landed", func() bool {
		slowest = max(slowest, l.stopMember(t, l.analyzer))
		if landed(t, l.data) >= sources*l.layout.FlowShards {
			return true
		}
		l.analyzer.revive(t)
		time.Sleep(2 * time.Second)
		return false
	})
	return slowest
}

// stopMember asks a member to stop and wants it to, with exit code 0, unless a busy machine kept it from finishing what it
// had in hand within the time it gives itself.
func (l *line) stopMember(t *testing.T, m *member) time.Duration {
	t.Helper()
	f := m.halt(syscall.SIGINT)
	switch {
	case !f.heeded:
		t.Errorf("%s does not stop on SIGINT\n%s", m.name, tail(m.log, 100))
	case f.code == -1 && strings.HasPrefix(lastLine(m.log), newLife):
		t.Logf("%s had just been started and took no signals yet", m.name)
	case f.code != 0 && strings.Contains(lastLine(m.log), "did not stop in time"):
		t.Logf("%s stopped %s after SIGINT with work in hand", m.name, f.took.Round(time.Millisecond))
	case f.code != 0:
		t.Errorf("%s: exit code %d after SIGINT\n%s", m.name, f.code, tail(m.log, 30))
	}
	return f.took
}

// await waits for a condition.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func TestEveryProcessIsKilledAndStopped(t *testing.T) {
	f, chance := start(t)
	dir := folder(t)
	program, server := program(t, netstream), program(t, natsServer)
	captures := several(t, capture(t, dir, f.each), f.files)
	want := reference(t, program, dir, captures...)
	table := newReport("process", "lives", "killed", "stopped", "rivals", "own exits")
	sums := newReport("round", "faults", "slowest stop", "wall time", "rows", "check")
	total := map[string]*counts{}
	var names []string
	defer func() {
		for _, name := range names {
			c := total[name]
			table.add(name, c.lives, c.kills, c.stops, c.rivalries, c.exits)
		}
		table.print(t)
		sums.print(t)
	}()

	for left, round := f.faults, 1; left > 0 && !t.Failed(); round++ {
		l := openLine(t, program, server, filepath.Join(dir, fmt.Sprint("line-", round)), captures)
		begin, faults := time.Now(), 0
		for left > 0 && !(l.sampler.idle() && l.over(len(captures))) {
			time.Sleep(time.Duration(chance.IntN(400)) * time.Millisecond)
			what, err := l.fault(chance)
			if err != nil {
				t.Fatal(err)
			}
			if what != "" {
				faults, left = faults+1, left-1
				t.Logf("round %d, %6.2fs: %s", round, time.Since(begin).Seconds(), what)
			}
		}
		slowest := l.settle(t, len(captures))
		same(t, l.data, want.facts)
		audit(t, program, l.data, 0)
		l.sink.check(t, want.Rows)
		sums.add(round, faults, slowest, time.Since(begin), look(t, l.data).Rows, look(t, l.data).Check)
		for _, m := range l.members {
			if total[m.name] == nil {
				total[m.name] = &counts{}
				names = append(names, m.name)
			}
			total[m.name].add(m.counts)
		}
	}
}

// over tells whether all flows are published.
func (l *line) over(sources int) bool {
	_, over := flowsEnded(l.url, l.layout, sources)
	return over
}

// several makes other captures of one, with the same packets under other names.
func several(t *testing.T, path string, n int) (paths []string) {
	t.Helper()
	for i := range n {
		other := strings.TrimSuffix(path, ".pcap") + fmt.Sprint("-", i+1, ".pcap")
		if err := os.Link(path, other); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, other)
	}
	return paths
}

// freePort is a TCP port that nobody listens on now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
