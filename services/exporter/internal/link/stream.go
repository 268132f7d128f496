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

// stream is a TCP connection, or one of TLS on it.
type stream struct {
	conn    net.Conn
	out     *bufio.Writer
	timeout time.Duration
}

func newStream(conn net.Conn, t *times) *stream {
	return &stream{conn: conn, out: bufio.NewWriterSize(conn, 1<<16), timeout: t.write}
}

// write implements transport. It may take the write timeout: TCP has a collector that can't follow make the sender wait. When
// it fails nobody can tell what has arrived, so none of the datagrams counts as sent.
func (s *stream) write(_ context.Context, datagrams [][]byte) (sent int, why Reason, err error) {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return 0, Failing, err
	}
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
