package link

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// short are times for tests.
var short = times{
	firstBackOff: 20 * time.Millisecond, lastBackOff: 100 * time.Millisecond, firstTry: 50 * time.Millisecond, lastTry: 100 * time.Millisecond,
	settled: 10 * time.Millisecond, patience: 2 * time.Second, write: 5 * time.Second,
	refused: 100 * time.Millisecond, accepted: 50 * time.Millisecond, silent: 50 * time.Millisecond,
}

// acceptor is a collector that keeps what comes by connections.
type acceptor struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
	got   [][]byte // of each connection
}

// accept begins to keep what comes to a listener, until it is closed or the end of the test.
func accept(t testing.TB, in net.Listener) *acceptor {
	t.Helper()
	a := &acceptor{Listener: in}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := in.Accept()
			if err != nil {
				return
			}
			a.mu.Lock()
			i := len(a.conns)
			a.conns, a.got = append(a.conns, conn), append(a.got, nil)
			a.mu.Unlock()
			done.Go(func() { a.keep(i, conn) })
		}
	})
	t.Cleanup(func() { a.stop(); done.Wait() })
	return a
}

func (a *acceptor) keep(i int, conn net.Conn) {
	for b := make([]byte, 1<<16); ; {
		n, err := conn.Read(b)
		a.mu.Lock()
		a.got[i] = append(a.got[i], b[:n]...)
		a.mu.Unlock()
		if err != nil {
			conn.Close()
			return
		}
	}
}

// stop closes the listener and the connections.
func (a *acceptor) stop() {
	a.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.conns {
		c.Close()
	}
}

// received is what came by connection i so far.
func (a *acceptor) received(i int) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i >= len(a.got) {
		return nil
	}
	return bytes.Clone(a.got[i])
}

// await waits until connection i has brought these datagrams and nothing else.
func (a *acceptor) await(t testing.TB, i int, want ...[][]byte) {
	t.Helper()
	all := bytes.Join(slices.Concat(want...), nil)
	eventually(t, func() bool { return len(a.received(i)) >= len(all) })
	if got := a.received(i); !bytes.Equal(got, all) {
		t.Errorf("connection %d brought %d bytes, want these %d, or they differ", i, len(got), len(all))
	}
}

// cut breaks a connection off, so that the sender is told by a reset.
func (a *acceptor) cut(i int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if tcp, ok := a.conns[i].(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	a.conns[i].Close()
}

func listenTCP(t testing.TB, address string) net.Listener {
	t.Helper()
	in, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// eventually waits until a condition holds.
func eventually(t testing.TB, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it didn't happen within 20 s")
		}
	}
}

// unlost sends a batch of which nothing may be lost.
func unlost(t testing.TB, l *Link, b Batch) {
	t.Helper()
	if err := l.Send(context.Background(), b, func(i int, why Reason) { t.Errorf("datagram %d lost: %s", i, why) }); err != nil {
		t.Fatal(err)
	}
}

var introduction = [][]byte{[]byte("these are the templates"), []byte("and the options")}

func TestStreamBeginsWithTemplates(t *testing.T) {
	a := accept(t, listenTCP(t, "127.0.0.1:0"))
	l := start(t, Config{Address: a.Addr().String(), Transport: TCP})
	ds := datagrams(3*chunk+1, 1400)
	unlost(t, l, Batch{Datagrams: ds[:1], Introduction: introduction})
	unlost(t, l, Batch{Datagrams: ds[1:], Introduction: introduction})
	a.await(t, 0, introduction, ds)
	if l.LocalPort() != 0 {
		t.Errorf("port %d is to be taken again, want none", l.LocalPort())
	}
}

// TestOtherTemplatesMakeAnotherSession since over TCP a template can't be sent again with another content.
func TestOtherTemplatesMakeAnotherSession(t *testing.T) {
	a := accept(t, listenTCP(t, "127.0.0.1:0"))
	l := start(t, Config{Address: a.Addr().String(), Transport: TCP})
	ds := datagrams(20, 1400)
	unlost(t, l, Batch{Datagrams: ds, Introduction: introduction[:1], Templates: 1})
	unlost(t, l, Batch{Datagrams: ds, Introduction: introduction, Templates: 2})
	a.await(t, 0, introduction[:1], ds)
	a.await(t, 1, introduction, ds)
}

