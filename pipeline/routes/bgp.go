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
	"sync"
	"time"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
)

// speaker is a BGP speaker that takes IPv4 and IPv6 unicast routes and announces none (RFC 4271, RFC 4760, RFC 6793). It
// connects to its neighbours, and lets them connect if it listens; a neighbour has one session.
type speaker struct {
	cfg       BGPConfig
	live      *live
	neighbors map[netip.Addr]*bgpNeighbor
}

// bgpNeighbor is a router that has, or is to have, a session.
type bgpNeighbor struct {
	Neighbor
	address netip.AddrPort
	source  Source
	log     *slog.Logger
	busy    sync.Mutex // held while there is a session
}

// newSpeaker makes a speaker of a configuration that has been validated.
func newSpeaker(cfg BGPConfig, l *live) *speaker {
	s := &speaker{cfg: cfg, live: l, neighbors: map[netip.Addr]*bgpNeighbor{}}
	for _, n := range cfg.Neighbors {
		address, err := n.addrPort()
		if err != nil {
			panic("routes: the address of a neighbour that wasn't validated: " + err.Error())
		}
		s.neighbors[address.Addr()] = &bgpNeighbor{
			Neighbor: n, address: address, source: Source{From: "bgp", Peer: address.Addr(), AS: n.AS},
			log: l.log.With("neighbor", address.Addr().String()),
		}
	}
	return s
}

// Limits of a session before it is one.
const (
	dialTimeout = 10 * time.Second
	openTimeout = 30 * time.Second
	sendTimeout = 5 * time.Second
)

// run has sessions with the neighbours until ctx ends.
func (s *speaker) run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	if s.cfg.Listen != "" {
		all.Go(func() { persist(ctx, s.accept) })
	}
	for _, n := range s.neighbors {
		if !n.Passive {
			all.Go(func() { persist(ctx, func(ctx context.Context) { s.dial(ctx, n) }) })
		}
	}
}

// dial connects to a neighbour that isn't connected, and returns when that has ended.
func (s *speaker) dial(ctx context.Context, n *bgpNeighbor) {
	if !n.busy.TryLock() {
		return
	}
	n.busy.Unlock()
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", n.address.String())
	if err != nil {
		if ctx.Err() == nil {
			s.live.metrics.ends.WithLabelValues(kindBGP).Inc()
			n.log.Warn("BGP neighbor can't be reached", "reason", err)
		}
		return
	}
	s.attend(ctx, n, conn)
}

// accept lets neighbours connect until ctx ends or accepting fails.
func (s *speaker) accept(ctx context.Context) {
	s.live.listen(ctx, "BGP speaker", kindBGP, s.cfg.Listen, s.enter)
}

// enter tells what becomes of a connection: nil if it is refused.
func (s *speaker) enter(conn net.Conn) (session func(context.Context)) {
	from := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone("")
	n := s.neighbors[from]
	if n == nil {
		conn.Close()
		s.live.metrics.ends.WithLabelValues(kindBGP).Inc()
		s.live.log.Warn("BGP connection of a router that is no neighbor", "address", from.String())
		return nil
	}
	return func(ctx context.Context) { s.attend(ctx, n, conn) }
}

// attend has a session with a neighbour over conn, which it closes, until one of both ends it.
func (s *speaker) attend(ctx context.Context, n *bgpNeighbor, conn net.Conn) {
	defer conn.Close()
	b := &bgpSession{speaker: s, neighbor: n, conn: conn, in: bufio.NewReaderSize(conn, 1<<16)}
	if !n.busy.TryLock() {
		b.notify(bgp.BGP_ERROR_CEASE, bgp.BGP_ERROR_SUB_CONNECTION_COLLISION_RESOLUTION)
		return
	}
	defer context.AfterFunc(ctx, func() {
		b.notify(bgp.BGP_ERROR_CEASE, bgp.BGP_ERROR_SUB_ADMINISTRATIVE_SHUTDOWN)
		conn.Close()
	})()
	err := b.converse()
	n.busy.Unlock() // before the neighbour knows: it may connect again at once
	if refused, ok := errors.AsType[*bgp.MessageError](err); ok {
		b.notify(refused.TypeCode, refused.SubTypeCode)
	}
	s.live.metrics.ends.WithLabelValues(kindBGP).Inc()
	if ctx.Err() == nil {
		n.log.Warn("BGP session ended", "reason", err)
	}
}

// bgpSession is a session over one connection.
type bgpSession struct {
	*speaker
	neighbor *bgpNeighbor
	conn     net.Conn
	in       *bufio.Reader
	message  []byte
}

// converse opens the session and takes what the neighbour tells, until an error ends it. An error of package bgp is one that
// the neighbour is to be told of.
func (b *bgpSession) converse() error {
	b.conn.SetDeadline(time.Now().Add(openTimeout))
	if err := b.send(b.open()); err != nil {
		return err
	}
	raw, err := b.next()
	if err != nil {
		return err
	}
	m, err := bgp.ParseBGPMessage(raw)
	if err != nil {
		return err
	}
	theirs, ok := m.Body.(*bgp.BGPOpen)
	if !ok {
		return b.unexpected(m)
	}
	if _, err := bgp.ValidateOpenMsg(theirs, b.neighbor.AS, b.cfg.AS, netip.MustParseAddr(b.cfg.RouterID)); err != nil {
		return err
	}
	if err := b.send(bgp.NewBGPKeepAliveMessage()); err != nil {
		return err
	}
	hold := min(b.cfg.HoldTime, time.Duration(theirs.HoldTime)*time.Second)
	d := dialect{twoByteAS: true}
	for _, c := range capabilities(m) {
		if c.Code() == bgp.BGP_CAP_FOUR_OCTET_AS_NUMBER {
			d.twoByteAS = false
		}
	}
	if raw, err = b.next(); err != nil {
		return err
	}
	if m, err = bgp.ParseBGPMessage(raw); err != nil {
		return err
	}
	if _, ok := m.Body.(*bgp.BGPKeepAlive); !ok {
		return b.unexpected(m)
	}
	return b.established(hold, d)
}

