package routes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/packet/bmp"
)

// bmpStation is what routers connect to to tell of their routes (RFC 7854). Routes that a router sends to others (RFC 8671) and
// those of VRFs are passed over: a table is of the network that addresses have in common.
type bmpStation struct {
	listen string
	live   *live

	mu      sync.Mutex
	routers map[netip.Addr]*bmpRouter // that are connected
}

func newBMPStation(listen string, l *live) *bmpStation {
	return &bmpStation{listen: listen, live: l, routers: map[netip.Addr]*bmpRouter{}}
}

// run serves routers until ctx ends.
func (s *bmpStation) run(ctx context.Context) {
	persist(ctx, func(ctx context.Context) { s.live.listen(ctx, "BMP station", kindBMP, s.listen, s.session) })
}

// session takes a connection, in the order in which they come, in place of that router's before.
func (s *bmpStation) session(conn net.Conn) func(context.Context) {
	r, old := s.enter(conn)
	return func(ctx context.Context) { s.attend(ctx, r, old) }
}

// enter notes a router that has connected, in place of old, its connection of before: a router has one. Old may be nil.
func (s *bmpStation) enter(conn net.Conn) (r, old *bmpRouter) {
	address := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone("")
	r = &bmpRouter{live: s.live, conn: conn, done: make(chan struct{}), address: address, from: "bmp/" + address.String(), peers: map[bmpPeer]dialect{},
		log: s.live.log.With("router", address.String())}
	s.mu.Lock()
	defer s.mu.Unlock()
	old = s.routers[address]
	s.routers[address] = r
	return r, old
}

// attend listens to a router until one of both ends the connection. Before, nothing is left of old.
func (s *bmpStation) attend(ctx context.Context, r, old *bmpRouter) {
	defer r.conn.Close()
	defer context.AfterFunc(ctx, func() { r.conn.Close() })()
	defer close(r.done)
	if old != nil {
		old.conn.Close()
		<-old.done
	}
	up := s.live.metrics.sessions.WithLabelValues(kindBMP)
	up.Inc()
	r.log.Info("BMP router connected")
	err := r.listen()
	up.Dec()
	s.live.metrics.ends.WithLabelValues(kindBMP).Inc()
	r.log.Warn("BMP router is gone, and its routes with it", "reason", err)
	s.live.drop(func(source Source) bool { return strings.HasPrefix(source.From, r.from+"/") })
	s.mu.Lock()
	if s.routers[r.address] == r {
		delete(s.routers, r.address)
	}
	s.mu.Unlock()
}

// bmpRouter is a router that is connected.
type bmpRouter struct {
	live    *live
	log     *slog.Logger
	conn    net.Conn
	done    chan struct{} // closed when nothing of it is left
	address netip.Addr
	from    string              // begins what its sources are named
	peers   map[bmpPeer]dialect // those that are up
}

// bmpPeer is who a router has its routes from.
type bmpPeer struct {
	kind    uint8
	address netip.Addr
}

// maxBMP bounds a message: two BGP messages of 64 KiB at most, and some text.
const maxBMP = 1 << 20

var errTerminated = errors.New("the router has ended it")

// listen reads messages until the connection ends, and tells why it did.
func (r *bmpRouter) listen() error {
	in := bufio.NewReaderSize(r.conn, 1<<16)
	var message []byte
	for {
		header, err := in.Peek(bmp.BMP_HEADER_SIZE)
		if err != nil {
			return err
		}
		var h bmp.BMPHeader
		if err := h.DecodeFromBytes(header); err != nil {
			return fmt.Errorf("BMP version %d, want %d", header[0], bmp.BMP_VERSION)
		}
		if h.Length < bmp.BMP_HEADER_SIZE || h.Length > maxBMP {
			return fmt.Errorf("BMP message of %d bytes, want at most %d", h.Length, maxBMP)
		}
		message = slices.Grow(message[:0], int(h.Length))[:h.Length]
		if _, err := io.ReadFull(in, message); err != nil {
			return err
		}
		if err := r.take(h.Type, message); err != nil {
			return err
		}
	}
}

// take takes one message. An error ends the connection, so that the router tells everything anew.
func (r *bmpRouter) take(kind uint8, message []byte) error {
	switch kind {
	case bmp.BMP_MSG_ROUTE_MONITORING:
		return r.monitoring(message)
	case bmp.BMP_MSG_PEER_UP_NOTIFICATION, bmp.BMP_MSG_PEER_DOWN_NOTIFICATION, bmp.BMP_MSG_INITIATION, bmp.BMP_MSG_TERMINATION:
	default:
		return nil
	}
	m, err := bmp.ParseBMPMessage(message)
	if err != nil {
		return fmt.Errorf("BMP message of type %d: %w", kind, err)
	}
	switch body := m.Body.(type) {
	case *bmp.BMPInitiation:
		for _, tlv := range body.Info {
			if text, ok := tlv.(*bmp.BMPInfoTLVString); ok && text.Type == bmp.BMP_INIT_TLV_TYPE_SYS_NAME {
				r.log.Info("BMP router told its name", "name", text.Value)
			}
		}
	case *bmp.BMPPeerUpNotification:
		r.up(&m.PeerHeader, body)
	case *bmp.BMPPeerDownNotification:
		peer := peerOf(&m.PeerHeader)
		delete(r.peers, peer)
		r.log.Info("BMP peer is down", "peer", peer.address.String(), "reason", body.Reason)
		r.dropPeer(&m.PeerHeader)
	case *bmp.BMPTermination:
		return errTerminated
	}
	return nil
}

