// Package embedded runs JetStream inside the process: file storage below the data directory, a connection without a
// socket, and a listener on loopback for the other commands of the same machine.
package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Server is a running JetStream.
type Server struct{ srv *server.Server }

// Start starts JetStream with its files below dir.
func Start(dir string, log *slog.Logger) (*Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "netstream",
		Host:       "127.0.0.1",
		Port:       server.RANDOM_PORT,
		JetStream:  true,
		StoreDir:   dir,
		// Limits are those of the streams and of the disk; the account has none of its own.
		JetStreamMaxStore:  1 << 50,
		JetStreamMaxMemory: 64 << 20,
		MaxPayload:         8 << 20,
		MaxPending:         256 << 20,
		NoSigs:             true,
		NoSystemAccount:    false,
	})
	if err != nil {
		return nil, fmt.Errorf("embedded JetStream: %w", err)
	}
	srv.SetLoggerV2(logger{log}, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(60 * time.Second) {
		srv.Shutdown()
		return nil, errors.New("embedded JetStream: not ready within a minute")
	}
	if !srv.JetStreamEnabled() {
		srv.Shutdown()
		return nil, fmt.Errorf("embedded JetStream: can't store in %s: is it writable, is the disk full?", dir)
	}
	return &Server{srv}, nil
}

// Connect connects without a socket.
func (s *Server) Connect(name string) (*nats.Conn, error) {
	conn, err := nats.Connect("", nats.InProcessServer(s.srv), nats.Name(name), nats.MaxReconnects(-1))
	if err != nil {
		return nil, fmt.Errorf("connect to embedded JetStream: %w", err)
	}
	return conn, nil
}

// URL is where other processes of this machine find the server.
func (s *Server) URL() string { return s.srv.ClientURL() }

// Close stops the server and waits for its files to be written.
func (s *Server) Close() {
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
}

// logger passes the server's messages on: its notices are this program's debug messages.
type logger struct{ log *slog.Logger }

func (l logger) Noticef(f string, v ...any) { l.log.Debug("jetstream", "msg", fmt.Sprintf(f, v...)) }
func (l logger) Warnf(f string, v ...any)   { l.log.Warn("jetstream", "msg", fmt.Sprintf(f, v...)) }
func (l logger) Errorf(f string, v ...any)  { l.log.Error("jetstream", "msg", fmt.Sprintf(f, v...)) }
func (l logger) Fatalf(f string, v ...any)  { l.log.Error("jetstream", "msg", fmt.Sprintf(f, v...)) }
func (l logger) Debugf(f string, v ...any)  {}
func (l logger) Tracef(f string, v ...any)  {}
