package members

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"netstream/pipeline/bus"
	"netstream/schemas/message"
)

// node is a NATS server of one test, which can be away for a while.
type node struct {
	t   *testing.T
	dir string
	srv *server.Server
	url string
}

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{t: t, dir: t.TempDir()}
	n.start(server.RANDOM_PORT)
	t.Cleanup(n.stop)
	return n
}

func (n *node) start(port int) {
	n.t.Helper()
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: n.dir, JetStreamMaxStore: 1 << 50, NoSigs: true, NoLog: true,
	})
	if err != nil {
		n.t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(30 * time.Second) {
		n.t.Fatal("the server doesn't start")
	}
	n.srv, n.url = srv, srv.ClientURL()
}

func (n *node) stop() {
	n.srv.Shutdown()
	n.srv.WaitForShutdown()
}

// restart brings it back where it was.
func (n *node) restart() {
	n.t.Helper()
	port, err := strconv.Atoi(n.url[len("nats://127.0.0.1:"):])
	if err != nil {
		n.t.Fatal(err)
	}
	n.start(port)
}

// connect makes a bus of a connection of its own, as each process has one.
func (n *node) connect(shards int) (*bus.Bus, *nats.Conn) {
	n.t.Helper()
	conn, err := nats.Connect(n.url, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(conn.Close)
	layout := bus.DefaultLayout()
	layout.FlowShards = shards
	b, err := bus.New(conn, "live", layout)
	if err != nil {
		n.t.Fatal(err)
	}
	return b, conn
}

// crewman is a member at work: on each shard it publishes numbers under the fence, each one more than the last.
type crewman struct {
	*Members
	bus     *bus.Bus
	conn    *nats.Conn
	reg     *prometheus.Registry
	cancel  context.CancelFunc
	done    chan error
	said    *lines
	working *census // may be shared by members

	mu    sync.Mutex
	calls map[int]int // of own, by shard
}

// census counts the calls that work on a shard at this moment.
type census struct {
	mu    sync.Mutex
	now   map[int]int
	twice []int // shards on which two worked at once
}

func newCensus() *census { return &census{now: map[int]int{}} }

func (c *census) enter(shard int) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now[shard]++; c.now[shard] > 1 {
		c.twice = append(c.twice, shard)
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.now[shard]--
	}
}

// check fails the test when two worked on one shard at once.
func (c *census) check(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.twice) > 0 {
		t.Errorf("two worked at once on shards %v", c.twice)
	}
}

// lines is a log.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// join starts a member. The shards it works on are counted in c.
func (n *node) join(shards int, c *census) *crewman {
	n.t.Helper()
	m := n.member(shards, c)
	m.begin(n.t, m.publish)
	return m
}

func (n *node) member(shards int, c *census) *crewman {
	n.t.Helper()
	m := &crewman{reg: prometheus.NewRegistry(), done: make(chan error, 1), said: &lines{}, working: c, calls: map[int]int{}}
	m.bus, m.conn = n.connect(shards)
	m.Members = New(m.bus, "ager", shards, slog.New(slog.NewTextHandler(m.said, nil)), m.reg)
	return m
}

