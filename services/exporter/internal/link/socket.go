package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

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

// dial resolves the address and connects, from the given local port if it is free. A name with addresses of both kinds
// means the IPv4 one: many collectors listen on IPv4 alone, and UDP doesn't tell before it is too late.
func dial(ctx context.Context, address string, port int) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var errs []error
	for _, network := range networks(address) {
		if port != 0 {
			if s, err := dialFrom(ctx, network, &net.UDPAddr{Port: port}, address); err == nil {
				return s, nil
			}
		}
		s, err := dialFrom(ctx, network, nil, address)
		if err == nil {
			return s, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("connect to %s: %w", address, errors.Join(errs...))
}

// networks are the kinds of addresses to try.
func networks(address string) []string {
	host, _, _ := net.SplitHostPort(address)
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return []string{"udp4", "udp6"}
	case ip.Unmap().Is4():
		return []string{"udp4"}
	default:
		return []string{"udp6"}
	}
}

// dialFrom connects from a local address, any if it is nil.
func dialFrom(ctx context.Context, network string, local *net.UDPAddr, address string) (*socket, error) {
	var d net.Dialer
	if local != nil { // a nil *net.UDPAddr in the interface would not be nil
		d.LocalAddr = local
	}
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn := c.(*net.UDPConn)
	if err := conn.SetWriteBuffer(sendBuffer); err != nil {
		conn.Close()
		return nil, fmt.Errorf("set the send buffer: %w", err)
	}
	s := &socket{conn: conn, port: conn.LocalAddr().(*net.UDPAddr).Port}
	if network == "udp4" {
		s.batch = ipv4.NewPacketConn(conn)
	} else {
		s.batch = ipv6.NewPacketConn(conn)
	}
	return s, nil
}

func (s *socket) close() { s.conn.Close() }
