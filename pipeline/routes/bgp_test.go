package routes

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// bgpFake is a router that speaks BGP.
type bgpFake struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func newBGPFake(t *testing.T, conn net.Conn) *bgpFake {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return &bgpFake{t, conn, bufio.NewReader(conn)}
}

func (f *bgpFake) send(m *bgp.BGPMessage) {
	f.t.Helper()
	b, err := m.Serialize()
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.conn.Write(b); err != nil {
		f.t.Fatal(err)
	}
}

// next is the next message, nil at the end of the connection.
func (f *bgpFake) next() *bgp.BGPMessage {
	f.t.Helper()
	header := make([]byte, bgp.BGP_HEADER_LENGTH)
	if _, err := io.ReadFull(f.in, header); err != nil {
		return nil
	}
	var h bgp.BGPHeader
	if err := h.DecodeFromBytes(header); err != nil {
		f.t.Fatal(err)
	}
	body := make([]byte, int(h.Len)-len(header))
	if _, err := io.ReadFull(f.in, body); err != nil {
		f.t.Fatal(err)
	}
	m, err := bgp.ParseBGPBody(&h, body)
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

// open exchanges OPENs and KEEPALIVEs, and returns what the speaker offers.
func (f *bgpFake) open(as uint16, holdTime uint16, capabilities ...bgp.ParameterCapabilityInterface) *bgp.BGPMessage {
	f.t.Helper()
	theirs := f.next()
	if theirs == nil || theirs.Header.Type != bgp.BGP_MSG_OPEN {
		f.t.Fatalf("no OPEN but %+v", theirs)
	}
	m, err := bgp.NewBGPOpenMessage(as, holdTime, netip.MustParseAddr("192.0.2.7"), []bgp.OptionParameterInterface{bgp.NewOptionParameterCapability(capabilities)})
	if err != nil {
		f.t.Fatal(err)
	}
	f.send(m)
	f.send(bgp.NewBGPKeepAliveMessage())
	return theirs
}

// refused reads to the NOTIFICATION that ends the session.
func (f *bgpFake) refused() (code, subcode uint8) {
	f.t.Helper()
	for {
		m := f.next()
		if m == nil {
			f.t.Fatal("the connection ends without a NOTIFICATION")
		}
		if n, ok := m.Body.(*bgp.BGPNotification); ok {
			return n.ErrorCode, n.ErrorSubcode
		}
	}
}

// serveBGP runs a speaker that waits for a neighbour on loopback, until the test ends.
func serveBGP(t *testing.T, holdTime time.Duration) (*live, string, context.CancelFunc) {
	t.Helper()
	l, listener := newTestLive(), listen(t)
	s := newSpeaker(BGPConfig{AS: 4200000000, RouterID: "192.0.2.250", HoldTime: holdTime, Neighbors: []Neighbor{{Address: "127.0.0.1", AS: 64500, Passive: true}}}, l)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.live.serve(ctx, "BGP speaker", listener, s.enter)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		await(t, l, "")
	})
	return l, listener.Addr().String(), cancel
}

func dialBGP(t *testing.T, address string) *bgpFake {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return newBGPFake(t, conn)
}

func TestBGP(t *testing.T) {
	l, address, stop := serveBGP(t, 90*time.Second)
	r := dialBGP(t, address)
	theirs := r.open(64500, 3, bgp.NewCapFourOctetASNumber(64500))
	offered := map[bgp.BGPCapabilityCode]int{}
	for _, c := range capabilities(theirs) {
		offered[c.Code()]++
	}
	if open := theirs.Body.(*bgp.BGPOpen); open.MyAS != asTrans || open.HoldTime != 90 || offered[bgp.BGP_CAP_MULTIPROTOCOL] != 2 || offered[bgp.BGP_CAP_FOUR_OCTET_AS_NUMBER] != 1 {
		t.Errorf("OPEN of AS %d, hold time %d, capabilities %v", open.MyAS, open.HoldTime, offered)
	}
	r.send(announcement(t, 4200000001, nlri(0, "198.51.100.0/24", "203.0.113.0/24")))
	r.send(announcement(t, 64511, nlri(0, "2001:db8:1::/48")))
	r.send(bgp.NewEndOfRib(bgp.RF_IPv4_UC))
	r.send(bgp.NewBGPUpdateMessage(nlri(0, "203.0.113.0/24"), nil, nil))
	await(t, l, "198.51.100.0/24=4200000001 2001:db8:1::/48=64511")
	if n := testutil.ToFloat64(l.metrics.sessions.WithLabelValues(kindBGP)); n != 1 {
		t.Errorf("%v sessions, want 1", n)
	}
	if m := r.next(); m == nil || m.Header.Type != bgp.BGP_MSG_KEEPALIVE { // the answer to the OPEN
		t.Fatalf("no KEEPALIVE but %+v", m)
	}
	if m := r.next(); m == nil || m.Header.Type != bgp.BGP_MSG_KEEPALIVE { // each second, a third of the smaller hold time
		t.Fatalf("no KEEPALIVE but %+v", m)
	}
	// A second session is refused, a router that isn't expected too.
	if code, subcode := dialBGP(t, address).refused(); code != bgp.BGP_ERROR_CEASE || subcode != bgp.BGP_ERROR_SUB_CONNECTION_COLLISION_RESOLUTION {
		t.Errorf("a second session is refused with %d/%d", code, subcode)
	}
	// A neighbour that says nothing for the hold time is gone, and its routes are.
	if code, _ := r.refused(); code != bgp.BGP_ERROR_HOLD_TIMER_EXPIRED {
		t.Errorf("silence ends the session with %d", code)
	}
	await(t, l, "")
	again := dialBGP(t, address)
	again.open(64500, 90) // an old router: AS numbers of 2 octets
	old := announcement(t, 1, nlri(0, "198.51.100.0/24"))
	old.Body.(*bgp.BGPUpdate).PathAttributes[1] = bgp.NewPathAttributeAsPath([]bgp.AsPathParamInterface{bgp.NewAsPathParam(bgp.BGP_ASPATH_ATTR_TYPE_SEQ, []uint16{64500, 64520})})
	again.send(old)
	await(t, l, "198.51.100.0/24=64520")
	stop()
	if code, subcode := again.refused(); code != bgp.BGP_ERROR_CEASE || subcode != bgp.BGP_ERROR_SUB_ADMINISTRATIVE_SHUTDOWN {
		t.Errorf("the end comes with %d/%d", code, subcode)
	}
}