// begin runs it until stop or the end of the test.
func (m *crewman) begin(t *testing.T, own func(context.Context, int) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	over := make(chan struct{})
	go func() {
		defer close(over)
		m.done <- m.Run(ctx, func(ctx context.Context, shard int) error {
			defer m.working.enter(shard)()
			m.mu.Lock()
			m.calls[shard]++
			m.mu.Unlock()
			return own(ctx, shard)
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-over
		if t.Failed() {
			t.Logf("a member said:\n%s", m.said)
		}
	})
}

// stop stops it, which is no error.
func (m *crewman) stop(t *testing.T) {
	t.Helper()
	m.cancel()
	if err := <-m.done; err != nil {
		t.Errorf("stopped: %v", err)
	}
}

// publish is the work on a shard.
func (m *crewman) publish(ctx context.Context, shard int) error {
	w, last, err := m.bus.Writer(ctx, m.bus.Pipeline.FlowsStream(), m.bus.Pipeline.Flows(shard))
	if err != nil {
		return err
	}
	for n := number(last) + 1; ; n++ {
		if err := w.Publish(ctx, numbered(n), nil); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func numbered(n int) message.Header {
	h := message.Header{}
	h.Set(message.Position, strconv.Itoa(n))
	return h
}

// number is that of a shard's last message.
func number(m *bus.Message) int {
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m.Header.Get(message.Position))
	if err != nil {
		panic(err)
	}
	return n
}

// owned is how many shards it works on, as its metrics tell.
func (m *crewman) owned() int { return int(testutil.ToFloat64(m.metrics.owned)) }

func (m *crewman) takeovers(reason string) int {
	return int(testutil.ToFloat64(m.metrics.takeovers.WithLabelValues(reason)))
}

func (m *crewman) called(shard int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[shard]
}

// total is how often own was called.
func (m *crewman) total() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, calls := range m.calls {
		n += calls
	}
	return n
}

// progress waits until something new is published on each shard.
func progress(t *testing.T, b *bus.Bus) {
	t.Helper()
	for shard := range b.Layout.FlowShards {
		before := -1
		eventually(t, fmt.Sprintf("shard %d goes on", shard), func() bool {
			last, err := b.Last(t.Context(), b.Pipeline.FlowsStream(), b.Pipeline.Flows(shard))
			if err != nil {
				return false
			}
			if before < 0 {
				before = number(last)
			}
			return number(last) > before
		})
	}
}

// inOrder reads all shards: each number comes once and in its turn, whoever published it.
func inOrder(t *testing.T, b *bus.Bus) {
	t.Helper()
	for shard := range b.Layout.FlowShards {
		last, err := b.Last(t.Context(), b.Pipeline.FlowsStream(), b.Pipeline.Flows(shard))
		if err != nil || last == nil {
			t.Fatalf("shard %d: last %v, error %v", shard, last, err)
		}
		r, err := b.Reader(t.Context(), b.Pipeline.FlowsStream(), []string{b.Pipeline.Flows(shard)}, 0)
		if err != nil {
			t.Fatal(err)
		}
		for want, at := 1, uint64(0); at < last.Sequence; {
			m, err := r.Next(t.Context(), time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if m == nil {
				continue
			}
			if at = m.Sequence; number(m) != want {
				t.Fatalf("shard %d: %s has number %d, want %d", shard, m.Where(), number(m), want)
			}
			want++
		}
		r.Close()
	}
}

// eventually waits for a condition, however slow the machine.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// puppet is a member whose heartbeats the test sends.
type puppet struct {
	t      *testing.T
	id     string
	bus    *bus.Bus
	bucket *bus.Bucket
	cancel context.CancelFunc
	over   sync.WaitGroup

	mu   sync.Mutex
	beat heartbeat
}

func (n *node) puppet(shards int) *puppet {
	n.t.Helper()
	b, _ := n.connect(shards)
	bucket, err := b.Bucket(n.t.Context(), b.Pipeline.MembersBucket(), kept, remembered)
	if err != nil {
		n.t.Fatal(err)
	}
	return &puppet{t: n.t, id: newID(), bus: b, bucket: bucket, cancel: func() {}}
}

// live sends heartbeats until the puppet dies.
func (p *puppet) live() {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.t.Cleanup(p.die)
	p.over.Go(func() {
		for ticker := time.NewTicker(usual.beat / 3); ; {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				p.say(nil)
			}
		}
	})
}

// say sends a heartbeat; nil: the shards are those of the last one.
func (p *puppet) say(holds []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beat.Count++
	if holds != nil {
		p.beat.Holds = holds
		p.beat.Round++
	}
	value, err := json.Marshal(p.beat)
	if err == nil {
		err = p.bucket.Put(context.Background(), "ager."+p.id, value)
	}
	if err != nil {
		p.t.Error(err)
	}
}

// die stops the heartbeats and leaves the key behind.
func (p *puppet) die() {
	p.cancel()
	p.over.Wait()
}

// idle lists the shards that nobody works on.
func idle(c *census, shards int) (free []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := range shards {
		if c.now[n] == 0 {
			free = append(free, n)
		}
	}
	return free
}

// keys lists who is in the bucket, alive or not.
func (p *puppet) keys() []string {
	p.t.Helper()
	w, err := p.bucket.Watch(p.t.Context(), "ager.*")
	if err != nil {
		p.t.Fatal(err)
	}
	defer w.Close()
	there := map[string]bool{}
	for {
		c, err := w.Next(p.t.Context(), 200*time.Millisecond)
		if err != nil {
			p.t.Fatal(err)
		}
		if c == nil {
			return slices.Sorted(maps.Keys(there))
		}
		if there[c.Key] = true; c.Deleted {
			delete(there, c.Key)
		}
	}
}

var errBoom = errors.New("boom")
