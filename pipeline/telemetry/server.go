package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits on clients: an idle or slow one may not hold a connection for ever. Answers have no time
// limit, as a CPU profile takes as long as was asked for.
const (
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
	drainTimeout  = time.Second // for answers under way when the process stops
)

// Server serves a Handler over HTTP.
type Server struct {
	listen  string
	handler http.Handler
	log     *slog.Logger
	ready   chan struct{}
	addr    net.Addr
}

// NewServer returns a server that will listen on the address, "" = nowhere.
func NewServer(listen string, handler http.Handler, log *slog.Logger) *Server {
	return &Server{listen: listen, handler: handler, log: log, ready: make(chan struct{})}
}

// Ready is closed when the server listens, or when it is off and runs.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr returns the address on which the server listens: nil before Ready and when it is off.
func (s *Server) Addr() net.Addr {
	select {
	case <-s.ready:
		return s.addr
	default:
		return nil
	}
}

// Run serves until ctx ends, then lets answers under way finish for a second. It is called once.
func (s *Server) Run(ctx context.Context) error {
	if s.listen == "" {
		close(s.ready)
		<-ctx.Done()
		return nil
	}
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("%w (telemetry.listen chooses another address)", err)
	}
	s.addr = l.Addr()
	close(s.ready)
	s.log.Info("telemetry listens", "address", s.addr.String())

	srv := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // what clients do wrong
		BaseContext:       func(net.Listener) context.Context { return ctx },   // ends profiles under way
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("telemetry on %s: %w", s.addr, err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := srv.Shutdown(drain); err != nil {
		srv.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("telemetry on %s: %w", s.addr, err)
	}
	return nil
}
