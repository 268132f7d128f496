// Package embedded runs JetStream inside the process: file storage below the data directory, a connection without a
// socket, and a listener on loopback for the other commands of the same machine.
package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Server is a running JetStream.
type Server struct{ srv *server.Server }

// Start starts JetStream with its files below dir, which no other process may use. It returns when the server is ready,
// or with the reason why it can't be.
//
// What a process is killed with is on disk: the server writes each message to its file before it acknowledges it. It
// syncs files every two minutes, so a power cut may lose what was acknowledged since.
func Start(dir string, log *slog.Logger) (*Server, error) {
	if err := writable(dir); err != nil {
		return nil, fmt.Errorf("embedded JetStream in %s: %w: is the directory writable, is the disk full?", dir, err)
	}
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
		// What may wait for one connection: a reader asks for 16 messages at a time, each of MaxPayload at most.
		MaxPending: 256 << 20,
		NoSigs:     true,
	})
	if err != nil {
		return nil, fmt.Errorf("embedded JetStream: %w", err)
	}
	fatal := make(chan string, 1)
	srv.SetLoggerV2(logger{log, fatal}, false, false, false)
	srv.Start()
	if err := ready(srv, fatal); err != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, fmt.Errorf("embedded JetStream in %s: %w", dir, err)
	}
	return &Server{srv}, nil
}

// patience is how long a server may take to read its files: a full store of 64 GiB streams needs seconds.
const patience = 2 * time.Minute

// ready waits until the server takes connections. A server that can't open its store says so to its logger alone.
func ready(srv *server.Server, fatal <-chan string) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		select {
		case reason := <-fatal:
			return errors.New(reason)
		default:
		}
		if srv.ReadyForConnections(50*time.Millisecond) && srv.JetStreamEnabled() {
			return nil
		}
	}
	return fmt.Errorf("not ready within %s", patience)
}

// writable makes the directory and a file in it, to say early what is wrong.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, 4096))
	return errors.Join(err, f.Close())
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

// logger passes the server's messages on: its notices are this program's debug messages. The first reason for which it
// gives up goes to fatal.
type logger struct {
	log   *slog.Logger
	fatal chan<- string
}

func (l logger) Noticef(f string, v ...any) { l.log.Debug("jetstream", "msg", fmt.Sprintf(f, v...)) }
func (l logger) Warnf(f string, v ...any)   { l.log.Warn("jetstream", "msg", fmt.Sprintf(f, v...)) }
func (l logger) Errorf(f string, v ...any)  { l.log.Error("jetstream", "msg", fmt.Sprintf(f, v...)) }
func (l logger) Debugf(f string, v ...any)  {}
func (l logger) Tracef(f string, v ...any)  {}

func (l logger) Fatalf(f string, v ...any) {
	reason := fmt.Sprintf(f, v...)
	l.log.Error("jetstream", "msg", reason)
	select {
	case l.fatal <- reason:
	default:
	}
}
