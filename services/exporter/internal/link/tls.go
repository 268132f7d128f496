package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// TLS is how a connection is secured. The files are PEM, and are read for each connection, so that they can be renewed.
type TLS struct {
	CA         string // file with the authorities that a collector's certificate may be of; empty: those of the system
	Cert, Key  string // files of the certificate that is shown to the collector; empty: none
	ServerName string // in the collector's certificate; empty: the host of the address
}

// handshake secures a connection to an address.
func (t *TLS) handshake(ctx context.Context, conn net.Conn, address string) (*tls.Conn, error) {
	cfg, err := t.config(address)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, cfg)
	begin := time.Now()
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	// In TLS 1.3 the collector sees this side's certificate when this side is through. What is sent before it refuses is lost, so it
	// gets the time for it: some round trips, which the handshake has measured.
	if err := silence(secure, verdict+2*time.Since(begin)); err != nil {
		return nil, fmt.Errorf("after the TLS handshake: %w", err)
	}
	return secure, nil
}

// verdict is how long a collector may take to refuse a certificate, beside the way.
const verdict = 100 * time.Millisecond

// silence waits on a connection on which the other side has nothing to say, and returns why it has ended if it does.
func silence(conn net.Conn, d time.Duration) error {
	if err := conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 1))
	var timeout net.Error
	if err != nil && (!errors.As(err, &timeout) || !timeout.Timeout()) {
		return err
	}
	return conn.SetReadDeadline(time.Time{})
}

func (t *TLS) config(address string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(address)
	}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("authorities: %w", err)
		}
		if cfg.RootCAs = x509.NewCertPool(); !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("authorities: no certificate in %s", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("certificate %s with key %s: %w", t.Cert, t.Key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}
