package link

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// start runs a link until the end of the test; its first attempt to connect is over.
func start(t testing.TB, cfg Config) *Link {
	t.Helper()
	return startWith(t, cfg, defaultTimes)
}

// startWith is start with other times.
func startWith(t testing.TB, cfg Config, with times) *Link {
	t.Helper()
	cfg.Log = slog.New(slog.DiscardHandler)
	if cfg.Events.Refused == nil {
		cfg.Events.Refused = func() { t.Error("refused") }
	}
	l := New(cfg)
	l.times = with
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); l.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	<-l.Attempted()
	return l
}

func listen(t testing.TB, network, address string) *net.UDPConn {
	t.Helper()
	at, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP(network, at)
	if err != nil {
		t.Skipf("no %s on this machine: %v", address, err)
	}
	_ = conn.SetReadBuffer(4 << 20)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func datagrams(n, size int) (out [][]byte) {
	for i := range n {
		out = append(out, fmt.Appendf(make([]byte, 0, size), "%0*d", size, i))
	}
	return out
}

func mustSendAll(t testing.TB, l *Link, ds [][]byte) {
	t.Helper()
	if err := l.Send(context.Background(), Batch{Datagrams: ds}, func(i int, why Reason) { t.Errorf("datagram %d lost: %s", i, why) }); err != nil {
		t.Fatal(err)
	}
}

func receive(t testing.TB, conn *net.UDPConn, want [][]byte) {
	t.Helper()
	buf := make([]byte, 1<<16)
	for i := range want {
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("after %d of %d: %v", i, len(want), err)
		}
		if string(buf[:n]) != string(want[i]) {
			t.Fatalf("datagram %d is %q, want %q", i, buf[:n], want[i])
		}
	}
}

func TestSendInOrder(t *testing.T) {
	for _, tt := range []struct{ name, network, address string }{
		{"ipv4", "udp4", "127.0.0.1:0"},
		{"ipv6", "udp6", "[::1]:0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := listen(t, tt.network, tt.address)
			l := start(t, Config{Address: conn.LocalAddr().String()})
			want := datagrams(3*chunk+1, 100)
			mustSendAll(t, l, want)
			receive(t, conn, want)
		})
	}
}

