package bus_test

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// faults are the shares of acknowledgements to lose, of acknowledgements in place of which the connection is cut, and of
// fenced messages to hold back.
type faults struct{ lose, cut, hold float64 }

// held is how long a message is held back: longer than the writer's patience and than the server's with a batch.
const held = 700 * time.Millisecond

// proxy stands between clients and a NATS server and makes trouble while it is on.
type proxy struct {
	net.Listener
	server  string
	faults  faults
	on      atomic.Bool
	faulted atomic.Int64
	mu      sync.Mutex
	random  *rand.Rand
}

func newProxy(t *testing.T, server string, f faults) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, server: server, faults: f, random: rand.New(rand.NewPCG(1, 2))}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

func (p *proxy) addr() string { return p.Addr().String() }

// happens draws whether a fault of that share happens now.
func (p *proxy) happens(share float64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.on.Load() || p.random.Float64() >= share {
		return false
	}
	p.faulted.Add(1)
	return true
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer client.Close()
		defer server.Close()
		_ = copyProtocol(server, client, func(frame []byte) bool {
			if bytes.Contains(frame, []byte("Nats-Expected-Last-Subject-Sequence")) && p.happens(p.faults.hold) {
				time.Sleep(held)
			}
			return true
		})
	}()
	_ = copyProtocol(client, server, func(frame []byte) bool {
		if !bytes.Contains(frame, []byte(`"seq":`)) || !bytes.HasPrefix(frame, []byte("MSG")) {
			return true
		}
		if p.happens(p.faults.cut) {
			client.Close()
			return false
		}
		return !p.happens(p.faults.lose)
	})
}

// copyProtocol copies the NATS protocol operation by operation; pass decides on those that carry a message.
func copyProtocol(dst io.Writer, src io.Reader, pass func(frame []byte) bool) error {
	r := bufio.NewReader(src)
	for {
		frame, err := r.ReadBytes('\n')
		if err != nil {
			return err
		}
		f := bytes.Fields(frame)
		payload := false
		if len(f) > 1 {
			switch string(f[0]) {
			case "PUB", "HPUB", "MSG", "HMSG":
				payload = true
				n, err := strconv.Atoi(string(f[len(f)-1]))
				if err != nil {
					return err
				}
				rest := make([]byte, n+2)
				if _, err := io.ReadFull(r, rest); err != nil {
					return err
				}
				frame = append(frame, rest...)
			}
		}
		if payload && !pass(frame) {
			continue
		}
		if _, err := dst.Write(frame); err != nil {
			return err
		}
	}
}
