package link

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// TestRefusing is the rule by which an address is left, with the times of the defaults.
func TestRefusing(t *testing.T) {
	type event struct {
		at      time.Duration
		refusal bool // or datagrams that were sent
	}
	every := func(gap time.Duration, n int, refusal bool) (out []event) {
		for i := range n {
			out = append(out, event{time.Duration(i) * gap, refusal})
		}
		return out
	}
	both := func(gap time.Duration, n int) (out []event) { // each refusal is met by a send, which is tried again
		for i := range n {
			out = append(out, event{time.Duration(i) * gap, true}, event{time.Duration(i) * gap, false})
		}
		return out
	}
	for _, tt := range []struct {
		name   string
		events []event
		left   time.Duration // when the address is left; 0: not at all
	}{
		{"each datagram", both(time.Millisecond, 10_000), 5 * time.Second},
		{"one a second", both(time.Second, 100), 5 * time.Second},
		{"one a minute, as there are datagrams", both(time.Minute, 10), 2 * time.Minute},
		{"a restart of four seconds", both(100*time.Millisecond, 40), 0},
		{"two short restarts", slices.Concat(both(time.Second, 4), []event{{4 * time.Second, false}, {7 * time.Second, false}, {8 * time.Second, true}, {9 * time.Second, true}}), 0},
		{"never", every(time.Second, 100, false), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := refusing{times: &defaultTimes}
			begin, left := time.Unix(1_700_000_000, 0), time.Duration(0)
			for _, e := range tt.events {
				if !e.refusal {
					r.sent(begin.Add(e.at))
				} else if r.refused(begin.Add(e.at)) {
					left = e.at
					break
				}
			}
			if left != tt.left {
				t.Errorf("left after %s, want %s", left, tt.left)
			}
		})
	}
}

// TestOrder is which address comes next, and after which wait.
func TestOrder(t *testing.T) {
	o := order{times: &defaultTimes, n: 3}
	broken := errors.New("broken")
	const long, brief = time.Minute, time.Second
	for i, step := range []struct {
		do    func() time.Duration
		first int
		wait  time.Duration
	}{
		{o.failed, 0, time.Second},
		{o.failed, 0, 2 * time.Second},
		{func() time.Duration { return o.ended(0, long, broken) }, 0, 0},
		{func() time.Duration { return o.ended(0, brief, broken) }, 1, 0},
		{func() time.Duration { return o.ended(1, brief, errTemplates) }, 1, 0},
		{func() time.Duration { return o.ended(1, brief, broken) }, 2, 0},
		{func() time.Duration { return o.ended(2, brief, broken) }, 0, time.Second},
		{func() time.Duration { return o.ended(2, brief, broken) }, 0, 2 * time.Second},
		{func() time.Duration { return o.ended(0, long, errRefused) }, 1, 0},
		{func() time.Duration { return o.ended(1, long, errRefused) }, 2, 0},
		{func() time.Duration { return o.ended(2, long, errRefused) }, 0, 0},
		{func() time.Duration { return o.ended(2, brief, errBack) }, 0, 0},
		{func() time.Duration { return o.ended(1, long, broken) }, 0, 0},
		{o.tryAgain, 0, 10 * time.Second},
		{o.tryAgain, 0, 20 * time.Second},
		{func() time.Duration { return o.ended(0, brief, broken) }, 1, 0},
		{o.tryAgain, 1, 40 * time.Second},
		{o.tryAgain, 1, time.Minute},
		{o.tryAgain, 1, time.Minute},
		{func() time.Duration { return o.ended(0, long, broken) }, 0, 0},
		{o.tryAgain, 0, 10 * time.Second},
	} {
		if wait := step.do(); wait != step.wait || o.first != step.first {
			t.Errorf("step %d: address %d after %s, want address %d after %s", i, o.first, wait, step.first, step.wait)
		}
	}
}

