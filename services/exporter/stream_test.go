package exporter_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"netstream/schemas/wire/ipfix"
	"netstream/services/exporter"
)

// streamCollector keeps what comes by connections.
type streamCollector struct {
	net.Listener
	mu       sync.Mutex
	conns    []net.Conn
	sessions [][]byte // what came by each
}

// listenTCP makes a collector; secure is nil for one without TLS.
func listenTCP(t testing.TB, address string, secure *tls.Config) *streamCollector {
	t.Helper()
	in, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if secure != nil {
		in = tls.NewListener(in, secure)
	}
	c := &streamCollector{Listener: in}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := in.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			i := len(c.conns)
			c.conns, c.sessions = append(c.conns, conn), append(c.sessions, nil)
			c.mu.Unlock()
			done.Go(func() { c.keep(i, conn) })
		}
	})
	t.Cleanup(func() { c.stop(); done.Wait() })
	return c
}

func (c *streamCollector) keep(i int, conn net.Conn) {
	for b := make([]byte, 1<<16); ; {
		n, err := conn.Read(b)
		c.mu.Lock()
		c.sessions[i] = append(c.sessions[i], b[:n]...)
		c.mu.Unlock()
		if err != nil {
			conn.Close()
			return
		}
	}
}

// stop closes the listener and ends all connections.
func (c *streamCollector) stop() {
	c.Close()
	for i := range c.session() {
		c.cut(i)
	}
}

// cut ends a connection: the other side is told, and what it has sent until then still arrives.
func (c *streamCollector) cut(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if end, ok := c.conns[i].(interface{ CloseWrite() error }); ok {
		_ = end.CloseWrite()
	}
}

// session is the messages of each session. One that was cut ends with a part of a message, which isn't among them.
func (c *streamCollector) session() (out [][][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.sessions {
		var messages [][]byte
		for len(b) >= ipfix.HeaderLen && len(b) >= int(binary.BigEndian.Uint16(b[2:])) {
			n := int(binary.BigEndian.Uint16(b[2:]))
			messages = append(messages, bytes.Clone(b[:n]))
			b = b[n:]
		}
		out = append(out, messages)
	}
	return out
}

// received is the messages of all sessions but those with templates.
func (c *streamCollector) received() (out [][]byte) {
	for _, messages := range c.session() {
		if len(messages) > 0 {
			out = append(out, messages[1:]...)
		}
	}
	return out
}

// await waits for n messages beside those with templates.
func (c *streamCollector) await(t testing.TB, n int) {
	t.Helper()
	waitFor(t, func() bool { return len(c.received()) >= n })
}

// destination completes a destination with this collector's address.
func (c *streamCollector) destination(d exporter.Destination) exporter.Destination {
	defaults := exporter.DefaultDestination()
	d.Format, d.TemplateDatagrams, d.TemplateInterval = exporter.IPFIX, defaults.TemplateDatagrams, defaults.TemplateInterval
	if d.Transport == "" {
		d.Transport = exporter.TCP
	}
	d.Address = c.Addr().String()
	return d
}

// certificate makes a certificate for a collector on loopback, and a file with its authority, which is itself.
func certificate(t testing.TB) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// TestEveryFlowArrivesByConnection compares what a collector decodes of a connection with what went in.
func TestEveryFlowArrivesByConnection(t *testing.T) {
	l, rnd := open(t), newFlows(40)
	var flows []testFlow
	for i := range 30 {
		part := rnd.mixed(300)
		l.publish(t, i%2, part)
		flows = append(flows, part...)
	}
	pair, ca := certificate(t)
	for _, tt := range []struct {
		name     string
		secure   *tls.Config
		sampling uint32
		dest     exporter.Destination
	}{
		{"tcp", nil, 0, exporter.Destination{Transport: exporter.TCP}},
		{"tcp with sampling, small messages", nil, 100, exporter.Destination{Transport: exporter.TCP, MTU: 512, SourceID: 7}},
		{"tcp, the largest messages", nil, 0, exporter.Destination{Transport: exporter.TCP, MTU: 65535}},
		{"tls", &tls.Config{Certificates: []tls.Certificate{pair}}, 100, exporter.Destination{Transport: exporter.TLS, TLS: exporter.Certificates{CA: ca}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := listenTCP(t, "127.0.0.1:0", tt.secure)
			d := c.destination(tt.dest)
			s := l.export(t, exporter.Config{Name: exporterName(t), Sampling: tt.sampling, Destinations: []exporter.Destination{d}})
			totals := s.Totals()[0]
			c.await(t, int(totals.Datagrams))
			sessions := c.session()
			if len(sessions) != 1 {
				t.Fatalf("%d sessions, want 1", len(sessions))
			}
			if diff := difference(records(flows, d.Format), decode(t, sessions[0], d)); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if in := l.sum(flows); totals.Sent.Flows+totals.NotCarried.Flows != in.Flows || totals.Unsent != (exporter.Tally{}) {
				t.Errorf("the books don't close: %+v, in %+v", totals, in)
			}
		})
	}
}

// TestAggregatesByConnection finds the templates of aggregates at the beginning of the session, and data of no others.
func TestAggregatesByConnection(t *testing.T) {
	l, rnd, c := open(t), newFlows(42), listenTCP(t, "127.0.0.1:0", nil)
	for range 3 {
		l.publish(t, 0, rnd.ipv4(200))
	}
	d := c.destination(exporter.Destination{Aggregations: []string{"protocol-port", "as"}})
	cfg := exporter.Config{Name: "e", Sampling: 10, Aggregations: aggregations(time.Second), Checkpoint: time.Minute, Destinations: []exporter.Destination{d}}
	s := l.export(t, cfg)
	c.await(t, max(1, int(s.Totals()[0].Datagrams)))
	known := map[uint16]bool{}
	for i, m := range c.session()[0] {
		_, sets, err := ipfix.Open(m)
		if err != nil {
			t.Fatal(err)
		}
		for sets.Next() {
			set := sets.Set()
			var template ipfix.Template
			for in := set.Templates(); in.Next(&template); {
				if known[template.ID] = true; i > 0 {
					t.Errorf("message %d has template %d, which belongs into the first", i, template.ID)
				}
			}
			if set.Kind() == ipfix.Data && !known[set.ID] {
				t.Errorf("message %d has data before template %d", i, set.ID)
			}
		}
	}
	if len(known) != 6 { // two modes, each for two IP versions, and the options
		t.Errorf("templates %v, want 6", known)
	}
}

// TestSessionsAreReadAlone ends a connection while flows are sent, or all of the collector, which starts again. Each session can be
// read without the one before it, and what they bring together is all flows, with those of the message in hand twice at most.
func TestSessionsAreReadAlone(t *testing.T) {
	const size = 200
	l, rnd := open(t), newFlows(41)
	var flows []testFlow
	for i := range 30 {
		part := rnd.mixed(size)
		l.publish(t, i%2, part)
		flows = append(flows, part...)
	}
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %t", restart), func(t *testing.T) {
			c := listenTCP(t, "127.0.0.1:0", nil)
			d := c.destination(exporter.Destination{MTU: 600, Rate: 1000}) // some 700 datagrams
			s := l.start(t, exporter.Config{Name: exporterName(t), Sampling: 10, Destinations: []exporter.Destination{d}})
			c.await(t, 200)
			collectors := []*streamCollector{c}
			if restart {
				c.stop()
				collectors = append(collectors, listenTCP(t, c.Addr().String(), nil))
			} else {
				c.cut(0)
			}
			waitFor(t, func() bool { return s.Position() >= l.last })
			var got []record
			want := records(flows, d.Format)
			waitFor(t, func() bool { // the last datagrams may still be on their way
				got = got[:0]
				for _, c := range collectors {
					for _, session := range c.session() {
						got = append(got, decode(t, session, d)...)
					}
				}
				return len(got) >= len(want) && difference(want, distinct(got)) == ""
			})
			if more := len(got) - len(want); more > size {
				t.Errorf("%d records came twice, want those of one message at most", more)
			}
			if totals := s.Totals()[0]; totals.Unsent != (exporter.Tally{}) {
				t.Errorf("unsent %+v, want nothing: the collector was away for a moment", totals.Unsent)
			}
			label := `{destination="` + d.Name() + `",exporter="` + exporterName(t) + `"}`
			if m := gather(t, s.metrics); m["exporter_repeated_messages_total"+label] > 1 || m["exporter_failed_connections_total"+label] < 1 {
				t.Errorf("%v messages were repeated, %v connections failed; want 1 at most and at least", m["exporter_repeated_messages_total"+label], m["exporter_failed_connections_total"+label])
			}
		})
	}
}

