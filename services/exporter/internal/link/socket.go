package link

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// sendBuffer is asked of the kernel for each socket; it gives what it allows.
const sendBuffer = 1 << 20

// socket is a connected UDP socket.
type socket struct {
	conn  *net.UDPConn
	batch batchWriter
	port  int
}

// batchWriter is what ipv4.PacketConn and ipv6.PacketConn share: sendmmsg on Linux, one datagram a call elsewhere.
type batchWriter interface {
	WriteBatch(ms []ipv4.Message, flags int) (int, error)
}

// dial resolves the address and connects, from the given local port if it is free.
func dial(ctx context.Context, address string, port int) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if port != 0 {
		if s, err := dialFrom(ctx, &net.UDPAddr{Port: port}, address); err == nil {
			return s, nil
		}
	}
	return dialFrom(ctx, nil, address)
}

func dialFrom(ctx context.Context, local *net.UDPAddr, address string) (*socket, error) {
	var d net.Dialer
	if local != nil {
		d.LocalAddr = local
	}
	c, err := d.DialContext(ctx, "udp", address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	conn := c.(*net.UDPConn)
	if err := conn.SetWriteBuffer(sendBuffer); err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to %s: set the send buffer: %w", address, err)
	}
	s := &socket{conn: conn, port: conn.LocalAddr().(*net.UDPAddr).Port}
	if conn.RemoteAddr().(*net.UDPAddr).IP.To4() != nil {
		s.batch = ipv4.NewPacketConn(conn)
	} else {
		s.batch = ipv6.NewPacketConn(conn)
	}
	return s, nil
}

func (s *socket) close() { s.conn.Close() }
