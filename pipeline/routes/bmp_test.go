package routes

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/packet/bmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// newTestLive is one without a loader around it.
func newTestLive() *live {
	return newLive(slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry()))
}

// await waits until the table says this: its prefixes with their origins.
func await(t *testing.T, l *live, want string) {
	t.Helper()
	got := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		got = ""
		for p, r := range l.compile(nil).All() {
			got += fmt.Sprintf("%s=%d ", p, r.Origin)
		}
		if got = strings.TrimSpace(got); got == want {
			return
		}
	}
	t.Fatalf("the table is %q, want %q", got, want)
}

// listen is a listener on loopback.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// bmpFake is a router that speaks BMP.
type bmpFake struct {
	t    *testing.T
	conn net.Conn
}

func dialBMP(t *testing.T, address string) *bmpFake {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	f := &bmpFake{t, conn}
	f.send(bmp.NewBMPInitiation([]bmp.BMPInfoTLVInterface{bmp.NewBMPInfoTLVString(bmp.BMP_INIT_TLV_TYPE_SYS_NAME, "edge-1")}))
	return f
}

func (f *bmpFake) send(m *bmp.BMPMessage, options ...*bgp.MarshallingOption) {
	f.t.Helper()
	b, err := m.Serialize(options...)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.conn.Write(b); err != nil {
		f.t.Fatal(err)
	}
}

// peer is the header of a peer's messages.
func peer(kind, flags uint8, distinguisher uint64, address string, as uint32) bmp.BMPPeerHeader {
	return *bmp.NewBMPPeerHeader(kind, flags, distinguisher, netip.MustParseAddr(address), as, netip.MustParseAddr("192.0.2.7"), 0)
}

func (f *bmpFake) up(h bmp.BMPPeerHeader, capabilities ...bgp.ParameterCapabilityInterface) {
	f.t.Helper()
	open, err := bgp.NewBGPOpenMessage(64999, 90, netip.MustParseAddr("192.0.2.7"), []bgp.OptionParameterInterface{bgp.NewOptionParameterCapability(capabilities)})
	if err != nil {
		f.t.Fatal(err)
	}
	f.send(bmp.NewBMPPeerUpNotification(h, netip.MustParseAddr("192.0.2.250"), 179, 40000, open, open))
}

func (f *bmpFake) announce(h bmp.BMPPeerHeader, origin uint32, prefixes ...string) {
	f.t.Helper()
	f.send(bmp.NewBMPRouteMonitoring(h, announcement(f.t, origin, nlri(0, prefixes...))))
}

// announcement announces IPv4 or IPv6 prefixes.
func announcement(t *testing.T, origin uint32, prefixes []bgp.PathNLRI) *bgp.BGPMessage {
	t.Helper()
	attrs := []bgp.PathAttributeInterface{
		bgp.NewPathAttributeOrigin(0),
		bgp.NewPathAttributeAsPath([]bgp.AsPathParamInterface{bgp.NewAs4PathParam(bgp.BGP_ASPATH_ATTR_TYPE_SEQ, []uint32{64500, origin})}),
	}
	if prefixes[0].NLRI.(*bgp.IPAddrPrefix).Prefix.Addr().Is4() {
		hop, err := bgp.NewPathAttributeNextHop(netip.MustParseAddr("192.0.2.1"))
		if err != nil {
			t.Fatal(err)
		}
		return bgp.NewBGPUpdateMessage(nil, append(attrs, hop), prefixes)
	}
	reach, err := bgp.NewPathAttributeMpReachNLRI(bgp.RF_IPv6_UC, prefixes, netip.MustParseAddr("2001:db8::1"))
	if err != nil {
		t.Fatal(err)
	}
	return bgp.NewBGPUpdateMessage(nil, append(attrs, reach), nil)
}

// serveBMP runs a station until the test ends.
func serveBMP(t *testing.T) (*live, string) {
	t.Helper()
	l, listener := newTestLive(), listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.serve(ctx, "BMP station", listener, newBMPStation("", l).session)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		await(t, l, "") // nothing is left of routers that are gone
	})
	return l, listener.Addr().String()
}

func TestBMP(t *testing.T) {
	l, address := serveBMP(t)
	r := dialBMP(t, address)
	one, two := peer(0, 0, 0, "192.0.2.1", 64500), peer(0, 0, 0, "2001:db8::2", 64501)
	r.up(one)
	r.up(two)
	r.announce(one, 64510, "198.51.100.0/24", "203.0.113.0/24")
	r.announce(two, 64511, "2001:db8:1::/48")
	r.announce(two, 64512, "203.0.113.0/24") // 192.0.2.1 is the lower peer
	await(t, l, "198.51.100.0/24=64510 203.0.113.0/24=64510 2001:db8:1::/48=64511")

	// What isn't of the common network is passed over.
	r.announce(peer(bmp.BMP_PEER_TYPE_L3VPN, 0, 7, "192.0.2.3", 64502), 64513, "192.0.2.0/25")
	r.announce(peer(0, bmp.BMP_PEER_FLAG_ADJ_RIB_TYP, 0, "192.0.2.3", 64502), 64513, "192.0.2.0/26")
	r.send(bmp.NewBMPStatisticsReport(one, nil))
	r.send(bmp.NewBMPRouteMonitoring(one, bgp.NewBGPUpdateMessage(nlri(0, "203.0.113.0/24"), nil, nil)))
	await(t, l, "198.51.100.0/24=64510 203.0.113.0/24=64512 2001:db8:1::/48=64511")

	// A peer that is down takes its routes with it, before and after the router's policy.
	after := peer(0, bmp.BMP_PEER_FLAG_POST_POLICY, 0, "192.0.2.1", 64500)
	r.announce(after, 64510, "198.51.100.128/25")
	await(t, l, "198.51.100.0/24=64510 198.51.100.128/25=64510 203.0.113.0/24=64512 2001:db8:1::/48=64511")
	r.send(bmp.NewBMPPeerDownNotification(one, bmp.BMP_PEER_DOWN_REASON_REMOTE_NO_NOTIFICATION, nil, nil))
	await(t, l, "203.0.113.0/24=64512 2001:db8:1::/48=64511")

	// A router that connects anew begins with nothing.
	again := dialBMP(t, address)
	again.up(one)
	again.announce(one, 64520, "198.51.100.0/24")
	await(t, l, "198.51.100.0/24=64520")
	again.send(bmp.NewBMPTermination(nil))
	await(t, l, "")
	if n := testutil.ToFloat64(l.metrics.liveEvents.WithLabelValues(kindBMP, "announced")); n != 6 {
		t.Errorf("%v announcements counted, want 6", n)
	}
}