// up notes what a peer and the router have agreed on: path identifiers are used if one may send and the other may receive
// them (RFC 7911 §4).
func (r *bmpRouter) up(h *bmp.BMPPeerHeader, up *bmp.BMPPeerUpNotification) {
	if !isGlobal(h) {
		return
	}
	peer := peerOf(h)
	router, other := addPathModes(up.SentOpenMsg), addPathModes(up.ReceivedOpenMsg)
	uses := func(f bgp.Family) bool {
		if h.PeerType == bmp.BMP_PEER_TYPE_LOCAL_RIB { // RFC 9069 §4.1: what it sends is in the one it sent
			return router[f] != 0
		}
		return router[f]&bgp.BGP_ADD_PATH_RECEIVE != 0 && other[f]&bgp.BGP_ADD_PATH_SEND != 0
	}
	r.peers[peer] = dialect{addPath4: uses(bgp.RF_IPv4_UC), addPath6: uses(bgp.RF_IPv6_UC)}
	r.log.Info("BMP peer is up", "peer", peer.address.String(), "as", h.PeerAS)
	r.dropPeer(h)
}

// monitoring takes routes of a peer.
func (r *bmpRouter) monitoring(message []byte) error {
	var h bmp.BMPPeerHeader
	if err := h.DecodeFromBytes(message[bmp.BMP_HEADER_SIZE:]); err != nil {
		return err
	}
	if !isGlobal(&h) || h.PeerType != bmp.BMP_PEER_TYPE_LOCAL_RIB && h.IsAdjRIBOut() {
		return nil
	}
	d := r.peers[peerOf(&h)]
	d.twoByteAS = h.PeerType != bmp.BMP_PEER_TYPE_LOCAL_RIB && h.Flags&bmp.BMP_PEER_FLAG_TWO_AS != 0
	n, err := r.live.update(kindBMP, d, message[bmp.BMP_HEADER_SIZE+bmp.BMP_PEER_HEADER_SIZE:], r.source(&h))
	if err == nil {
		err = n.malformed
	} else {
		r.live.metrics.malformed.WithLabelValues(kindBMP).Inc()
	}
	if err != nil { // the message ends where it says: what follows can be read
		r.log.Debug("BMP update can't be read", "peer", h.PeerAddress.String(), "reason", err)
	}
	return nil
}

// source names the routes of a peer before and after the router's policy apart.
func (r *bmpRouter) source(h *bmp.BMPPeerHeader) Source {
	view := "/pre-policy"
	switch {
	case h.PeerType == bmp.BMP_PEER_TYPE_LOCAL_RIB:
		view = "/loc-rib"
	case h.IsPostPolicy():
		view = "/post-policy"
	}
	return Source{From: r.from + view, Peer: peerOf(h).address, AS: h.PeerAS}
}

// dropPeer takes back what a peer told, in all views.
func (r *bmpRouter) dropPeer(h *bmp.BMPPeerHeader) {
	if !isGlobal(h) {
		return
	}
	peer, local := peerOf(h), h.PeerType == bmp.BMP_PEER_TYPE_LOCAL_RIB
	r.live.drop(func(s Source) bool {
		return strings.HasPrefix(s.From, r.from+"/") && strings.HasSuffix(s.From, "/loc-rib") == local && s.Peer == peer.address
	})
}

func peerOf(h *bmp.BMPPeerHeader) bmpPeer {
	return bmpPeer{h.PeerType, h.PeerAddress.Unmap()}
}

// isGlobal tells whether a peer's routes are of no VRF: it is a global instance peer, or the router's own table (RFC 9069).
func isGlobal(h *bmp.BMPPeerHeader) bool {
	return h.PeerDistinguisher == 0 && (h.PeerType == bmp.BMP_PEER_TYPE_GLOBAL || h.PeerType == bmp.BMP_PEER_TYPE_LOCAL_RIB)
}

// addPathModes reads of an OPEN which families may have path identifiers.
func addPathModes(m *bgp.BGPMessage) map[bgp.Family]bgp.BGPAddPathMode {
	modes := map[bgp.Family]bgp.BGPAddPathMode{}
	for _, c := range capabilities(m) {
		if paths, ok := c.(*bgp.CapAddPath); ok {
			for _, t := range paths.Tuples {
				modes[t.Family] = t.Mode
			}
		}
	}
	return modes
}

// capabilities lists what an OPEN offers.
func capabilities(m *bgp.BGPMessage) (out []bgp.ParameterCapabilityInterface) {
	if m == nil {
		return nil
	}
	open, ok := m.Body.(*bgp.BGPOpen)
	if !ok {
		return nil
	}
	for _, p := range open.OptParams {
		if c, ok := p.(*bgp.OptionParameterCapability); ok {
			out = append(out, c.Capability...)
		}
	}
	return out
}
