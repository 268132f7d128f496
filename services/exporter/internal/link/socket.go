package link

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// chunk is how many datagrams go to the kernel in one call.
const chunk = 64

// Patience with one datagram.
const (
	refusals  = 8                // times it may meet the refusal of an earlier one
	roomWait  = time.Millisecond // first wait for a buffer, doubled each time
	roomWaits = 7                // 127 ms in all
)

// socket is a connected UDP socket.
type socket struct {
	conn     *net.UDPConn
	batch    batchWriter
	messages []ipv4.Message
	refused  func()
	refusing *refusing // nil: there is no other address to go to
}

// batchWriter is what ipv4.PacketConn and ipv6.PacketConn share: sendmmsg on Linux, one datagram a call elsewhere.
type batchWriter interface {
	WriteBatch(ms []ipv4.Message, flags int) (int, error)
}

func newSocket(conn *net.UDPConn, l *Link) *socket {
	s := &socket{conn: conn, batch: ipv4.NewPacketConn(conn), messages: make([]ipv4.Message, chunk), refused: l.Events.Refused}
	if conn.RemoteAddr().(*net.UDPAddr).IP.To4() == nil {
		s.batch = ipv6.NewPacketConn(conn)
	}
	if len(l.Standby) > 0 {
		s.refusing = &refusing{times: &l.times}
	}
	return s
}

func (s *socket) write(ctx context.Context, datagrams [][]byte) (sent int, why Reason, err error) {
	refused, roomless := 0, 0
	for sent < len(datagrams) {
		ms := s.messages[:min(len(datagrams)-sent, chunk)]
		for i := range ms {
			ms[i].Buffers = datagrams[sent+i : sent+i+1]
		}
		n, err := s.batch.WriteBatch(ms, 0)
		if n > 0 {
			sent, refused, roomless = sent+n, 0, 0
			if s.refusing != nil && s.refusing.n > 0 {
				s.refusing.sent(time.Now())
			}
			continue
		}
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			// The kernel hands on what an earlier datagram met and has not sent this one.
			s.refused()
			if s.refusing != nil && s.refusing.refused(time.Now()) {
				return sent, Failing, errRefused
			}
			if refused++; refused > refusals {
				return sent, Failing, nil
			}
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EMSGSIZE):
			return sent, TooBig, nil
		case errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
			if roomless++; roomless > roomWaits || pause(ctx, roomWait<<(roomless-1)) != nil {
				return sent, NoRoom, nil
			}
		default:
			return sent, Failing, err
		}
	}
	return sent, 0, nil
}

// watch implements transport: of a socket there is nothing to be told but by sending.
func (s *socket) watch() error { return nil }

func (s *socket) localPort() int { return s.conn.LocalAddr().(*net.UDPAddr).Port }

func (s *socket) close() { s.conn.Close() }