func TestAName(t *testing.T) {
	conn := listen(t, "udp4", "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(conn.LocalAddr().String())
	l := start(t, Config{Address: net.JoinHostPort("localhost", port)}) // may be ::1 too, where nobody listens
	want := datagrams(2, 100)
	mustSendAll(t, l, want)
	receive(t, conn, want)
}

// TestRefused sends to a port where nobody listens until somebody does.
func TestRefused(t *testing.T) {
	conn := listen(t, "udp4", "127.0.0.1:0")
	address := conn.LocalAddr().String()
	conn.Close()
	var refused atomic.Int64
	l := start(t, Config{Address: address, Events: Events{Refused: func() { refused.Add(1) }}})
	mustSendAll(t, l, datagrams(10, 10))
	for deadline := time.Now().Add(10 * time.Second); refused.Load() == 0; {
		if time.Now().After(deadline) {
			t.Fatal("no refusal was counted")
		}
		mustSendAll(t, l, datagrams(1, 10))
	}
	conn = listen(t, "udp4", address)
	want := datagrams(chunk, 10)
	mustSendAll(t, l, want) // a refusal of one before must not cost one of these
	receive(t, conn, want)
}

func TestTooBigIsLostAlone(t *testing.T) {
	conn := listen(t, "udp4", "127.0.0.1:0")
	l := start(t, Config{Address: conn.LocalAddr().String()})
	ds := datagrams(5, 100)
	ds[2] = make([]byte, 65508) // one more than UDP can carry
	var lost []int
	err := l.Send(context.Background(), Batch{Datagrams: ds}, func(i int, why Reason) {
		if lost = append(lost, i); why != TooBig {
			t.Errorf("datagram %d: %s, want too_big", i, why)
		}
	})
	if err != nil || !slices.Equal(lost, []int{2}) {
		t.Fatalf("lost %v, error %v; want datagram 2 lost alone", lost, err)
	}
	receive(t, conn, slices.Delete(ds, 2, 3))
}

func TestDown(t *testing.T) {
	l := start(t, Config{Address: "collector.invalid:2055"})
	lost := 0
	if err := l.Send(context.Background(), Batch{Datagrams: datagrams(100, 10)}, func(_ int, why Reason) {
		if lost++; why != Down {
			t.Errorf("%s, want down", why)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if lost != 100 || l.Up() {
		t.Errorf("%d of 100 lost, up %t", lost, l.Up())
	}
}

// TestBrokenSocket closes the socket under the link, as an error of the network does.
func TestBrokenSocket(t *testing.T) {
	conn := listen(t, "udp4", "127.0.0.1:0")
	l := start(t, Config{Address: conn.LocalAddr().String()})
	port := l.LocalPort()
	l.current().close()
	lost := map[Reason]int{}
	if err := l.Send(context.Background(), Batch{Datagrams: datagrams(3, 10)}, func(_ int, why Reason) { lost[why]++ }); err != nil {
		t.Fatal(err)
	}
	if lost[Failing]+lost[Down] != 3 || lost[Failing] == 0 {
		t.Errorf("lost %v, want all of 3, the first as failing", lost)
	}
	for deadline := time.Now().Add(20 * time.Second); !l.Up(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it isn't connected again")
		}
	}
	if l.LocalPort() != port {
		t.Errorf("port %d after connecting again, want %d", l.LocalPort(), port)
	}
	want := datagrams(2, 10)
	mustSendAll(t, l, want)
	receive(t, conn, want)
}

func TestPortInUse(t *testing.T) {
	conn := listen(t, "udp4", "127.0.0.1:0")
	taken := listen(t, "udp", ":0")
	port := taken.LocalAddr().(*net.UDPAddr).Port
	l := start(t, Config{Address: conn.LocalAddr().String(), Port: port})
	if !l.Up() || l.LocalPort() == port {
		t.Errorf("up %t from port %d, want another than %d", l.Up(), l.LocalPort(), port)
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	conn := listen(t, "udp4", "127.0.0.1:0")
	l := start(t, Config{Address: conn.LocalAddr().String(), Rate: 1})
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	err := l.Send(ctx, Batch{Datagrams: datagrams(1000, 10)}, func(i int, why Reason) { t.Errorf("datagram %d: %s", i, why) })
	if err != context.Canceled {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestSendAllocatesLittle(t *testing.T) {
	conn := listen(t, "udp4", "127.0.0.1:0")
	l := start(t, Config{Address: conn.LocalAddr().String()})
	go func() {
		for buf := make([]byte, 2048); ; {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	}()
	ds := datagrams(chunk, 1464)
	lost := func(int, Reason) {}
	n := testing.AllocsPerRun(200, func() { _ = l.Send(context.Background(), Batch{Datagrams: ds}, lost) })
	if n > chunk/8 {
		t.Errorf("%v allocations for %d datagrams", n, chunk)
	}
	t.Logf("%v allocations for %d datagrams", n, chunk)
}

func BenchmarkSend(b *testing.B) {
	conn := listen(b, "udp4", "127.0.0.1:0")
	l := start(b, Config{Address: conn.LocalAddr().String()})
	ds := datagrams(chunk, 1464)
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Send(context.Background(), Batch{Datagrams: ds}, func(int, Reason) {})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*chunk), "ns/datagram")
}

// BenchmarkWrite is what BenchmarkSend is held against: a call for each datagram.
func BenchmarkWrite(b *testing.B) {
	conn := listen(b, "udp4", "127.0.0.1:0")
	l := start(b, Config{Address: conn.LocalAddr().String()})
	ds := datagrams(chunk, 1464)
	s := l.current().transport.(*socket)
	b.ReportAllocs()
	for b.Loop() {
		for _, d := range ds {
			_, _ = s.conn.Write(d)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*chunk), "ns/datagram")
}

// TestSocketIsAsConfigured sends from another address, with DSCP and TTL, which the socket is asked for.
func TestSocketIsAsConfigured(t *testing.T) {
	for _, tt := range []struct{ network, to, from string }{{"udp4", "127.0.0.1:0", "127.0.0.2"}, {"udp6", "[::1]:0", "::1"}} {
		t.Run(tt.network, func(t *testing.T) {
			conn := listen(t, tt.network, tt.to)
			free := listen(t, tt.network, tt.to) // its port is free once it is closed
			port := free.LocalAddr().(*net.UDPAddr).AddrPort().Port()
			free.Close()
			source := netip.AddrPortFrom(netip.MustParseAddr(tt.from), port)
			l := start(t, Config{Address: conn.LocalAddr().String(), Source: source, DSCP: 46, TTL: 9})
			if !l.Up() {
				t.Skipf("can't send from %s here", source)
			}
			mustSendAll(t, l, datagrams(1, 100))
			buf := make([]byte, 200)
			_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, from, err := conn.ReadFromUDPAddrPort(buf); err != nil || netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) != source {
				t.Errorf("from %v, error %v; want %v", from, err, source)
			}
			s := l.current().transport.(*socket)
			class, ttl := ipv4.NewConn(s.conn).TOS, ipv4.NewConn(s.conn).TTL
			if tt.network == "udp6" {
				class, ttl = ipv6.NewConn(s.conn).TrafficClass, ipv6.NewConn(s.conn).HopLimit
			}
			if v, err := class(); err != nil || v != 46<<2 {
				t.Errorf("traffic class %d, error %v; want %d", v, err, 46<<2)
			}
			if v, err := ttl(); err != nil || v != 9 {
				t.Errorf("TTL %d, error %v; want 9", v, err)
			}
		})
	}
}

// TestSourceThatIsTaken is waited for: a port that the configuration names is not exchanged for another.
func TestSourceThatIsTaken(t *testing.T) {
	conn, taken := listen(t, "udp4", "127.0.0.1:0"), listen(t, "udp4", "127.0.0.1:0")
	l := start(t, Config{Address: conn.LocalAddr().String(), Source: taken.LocalAddr().(*net.UDPAddr).AddrPort()})
	if l.Up() {
		t.Error("it sends from another port")
	}
	taken.Close()
	for deadline := time.Now().Add(20 * time.Second); !l.Up(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it doesn't try again")
		}
	}
}