// TestStandbyUDP stops the first collector and starts it again. The other one takes over with templates and the batch in hand
// from its first datagram on, and hands back.
func TestStandbyUDP(t *testing.T) {
	first, second := listen(t, "udp4", "127.0.0.1:0"), listen(t, "udp4", "127.0.0.1:0")
	address := first.LocalAddr().String()
	var at, switches atomic.Int32
	l := startWith(t, Config{
		Address: address, Standby: []string{second.LocalAddr().String()},
		Events: Events{Refused: func() {}, Switched: func(to int) { at.Store(int32(to)); switches.Add(1) }},
	}, short)
	ds := datagrams(chunk, 100)
	b := Batch{Datagrams: ds, Introduction: introduction}
	unlost(t, l, b)
	receive(t, first, slices.Concat(introduction, ds))

	first.Close()
	eventually(t, func() bool { unlost(t, l, b); return at.Load() == 1 })
	receive(t, second, slices.Concat(introduction, ds))

	time.Sleep(3 * short.lastTry) // the first refuses when it is tried
	unlost(t, l, b)
	if at.Load() != 1 {
		t.Fatal("it went back to an address that refuses")
	}
	first = listen(t, "udp4", address)
	eventually(t, func() bool { unlost(t, l, b); time.Sleep(time.Millisecond); return at.Load() == 0 })
	receive(t, first, slices.Concat([][]byte{{}}, introduction, ds)) // the empty one asked
	if n := switches.Load(); n != 2 {
		t.Errorf("%d switches, want 2", n)
	}
}

func TestStandbyStream(t *testing.T) {
	first, second := accept(t, listenTCP(t, "127.0.0.1:0")), accept(t, listenTCP(t, "127.0.0.1:0"))
	var at atomic.Int32
	l := startWith(t, Config{
		Address: first.Addr().String(), Standby: []string{"collector.invalid:4739", second.Addr().String()}, Transport: TCP,
		Events: Events{Switched: func(to int) { at.Store(int32(to)) }},
	}, short)
	b := Batch{Datagrams: datagrams(chunk, 1000), Introduction: introduction}
	unlost(t, l, b)
	first.await(t, 0, introduction, b.Datagrams)

	first.stop()
	eventually(t, func() bool { return at.Load() == 2 })
	unlost(t, l, b)
	second.await(t, 0, introduction, b.Datagrams)

	first = accept(t, listenTCP(t, first.Addr().String()))
	eventually(t, func() bool { unlost(t, l, b); time.Sleep(time.Millisecond); return at.Load() == 0 })
	all := bytes.Join(slices.Concat(introduction, b.Datagrams), nil)
	eventually(t, func() bool { return bytes.HasPrefix(first.received(1), all) })
	first.await(t, 0) // this one asked
}

// TestStandbyFromANamedPort hands back though the port is taken while the first address is tried.
func TestStandbyFromANamedPort(t *testing.T) {
	first, second, free := listen(t, "udp4", "127.0.0.1:0"), listen(t, "udp4", "127.0.0.1:0"), listen(t, "udp4", "127.0.0.1:0")
	source := free.LocalAddr().(*net.UDPAddr).AddrPort()
	free.Close()
	address := first.LocalAddr().String()
	first.Close()
	var at atomic.Int32
	l := startWith(t, Config{
		Address: address, Standby: []string{second.LocalAddr().String()}, Source: source,
		Events: Events{Refused: func() {}, Switched: func(to int) { at.Store(int32(to)) }},
	}, short)
	b := Batch{Datagrams: datagrams(4, 100), Introduction: introduction}
	send := func() {
		if err := l.Send(context.Background(), b, func(int, Reason) {}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool { send(); time.Sleep(time.Millisecond); return at.Load() == 1 })
	first = listen(t, "udp4", address)
	eventually(t, func() bool { send(); time.Sleep(time.Millisecond); return at.Load() == 0 })
	buf := make([]byte, 200)
	_ = first.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		n, from, err := first.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			if from.Port() != source.Port() {
				t.Errorf("datagrams from port %d, want %d", from.Port(), source.Port())
			}
			return
		}
	}
}