// distinct leaves out records that came before.
func distinct(rs []record) []record {
	slices.SortFunc(rs, record.compare)
	return slices.Compact(slices.Clone(rs))
}

// TestKillByConnection kills an exporter that sends by connections, in a process of its own, at random moments.
func TestKillByConnection(t *testing.T) {
	const kills = 6
	in := messages(60, 400)
	ref, l := open(t), open(t)
	to, c := listenTCP(t, "127.0.0.1:0", nil), listenTCP(t, "127.0.0.1:0", nil)
	reference := ref.start(t, exporter.Config{Name: "stepwise", Destinations: []exporter.Destination{to.destination(exporter.Destination{})}})
	var want [][][]byte
	total := 0
	for i, flows := range in {
		ref.publish(t, i%2, flows)
		if err := reference.Wait(t.Context(), ref.last); err != nil {
			t.Fatal(err)
		}
		to.await(t, int(reference.Totals()[0].Datagrams))
		all := to.received()
		want = append(want, all[total:])
		total = len(all)
		l.publish(t, i%2, flows)
	}
	var at []int
	for range kills {
		at = append(at, mathrand.IntN(total))
	}
	slices.Sort(at)
	t.Logf("kills after %v of %d messages", at, total)
	for _, n := range at {
		child := l.child(t, "tcp", c.Addr())
		c.await(t, n)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // killed
	}
	last := l.child(t, "tcp", c.Addr())
	defer func() { _ = last.Process.Kill(); _ = last.Wait() }()
	repeats := follow(t, want, c)
	if repeats > kills {
		t.Errorf("%d messages were repeated after %d kills", repeats, kills)
	}
	t.Logf("%d of %d kills made a message repeat", repeats, kills)
}