// TestBGPRefuses sessions that can't be.
func TestBGPRefuses(t *testing.T) {
	_, address, _ := serveBGP(t, 90*time.Second)
	for name, c := range map[string]struct {
		send          func(*bgpFake)
		code, subcode uint8
	}{
		"another AS":         {func(f *bgpFake) { f.open(64501, 90) }, bgp.BGP_ERROR_OPEN_MESSAGE_ERROR, bgp.BGP_ERROR_SUB_BAD_PEER_AS},
		"hold time":          {func(f *bgpFake) { f.open(64500, 1) }, bgp.BGP_ERROR_OPEN_MESSAGE_ERROR, bgp.BGP_ERROR_SUB_UNACCEPTABLE_HOLD_TIME},
		"no OPEN":            {func(f *bgpFake) { f.send(bgp.NewBGPKeepAliveMessage()) }, bgp.BGP_ERROR_FSM_ERROR, 0},
		"no BGP":             {func(f *bgpFake) { io.WriteString(f.conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") }, bgp.BGP_ERROR_MESSAGE_HEADER_ERROR, bgp.BGP_ERROR_SUB_CONNECTION_NOT_SYNCHRONIZED},
		"OPEN again":         {func(f *bgpFake) { f.open(64500, 90); f.send(f.opening()) }, bgp.BGP_ERROR_FSM_ERROR, 0},
		"broken withdrawals": {func(f *bgpFake) { f.open(64500, 90); f.raw(bgp.BGP_MSG_UPDATE, 0, 9, 24) }, bgp.BGP_ERROR_UPDATE_MESSAGE_ERROR, bgp.BGP_ERROR_SUB_MALFORMED_ATTRIBUTE_LIST},
	} {
		f := dialBGP(t, address)
		c.send(f)
		if code, subcode := f.refused(); code != c.code || subcode != c.subcode {
			t.Errorf("%s: refused with %d/%d, want %d/%d", name, code, subcode, c.code, c.subcode)
		}
	}
}

func (f *bgpFake) opening() *bgp.BGPMessage {
	m, err := bgp.NewBGPOpenMessage(64500, 90, netip.MustParseAddr("192.0.2.7"), nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

func (f *bgpFake) raw(kind uint8, body ...byte) {
	f.t.Helper()
	h := bgp.BGPHeader{Len: uint16(bgp.BGP_HEADER_LENGTH + len(body)), Type: kind}
	b, err := h.Serialize()
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.conn.Write(append(b, body...)); err != nil {
		f.t.Fatal(err)
	}
}

// TestBGPDials: the speaker connects, and again after the neighbour has ended the session.
func TestBGPDials(t *testing.T) {
	l, listener := newTestLive(), listen(t)
	defer listener.Close()
	s := newSpeaker(BGPConfig{AS: 64500, RouterID: "192.0.2.250", HoldTime: 90 * time.Second, Neighbors: []Neighbor{{Address: listener.Addr().String(), AS: 64500}}}, l)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.run(ctx)
	}()
	for range 2 {
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		r := newBGPFake(t, conn)
		r.open(64500, 90, bgp.NewCapFourOctetASNumber(64500))
		r.send(announcement(t, 64511, nlri(0, "198.51.100.0/24")))
		await(t, l, "198.51.100.0/24=64511")
		r.send(bgp.NewBGPNotificationMessage(bgp.BGP_ERROR_CEASE, bgp.BGP_ERROR_SUB_ADMINISTRATIVE_RESET, nil))
		await(t, l, "")
	}
	cancel()
	<-done
}
