package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// connectTimeout is for one address: resolving, connecting, and the handshake of TLS.
const connectTimeout = 5 * time.Second

// sendBuffer is asked of the kernel for each socket; it gives what it allows.
const sendBuffer = 1 << 20

// session is a connection to one of the addresses.
type session struct {
	transport
	at         int // 0: Config.Address, 1: the first of Config.Standby
	since      time.Time
	introduced bool   // it was sent the templates
	templates  uint64 // which those were
}

// transport is what a session sends on.
type transport interface {
	// write sends as many of the datagrams as it can. When that isn't all, why says what is wrong with the next. An error says that
	// the session is of no more use.
	write(ctx context.Context, datagrams [][]byte) (sent int, why Reason, err error)
	// watch returns when the other side has ended the session, with an error, or with none when it can't tell.
	watch() error
	localPort() int // to be taken again; 0: none
	close()
}

// dial opens a transport to an address, from the local port of the sessions before it if that is free.
func dial(ctx context.Context, l *Link, address string) (transport, error) {
	conn, err := connect(ctx, &l.Config, address, l.LocalPort())
	if err != nil {
		return nil, err
	}
	if udp, ok := conn.(*net.UDPConn); ok {
		return newSocket(udp, l), nil
	}
	return newStream(conn, &l.times), nil
}

// connect resolves an address and connects, from the port that the source names, or else from the given one if it is free. A
// name with addresses of both kinds means over UDP the IPv4 one, unless the source is of the other: many collectors listen on
// IPv4 alone, and UDP doesn't tell before it is too late.
func connect(ctx context.Context, cfg *Config, address string, port int) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var errs []error
	ports := []int{0}
	if port != 0 {
		ports = []int{port, 0}
	}
	if p := int(cfg.Source.Port()); p != 0 {
		ports = []int{p}
	}
	for _, network := range networks(cfg, address) {
		var err error
		for _, p := range ports {
			var conn net.Conn
			if conn, err = connectFrom(ctx, network, p, cfg, address); err == nil {
				return conn, nil
			}
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("connect to %s: %w", address, errors.Join(errs...))
}

// networks are the kinds of addresses to try.
func networks(cfg *Config, address string) []string {
	if cfg.Transport != UDP {
		return []string{"tcp"} // the dialer tries all that the source allows
	}
	host, _, _ := net.SplitHostPort(address)
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

// connectFrom connects from a local port, 0 for any.
func connectFrom(ctx context.Context, network string, port int, cfg *Config, address string) (net.Conn, error) {
	var d net.Dialer
	if ip, zone := cfg.Source.Addr().AsSlice(), cfg.Source.Addr().Zone(); cfg.Transport == UDP {
		d.LocalAddr = &net.UDPAddr{IP: ip, Zone: zone, Port: port}
	} else {
		d.LocalAddr = &net.TCPAddr{IP: ip, Zone: zone, Port: port}
	}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if err := prepare(conn, cfg); err != nil {
		conn.Close()
		return nil, err
	}
	if cfg.Transport != TCPWithTLS {
		return conn, nil
	}
	secure, err := cfg.TLS.handshake(ctx, conn, address)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// prepare sets what is the same for all sockets.
func prepare(conn net.Conn, cfg *Config) error {
	if err := conn.(interface{ SetWriteBuffer(int) error }).SetWriteBuffer(sendBuffer); err != nil {
		return fmt.Errorf("set the send buffer: %w", err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		if err := giveUpAfter(tcp, silentTimeout); err != nil {
			return fmt.Errorf("set the time without an answer: %w", err)
		}
	}
	return mark(conn, cfg)
}

// mark sets what routers see of the packets.
func mark(conn net.Conn, cfg *Config) error {
	class, ttl := ipv4.NewConn(conn).SetTOS, ipv4.NewConn(conn).SetTTL
	if to, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil && !to.Addr().Unmap().Is4() {
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
