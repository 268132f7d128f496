package bus_test

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"netstream/pipeline/bus"
)

// TestMain turns the test binary into a NATS server when it is started as one, so that tests can kill it for real.
func TestMain(m *testing.M) {
	if dir := os.Getenv("BUS_TEST_STORE"); dir != "" {
		serve(dir, os.Getenv("BUS_TEST_PORT"))
	}
	os.Exit(m.Run())
}

// serve runs a JetStream as package embedded does, on a port that stays the same, until it is killed.
func serve(dir, port string) {
	n, err := strconv.Atoi(port)
	if err != nil {
		panic(err)
	}
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: n, JetStream: true, StoreDir: dir, JetStreamMaxStore: 1 << 50, NoSigs: true, NoLog: true, MaxPayload: 8 << 20,
		JetStreamLimits: server.JSLimitOpts{MaxBatchTimeout: batchTimeout},
	})
	if err != nil {
		panic(err)
	}
	srv.Start()
	select {}
}

// batchTimeout is how soon the tests' server forgets a batch without commit.
const batchTimeout = 500 * time.Millisecond

// process is a NATS server in a process of its own.
type process struct {
	t    *testing.T
	dir  string
	port int
	cmd  *exec.Cmd
}

func newProcess(t *testing.T) *process {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, dir: t.TempDir(), port: l.Addr().(*net.TCPAddr).Port}
	l.Close()
	p.start()
	t.Cleanup(p.kill)
	return p
}

func (p *process) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// start starts the server and waits until it takes connections.
func (p *process) start() {
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), "BUS_TEST_STORE="+p.dir, "BUS_TEST_PORT="+strconv.Itoa(p.port))
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		p.t.Error(err)
		return
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", p.addr()); err == nil {
			c.Close()
			return
		}
	}
	p.t.Error("the server doesn't start")
}

// kill ends the server as a power cut of the process would: SIGKILL.
func (p *process) kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// dial connects to an address over TCP, and comes back soon after a cut.
func dial(t testing.TB, addr string, timeout time.Duration) *bus.Bus {
	t.Helper()
	conn, err := nats.Connect("nats://"+addr, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond),
		nats.ReconnectJitter(0, 0), nats.RetryOnFailedConnect(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	b, err := bus.New(conn, "live", bus.DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	b.Timeout = timeout
	return b
}