// established takes updates until an error ends the session, and all that the neighbour told with it.
func (b *bgpSession) established(hold time.Duration, d dialect) error {
	b.neighbor.log.Info("BGP session is up", "as", b.neighbor.AS, "hold_time", hold)
	up := b.live.metrics.sessions.WithLabelValues(kindBGP)
	up.Inc()
	defer func() {
		up.Dec()
		b.live.drop(func(s Source) bool { return s == b.neighbor.source })
	}()
	b.conn.SetDeadline(time.Time{})
	if hold > 0 {
		stop := make(chan struct{})
		var alive sync.WaitGroup
		defer alive.Wait()
		defer close(stop)
		alive.Go(func() { b.keepAlive(hold/3, stop) })
	}
	for {
		if hold > 0 {
			b.conn.SetReadDeadline(time.Now().Add(hold))
		}
		raw, err := b.next()
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			return bgp.NewMessageError(bgp.BGP_ERROR_HOLD_TIMER_EXPIRED, 0, nil, "hold timer expired")
		}
		if err != nil {
			return err
		}
		switch kind := raw[bgp.BGP_HEADER_LENGTH-1]; kind {
		case bgp.BGP_MSG_UPDATE:
			n, err := b.live.update(kindBGP, d, raw, b.neighbor.source)
			if err != nil {
				return bgp.NewMessageError(bgp.BGP_ERROR_UPDATE_MESSAGE_ERROR, bgp.BGP_ERROR_SUB_MALFORMED_ATTRIBUTE_LIST, nil, err.Error())
			}
			if n.malformed != nil {
				b.neighbor.log.Debug("BGP update can't be read", "reason", n.malformed)
			}
		case bgp.BGP_MSG_KEEPALIVE, bgp.BGP_MSG_ROUTE_REFRESH:
		default:
			m, err := bgp.ParseBGPMessage(raw)
			if err != nil {
				return err
			}
			return b.unexpected(m)
		}
	}
}

// keepAlive sends keepalives until stop is closed.
func (b *bgpSession) keepAlive(every time.Duration, stop <-chan struct{}) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			if b.send(bgp.NewBGPKeepAliveMessage()) != nil {
				b.conn.Close() // the reader tells
				return
			}
		}
	}
}

// open is the OPEN: which routes are wanted, and that AS numbers have 4 octets.
func (b *bgpSession) open() *bgp.BGPMessage {
	as := b.cfg.AS
	short := uint16(asTrans)
	if as < 1<<16 {
		short = uint16(as)
	}
	m, err := bgp.NewBGPOpenMessage(short, uint16(b.cfg.HoldTime/time.Second), netip.MustParseAddr(b.cfg.RouterID), []bgp.OptionParameterInterface{
		bgp.NewOptionParameterCapability([]bgp.ParameterCapabilityInterface{
			bgp.NewCapMultiProtocol(bgp.RF_IPv4_UC),
			bgp.NewCapMultiProtocol(bgp.RF_IPv6_UC),
			bgp.NewCapFourOctetASNumber(as),
		}),
	})
	if err != nil {
		panic("routes: a router id that wasn't validated: " + err.Error())
	}
	return m
}

// unexpected tells why a message of that type ends the session.
func (b *bgpSession) unexpected(m *bgp.BGPMessage) error {
	if n, ok := m.Body.(*bgp.BGPNotification); ok {
		return fmt.Errorf("the neighbor has ended it: %s", bgp.NewNotificationErrorCode(n.ErrorCode, n.ErrorSubcode))
	}
	return bgp.NewMessageError(bgp.BGP_ERROR_FSM_ERROR, 0, nil, fmt.Sprintf("message of type %d comes when it should not", m.Header.Type))
}

// next is the next message with its header; it is valid until the next call.
func (b *bgpSession) next() ([]byte, error) {
	header, err := b.in.Peek(bgp.BGP_HEADER_LENGTH)
	if err != nil {
		return nil, err
	}
	var h bgp.BGPHeader
	if err := h.DecodeFromBytes(header); err != nil {
		return nil, err
	}
	if h.Len > bgp.BGP_MAX_MESSAGE_LENGTH {
		return nil, bgp.NewMessageError(bgp.BGP_ERROR_MESSAGE_HEADER_ERROR, bgp.BGP_ERROR_SUB_BAD_MESSAGE_LENGTH, nil, "message is too long")
	}
	if cap(b.message) < int(h.Len) {
		b.message = make([]byte, bgp.BGP_MAX_MESSAGE_LENGTH)
	}
	b.message = b.message[:h.Len]
	_, err = io.ReadFull(b.in, b.message)
	return b.message, err
}

// send sends a message. It is safe beside others that send.
func (b *bgpSession) send(m *bgp.BGPMessage) error {
	raw, err := m.Serialize()
	if err != nil {
		return err
	}
	b.conn.SetWriteDeadline(time.Now().Add(sendTimeout))
	_, err = b.conn.Write(raw)
	return err
}

// notify tells the neighbour why the session ends. That it can't be told changes nothing.
func (b *bgpSession) notify(code, subcode uint8) {
	_ = b.send(bgp.NewBGPNotificationMessage(code, subcode, nil))
}
