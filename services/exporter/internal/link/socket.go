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

// dial resolves the address and connects, from the port that the source names, or else from the given one if it is free. A name
// with addresses of both kinds means the IPv4 one, unless the source is of the other: many collectors listen on IPv4 alone, and UDP
// doesn't tell before it is too late.
func dial(ctx context.Context, cfg *Config, port int) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var errs []error
	from := net.UDPAddr{IP: cfg.Source.Addr().AsSlice(), Zone: cfg.Source.Addr().Zone()}
	ports := []int{0}
	if port != 0 {
		ports = []int{port, 0}
	}
	if p := int(cfg.Source.Port()); p != 0 {
		ports = []int{p}
	}
	for _, network := range networks(cfg) {
		var err error
		for _, p := range ports {
			local := from
			local.Port = p
			var s *socket
			if s, err = dialFrom(ctx, network, &local, cfg); err == nil {
				return s, nil
			}
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("connect to %s: %w", cfg.Address, errors.Join(errs...))
}

// networks are the kinds of addresses to try.
func networks(cfg *Config) []string {
	host, _, _ := net.SplitHostPort(cfg.Address)
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ip = cfg.Source.Addr()
	}
	switch {
	case !ip.IsValid():
		return []string{"udp4", "udp6"}
	case ip.Unmap().Is4():
		return []string{"udp4"}
	default:
		return []string{"udp6"}
	}
}

// dialFrom connects from a local address, whose parts may be empty.
func dialFrom(ctx context.Context, network string, local *net.UDPAddr, cfg *Config) (*socket, error) {
	d := net.Dialer{LocalAddr: local}
	c, err := d.DialContext(ctx, network, cfg.Address)
	if err != nil {
		return nil, err
	}
	conn := c.(*net.UDPConn)
	if err := conn.SetWriteBuffer(sendBuffer); err != nil {
		conn.Close()
		return nil, fmt.Errorf("set the send buffer: %w", err)
	}
	if err := mark(conn, network, cfg); err != nil {
		conn.Close()
		return nil, err
	}
	s := &socket{conn: conn, port: conn.LocalAddr().(*net.UDPAddr).Port}
	if network == "udp4" {
		s.batch = ipv4.NewPacketConn(conn)
	} else {
		s.batch = ipv6.NewPacketConn(conn)
	}
	return s, nil
}

// mark sets what routers see of the packets.
func mark(conn *net.UDPConn, network string, cfg *Config) error {
	class, ttl := ipv4.NewConn(conn).SetTOS, ipv4.NewConn(conn).SetTTL
	if network == "udp6" {
		class, ttl = ipv6.NewConn(conn).SetTrafficClass, ipv6.NewConn(conn).SetHopLimit
	}
	if cfg.DSCP != 0 {
		if err := class(cfg.DSCP << 2); err != nil {
			return fmt.Errorf("set DSCP %d: %w", cfg.DSCP, err)
		}
	}
	if cfg.TTL != 0 {
		if err := ttl(cfg.TTL); err != nil {
			return fmt.Errorf("set TTL %d: %w", cfg.TTL, err)
		}
	}
	return nil
}

func (s *socket) close() { s.conn.Close() }
