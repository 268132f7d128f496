package link

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{}
	pair := a.sign(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.file = filepath.Join(t.TempDir(), "ca.pem")
	writeCertificate(t, a.file, pair)
	return a
}

// sign makes a certificate; the first is the authority's own.
func (a *authority) sign(t testing.TB, c *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: "test"}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert == nil {
		a.cert, a.key = leaf, key
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// collector is the certificate of a collector on loopback.
func (a *authority) collector(t testing.TB) tls.Certificate {
	return a.sign(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"collector.example"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
}

// exporter writes a certificate for an exporter and returns its files.
func (a *authority) exporter(t testing.TB) (cert, key string) {
	t.Helper()
	pair := a.sign(t, &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, pair)
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return cert, key
}

func writeCertificate(t testing.TB, file string, c tls.Certificate) {
	t.Helper()
	write(t, file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
}

func write(t testing.TB, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func listenTLS(t testing.TB, cfg *tls.Config) net.Listener {
	t.Helper()
	return tls.NewListener(listenTCP(t, "127.0.0.1:0"), cfg)
}

func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	cert, key := ca.exporter(t)
	for _, tt := range []struct {
		name   string
		server *tls.Config
		client TLS
	}{
		{"by address", &tls.Config{}, TLS{CA: ca.file}},
		{"by name", &tls.Config{}, TLS{CA: ca.file, ServerName: "collector.example"}},
		{"with a certificate", &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}, TLS{CA: ca.file, Cert: cert, Key: key}},
		{"version 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, TLS{CA: ca.file}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.server.Certificates = []tls.Certificate{ca.collector(t)}
			a := accept(t, listenTLS(t, tt.server))
			l := start(t, Config{Address: a.Addr().String(), Transport: TCPWithTLS, TLS: tt.client})
			ds := datagrams(3*chunk+1, 1400)
			unlost(t, l, Batch{Datagrams: ds, Introduction: introduction})
			a.await(t, 0, introduction, ds)
		})
	}
}

// TestTLSRefused counts all as unsent where one side doesn't trust the other.
func TestTLSRefused(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	cert, key := other.exporter(t)
	for _, tt := range []struct {
		name   string
		server *tls.Config
		client TLS
	}{
		{"collector of another authority", &tls.Config{}, TLS{CA: other.file}},
		{"collector of another name", &tls.Config{}, TLS{CA: ca.file, ServerName: "elsewhere.example"}},
		{"no certificate", &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}, TLS{CA: ca.file}},
		{"certificate of another authority", &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}, TLS{CA: ca.file, Cert: cert, Key: key}},
		{"version 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, TLS{CA: ca.file}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.server.Certificates = []tls.Certificate{ca.collector(t)}
			a := accept(t, listenTLS(t, tt.server))
			l := start(t, Config{Address: a.Addr().String(), Transport: TCPWithTLS, TLS: tt.client})
			lost := 0
			if err := l.Send(context.Background(), Batch{Datagrams: datagrams(10, 100), Introduction: introduction}, func(int, Reason) { lost++ }); err != nil {
				t.Fatal(err)
			}
			if lost != 10 || l.Up() {
				t.Errorf("%d of 10 lost, up %t", lost, l.Up())
			}
		})
	}
}

// TestCertificateFiles names the file that is wrong, and reads it again for the next attempt.
func TestCertificateFiles(t *testing.T) {
	ca := newAuthority(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	write(t, empty, nil)
	for _, tt := range []struct {
		files TLS
		want  string
	}{
		{TLS{CA: "nowhere/ca.pem"}, "nowhere/ca.pem"},
		{TLS{CA: empty}, empty},
		{TLS{CA: ca.file, Cert: "nowhere/cert.pem", Key: "nowhere/key.pem"}, "nowhere/cert.pem"},
		{TLS{CA: ca.file, Cert: ca.file, Key: empty}, empty},
	} {
		if _, err := tt.files.config("192.0.2.1:4740"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want one that names %s", tt.files, err, tt.want)
		}
	}

	a := accept(t, listenTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.collector(t)}}))
	l := startWith(t, Config{Address: a.Addr().String(), Transport: TCPWithTLS, TLS: TLS{CA: empty}}, short)
	if l.Up() {
		t.Fatal("up without authorities")
	}
	b, err := os.ReadFile(ca.file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, empty, b)
	eventually(t, l.Up)
}
