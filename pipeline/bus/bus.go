// Package bus is how everything travels: connections to JetStream, the streams of a pipeline, fenced publishing and
// reading from a position.
//
// The rule of all of it: a stage's position is written in its own output, in the same message as the data, and the
// output is fenced by the sequence of the last message on its subject. On start, and on any doubt, a stage reads that
// message again; what it finds there is the truth.
package bus

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"netstream/pipeline/config"
	"netstream/schemas/subject"
)

// Bus is one connection to the streams of one pipeline. It is safe for use by several goroutines.
type Bus struct {
	Pipeline subject.Pipeline
	Layout   Layout
	Timeout  time.Duration // of one request or acknowledgement
	conn     *nats.Conn
	link     *link
	js       jetstream.JetStream
}

// Config says where the bus is.
type Config struct {
	Pipeline string `yaml:"pipeline" doc:"name of the set of streams"`
	URL      string `yaml:"url" doc:"NATS server to connect to, e.g. nats://127.0.0.1:4222; empty: the embedded one"`
	Creds    string `yaml:"credentials" doc:"file with NATS user credentials (JWT and key); empty: none"`
	CA       string `yaml:"ca" doc:"file with the certificate authority of the server (PEM); empty: the system's"`
}

// DefaultConfig is pipeline live on the embedded server.
func DefaultConfig() Config { return Config{Pipeline: subject.Default} }

// Validate reports all problems.
func (c Config) Validate() error {
	var ps config.Problems
	if err := subject.Valid(c.Pipeline); err != nil {
		ps.Addf("pipeline", c.Pipeline, "1 to 64 letters, digits, _ or -")
	}
	if c.URL != "" && !validURLs(c.URL) {
		ps.Addf("url", c.URL, "nats://host:port or tls://host:port, several with commas, or nothing for the embedded server")
	}
	if c.URL == "" && c.Creds != "" {
		ps.Addf("credentials", c.Creds, "nothing: the embedded server (empty url) asks for none")
	}
	if c.URL == "" && c.CA != "" {
		ps.Addf("ca", c.CA, "nothing: the embedded server (empty url) uses no TLS")
	}
	return ps.Err()
}

// validURLs tells whether each of the servers has a scheme that the client knows and a host.
func validURLs(servers string) bool {
	for server := range strings.SplitSeq(servers, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil || u.Hostname() == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			return false
		}
	}
	return true
}

// Connect connects to the NATS server of the configuration. name shows in the server's list of connections.
func Connect(cfg Config, name string) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond),
		nats.RetryOnFailedConnect(false),
	}
	if cfg.Creds != "" {
		opts = append(opts, nats.UserCredentials(cfg.Creds))
	}
	if cfg.CA != "" {
		opts = append(opts, nats.RootCAs(cfg.CA))
	}
	conn, err := nats.Connect(cfg.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", cfg.URL, err)
	}
	return conn, nil
}

// New makes a bus of a connection and makes sure that the pipeline's streams exist with this layout. The connection
// stays the caller's, who closes it when the bus is done with.
func New(conn *nats.Conn, pipeline string, layout Layout) (*Bus, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	b := &Bus{Pipeline: subject.Pipeline(pipeline), Timeout: 10 * time.Second, conn: conn, js: js}
	if b.Layout, err = b.createStreams(layout); err != nil {
		return nil, err
	}
	b.link = watch(conn)
	return b, nil
}

// MaxBody is the largest body a message may have: what the server takes, less room for the header.
func (b *Bus) MaxBody() int { return int(b.conn.MaxPayload()) - headerRoom }

// headerRoom is kept free for a message's header.
const headerRoom = 16 << 10