// TestConnectionCut cuts the connection in the middle of a batch: the next one brings it from its first datagram on.
func TestConnectionCut(t *testing.T) {
	a := accept(t, listenTCP(t, "127.0.0.1:0"))
	var repeated atomic.Int32
	l := startWith(t, Config{Address: a.Addr().String(), Transport: TCP, Rate: 2000, Events: Events{Repeated: func() { repeated.Add(1) }}}, short)
	ds := datagrams(800, 1000) // 0.4 s
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		for len(a.received(0)) < 100_000 {
			time.Sleep(time.Millisecond)
		}
		a.cut(0)
	}()
	unlost(t, l, Batch{Datagrams: ds, Introduction: introduction})
	<-cut
	a.await(t, 1, introduction, ds)
	if n := repeated.Load(); n != 1 {
		t.Errorf("begun anew %d times, want once", n)
	}
}

// TestCollectorRestarts closes collector and connection between two batches: the end of the connection is noticed before
// anything is written into it, and the second batch waits for the collector.
func TestCollectorRestarts(t *testing.T) {
	a := accept(t, listenTCP(t, "127.0.0.1:0"))
	l := startWith(t, Config{Address: a.Addr().String(), Transport: TCP}, short)
	ds := datagrams(10, 1400)
	unlost(t, l, Batch{Datagrams: ds, Introduction: introduction})
	a.await(t, 0, introduction, ds)
	a.stop()
	eventually(t, func() bool { return !l.Up() })
	var b *acceptor
	restarted := make(chan struct{})
	time.AfterFunc(200*time.Millisecond, func() {
		defer close(restarted)
		b = accept(t, listenTCP(t, a.Addr().String()))
	})
	unlost(t, l, Batch{Datagrams: ds, Introduction: introduction})
	<-restarted
	b.await(t, 0, introduction, ds)
}

// TestStreamDown loses what nobody takes, without waiting, and tries again.
func TestStreamDown(t *testing.T) {
	in := listenTCP(t, "127.0.0.1:0")
	in.Close()
	var failed atomic.Int32
	l := startWith(t, Config{Address: in.Addr().String(), Transport: TCP, Events: Events{Failed: func() { failed.Add(1) }}}, short)
	lost := map[Reason]int{}
	begin := time.Now()
	if err := l.Send(context.Background(), Batch{Datagrams: datagrams(100, 10)}, func(_ int, why Reason) { lost[why]++ }); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); lost[Down] != 100 || took > time.Second {
		t.Errorf("lost %v in %s, want 100 as down at once", lost, took)
	}
	eventually(t, func() bool { return failed.Load() > 1 })
}

// TestCollectorThatDoesNotRead holds the sender up for a while, but not for ever.
func TestCollectorThatDoesNotRead(t *testing.T) {
	in := listenTCP(t, "127.0.0.1:0")
	defer in.Close()
	with := short
	with.write, with.patience, with.settled = 50*time.Millisecond, 100*time.Millisecond, time.Minute
	l := startWith(t, Config{Address: in.Addr().String(), Transport: TCP}, with)
	ds := datagrams(20_000, 1400) // more than the buffers of kernels take
	lost := 0
	begin := time.Now()
	if err := l.Send(context.Background(), Batch{Datagrams: ds, Introduction: introduction}, func(int, Reason) { lost++ }); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); lost == 0 || took > 10*time.Second {
		t.Errorf("%d lost in %s", lost, took)
	}
}

// TestCollectorThatCloses accepts each connection and closes it: it is not hammered, and sending goes on.
func TestCollectorThatCloses(t *testing.T) {
	in := listenTCP(t, "127.0.0.1:0")
	var accepted atomic.Int32
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := in.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			conn.Close()
		}
	})
	defer done.Wait()
	defer in.Close()
	with := short
	with.settled, with.patience = time.Minute, 50*time.Millisecond
	l := startWith(t, Config{Address: in.Addr().String(), Transport: TCP}, with)
	for begin := time.Now(); time.Since(begin) < 500*time.Millisecond; {
		if err := l.Send(context.Background(), Batch{Datagrams: datagrams(10, 100), Introduction: introduction}, func(int, Reason) {}); err != nil {
			t.Fatal(err)
		}
	}
	if n := accepted.Load(); n > 20 {
		t.Errorf("%d connections in half a second", n)
	}
}

func BenchmarkSendStream(b *testing.B) {
	in := listenTCP(b, "127.0.0.1:0")
	defer in.Close()
	go func() {
		conn, err := in.Accept()
		if err == nil {
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	l := start(b, Config{Address: in.Addr().String(), Transport: TCP})
	ds := datagrams(chunk, 1464)
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Send(context.Background(), Batch{Datagrams: ds}, func(int, Reason) {})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*chunk), "ns/datagram")
}
