// Package api answers questions over HTTP.
//
//	GET, POST /api/query              ?q=SQL or the SQL as body; ?format=json|csv
//	GET       /api/questions          the questions people ask most, with their parameters and SQL
//	GET       /api/questions/{name}   the answer to one; its parameters and format in the query string
//	GET       /api/top                ?by=talkers|receivers|pairs|applications|protocols|interfaces, and its parameters
//	GET       /api/flows              the question flows
//	GET       /api/sources            the question sources
//	GET       /api/ledger             the counters of every hop
//	GET       /api/audit              the books, hop by hop
//	POST      /api/age                forced aging; source, monitor, filter as JSON
//
// It has no authentication and so listens on loopback only. Errors are JSON: {"error": …}.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/control"
	"netstream/services/analyzer/audit"
	"netstream/services/analyzer/internal/query"
	"netstream/services/analyzer/internal/questions"
)

// Answerer is who knows the answers.
type Answerer interface {
	Query(ctx context.Context, sql string, sink query.Sink) error
	Ask(ctx context.Context, question string, parameters map[string]string, sink query.Sink) error
	Audit(ctx context.Context) (*audit.Report, error)
}

// Metrics of the API.
type Metrics struct {
	Requests *prometheus.CounterVec // by outcome: ok, refused, timeout, busy, failed
	Seconds  prometheus.Counter
}

// Server is the API on its listener.
type Server struct {
	listener net.Listener
	answers  Answerer
	metrics  *Metrics
	log      *slog.Logger

	// Force asks the agers for forced aging. It is set before Serve.
	Force func(context.Context, control.Request) (control.Result, error)
}

// Listen takes the address; Serve answers on it.
func Listen(address string, a Answerer, m *Metrics, log *slog.Logger) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for questions: %w; set analyzer.api.listen to a free port", err)
	}
	return &Server{listener: l, answers: a, metrics: m, log: log}, nil
}

// Address is where the API listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close gives the address up; Serve does it too.
func (s *Server) Close() error { return s.listener.Close() }

// Serve answers until ctx ends, and then finishes what it is answering for at most a second.
func (s *Server) Serve(ctx context.Context) error {
	srv := &http.Server{
		Handler: localOnly(s.routes()), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 128 << 10,
		BaseContext:    func(net.Listener) context.Context { return ctx }, // the end of ctx cancels the questions
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(s.listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("answer questions: %w", err)
	case <-ctx.Done():
	}
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := srv.Shutdown(short)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/query", s.query)
	mux.HandleFunc("POST /api/query", s.query)
	mux.HandleFunc("GET /api/questions", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, questions.All()) })
	mux.HandleFunc("GET /api/questions/{name}", func(w http.ResponseWriter, r *http.Request) { s.ask(w, r, r.PathValue("name")) })
	mux.HandleFunc("GET /api/top", s.top)
	mux.HandleFunc("GET /api/flows", func(w http.ResponseWriter, r *http.Request) { s.ask(w, r, "flows") })
	mux.HandleFunc("GET /api/sources", func(w http.ResponseWriter, r *http.Request) { s.ask(w, r, "sources") })
	mux.HandleFunc("GET /api/ledger", s.ledger)
	mux.HandleFunc("GET /api/audit", s.audit)
	mux.Handle("POST /api/age", sameOrigin(http.HandlerFunc(s.age)))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusNotFound, failure{fmt.Sprintf("no %s %s here; see /api/questions", r.Method, r.URL.Path)})
	})
	return mux
}

// localOnly refuses requests under another name than this machine's: a page in a browser could otherwise have its own
// name point here and read the answers (DNS rebinding).
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if host != "localhost" && net.ParseIP(host) == nil {
			writeJSON(w, http.StatusForbidden, failure{fmt.Sprintf("host %q: ask under localhost or an address", host)})
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// failure is the body of an error.
type failure struct {
	Error string `json:"error"`
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // who asked has gone
}
