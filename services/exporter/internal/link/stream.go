package link

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// silentTimeout is for how long what was sent on a connection may stay without an answer: a collector's machine that is
// gone says nothing.
const silentTimeout = 30 * time.Second

// errClosed is met when the collector has closed the connection.
var errClosed = errors.New("the collector has closed the connection")

// buffer is how many bytes go to the kernel in one call, and to TLS, which makes records of them.
const buffer = 1 << 16

// stream is a TCP connection, or one of TLS on it.
type stream struct {
	conn net.Conn
	out  *bufio.Writer
}

func newStream(conn net.Conn, t *times) *stream {
	return &stream{conn: conn, out: bufio.NewWriterSize(impatient{conn, t.write}, buffer)}
}

// impatient is a connection that fails when what is written isn't taken within some time.
type impatient struct {
	net.Conn
	timeout time.Duration
}

func (c impatient) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// write implements transport. TCP has a collector that can't follow make the sender wait. When it fails nobody can tell what has
// arrived, so none of the datagrams counts as sent.
func (s *stream) write(_ context.Context, datagrams [][]byte) (sent int, why Reason, err error) {
	for _, d := range datagrams {
		_, _ = s.out.Write(d) // Flush tells
	}
	if err := s.out.Flush(); err != nil {
		return 0, Failing, err
	}
	return len(datagrams), 0, nil
}

// watch implements transport. Collectors have nothing to say, but they close, and in TLS they refuse certificates after the
// handshake.
func (s *stream) watch() error {
	_, err := io.Copy(io.Discard, s.conn)
	if err == nil {
		err = errClosed
	}
	return err
}

// localPort implements transport: a new connection is a new session, and its port is left to the system, which keeps the one
// before for a while.
func (s *stream) localPort() int { return 0 }

func (s *stream) close() { s.conn.Close() }