// TestBMPDialects: path identifiers as agreed on, 2-octet AS numbers as flagged, and the router's own table.
func TestBMPDialects(t *testing.T) {
	l, address := serveBMP(t)
	r := dialBMP(t, address)
	paths := peer(0, 0, 0, "192.0.2.1", 64500)
	r.up(paths, bgp.NewCapAddPath([]*bgp.CapAddPathTuple{bgp.NewCapAddPathTuple(bgp.RF_IPv4_UC, bgp.BGP_ADD_PATH_BOTH)}))
	options := &bgp.MarshallingOption{AddPath: map[bgp.Family]bgp.BGPAddPathMode{bgp.RF_IPv4_UC: bgp.BGP_ADD_PATH_BOTH}}
	r.send(bmp.NewBMPRouteMonitoring(paths, announcement(t, 64510, nlri(2, "198.51.100.0/24"))), options)
	r.send(bmp.NewBMPRouteMonitoring(paths, announcement(t, 64511, nlri(1, "198.51.100.0/24"))), options)
	await(t, l, "198.51.100.0/24=64511")
	r.send(bmp.NewBMPRouteMonitoring(paths, bgp.NewBGPUpdateMessage(nlri(1, "198.51.100.0/24"), nil, nil)), options)
	await(t, l, "198.51.100.0/24=64510")

	old := peer(0, bmp.BMP_PEER_FLAG_TWO_AS, 0, "192.0.2.2", 64500)
	r.up(old)
	short := announcement(t, 1, nlri(0, "203.0.113.0/24"))
	short.Body.(*bgp.BGPUpdate).PathAttributes[1] = bgp.NewPathAttributeAsPath([]bgp.AsPathParamInterface{bgp.NewAsPathParam(bgp.BGP_ASPATH_ATTR_TYPE_SEQ, []uint16{64500, 64512})})
	r.send(bmp.NewBMPRouteMonitoring(old, short))
	local := peer(bmp.BMP_PEER_TYPE_LOCAL_RIB, 0, 0, "0.0.0.0", 64999)
	r.up(local)
	r.announce(local, 64513, "2001:db8:1::/48")
	await(t, l, "198.51.100.0/24=64510 203.0.113.0/24=64512 2001:db8:1::/48=64513")

	// An attribute that can't be read takes the path back (RFC 7606).
	bad := announcement(t, 64514, nlri(0, "203.0.113.0/24"))
	bad.Body.(*bgp.BGPUpdate).PathAttributes[0] = bgp.NewPathAttributeUnknown(bgp.BGP_ATTR_FLAG_TRANSITIVE, bgp.BGP_ATTR_TYPE_ORIGIN, []byte{0, 0})
	r.send(bmp.NewBMPRouteMonitoring(old, bad))
	await(t, l, "198.51.100.0/24=64510 2001:db8:1::/48=64513")
	if n := testutil.ToFloat64(l.metrics.malformed.WithLabelValues(kindBMP)); n != 1 {
		t.Errorf("%v malformed counted, want 1", n)
	}
}

// TestBMPNonsense ends the connection.
func TestBMPNonsense(t *testing.T) {
	_, address := serveBMP(t)
	for _, nonsense := range []string{"GET / HTTP/1.1\r\n\r\n", "\x03\xff\xff\xff\xff\x00", "\x03\x00\x00\x00\x05\x00", "\x03\x00\x00\x00\x07\x03\x00"} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := conn.Write([]byte(nonsense)); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%q is answered", nonsense)
		} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Errorf("%q doesn't end the connection", nonsense)
		}
		conn.Close()
	}
}

// FuzzBMP: no message makes a router's reader panic.
func FuzzBMP(f *testing.F) {
	h := peer(0, 0, 0, "192.0.2.1", 64500)
	for _, m := range []*bmp.BMPMessage{
		bmp.NewBMPInitiation(nil), bmp.NewBMPTermination(nil), bmp.NewBMPPeerDownNotification(h, 4, nil, nil),
		bmp.NewBMPRouteMonitoring(h, bgp.NewBGPUpdateMessage(nlri(0, "203.0.113.0/24"), nil, nil)),
	} {
		b, err := m.Serialize()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var h bmp.BMPHeader
		if h.DecodeFromBytes(b) != nil || int(h.Length) != len(b) {
			return
		}
		l := newTestLive()
		r := &bmpRouter{live: l, log: l.log, from: "bmp/192.0.2.1", peers: map[bmpPeer]dialect{}}
		r.take(h.Type, b)
		l.compile(nil)
	})
}
