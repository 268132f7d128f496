package api

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"netstream/pipeline/control"
	"netstream/services/analyzer/internal/query"
	"netstream/services/analyzer/internal/questions"
	"netstream/services/analyzer/internal/store"
)

// maxBody bounds a posted statement; the engine's own bound is below it.
const maxBody = 128 << 10

// query answers SQL.
func (s *Server) query(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	sql := values.Get("q")
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			writeJSON(w, http.StatusRequestEntityTooLarge, failure{fmt.Sprintf("the body: %v", err)})
			return
		}
		sql = string(body)
	}
	s.answer(w, values, func(sink query.Sink) error { return s.answers.Query(r.Context(), sql, sink) })
}

// ask answers one of the questions.
func (s *Server) ask(w http.ResponseWriter, r *http.Request, question string) {
	values := r.URL.Query()
	parameters := map[string]string{}
	for name := range values {
		if name != "format" && name != "by" {
			parameters[name] = values.Get(name)
		}
	}
	s.answer(w, values, func(sink query.Sink) error { return s.answers.Ask(r.Context(), question, parameters, sink) })
}

// topBy are the questions that rank something.
var topBy = []string{"talkers", "receivers", "pairs", "applications", "protocols", "interfaces"}

func (s *Server) top(w http.ResponseWriter, r *http.Request) {
	by := r.URL.Query().Get("by")
	if by == "" {
		by = topBy[0]
	}
	if !slices.Contains(topBy, by) {
		writeJSON(w, http.StatusBadRequest, failure{fmt.Sprintf("by: %q, want one of %s", by, strings.Join(topBy, ", "))})
		return
	}
	s.ask(w, r, by)
}

// ledger answers with the counters of every hop.
func (s *Server) ledger(w http.ResponseWriter, r *http.Request) {
	const sql = `SELECT source, hop, CASE shard WHEN 65535 THEN NULL ELSE shard END AS shard, name, packets, bytes, rows,
		printf('%016x%016x', digest_hi, digest_lo) AS digest FROM ledger ORDER BY source, hop, shard, name`
	s.answer(w, r.URL.Query(), func(sink query.Sink) error { return s.answers.Query(r.Context(), sql, sink) })
}

// audit answers with the books; 409 when they don't close.
func (s *Server) audit(w http.ResponseWriter, r *http.Request) {
	report, err := s.answers.Audit(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	status := http.StatusOK
	if report.Failed() != nil {
		status = http.StatusConflict
	}
	s.metrics.Requests.WithLabelValues("ok").Inc()
	writeJSON(w, status, report)
}

// answer writes what run gives in the format asked for.
func (s *Server) answer(w http.ResponseWriter, values url.Values, run func(query.Sink) error) {
	start := time.Now()
	defer func() { s.metrics.Seconds.Add(time.Since(start).Seconds()) }()
	var sink query.Sink
	var contentType string
	switch f := values.Get("format"); f {
	case "", "json":
		sink, contentType = query.JSON(w), "application/json"
	case "csv":
		sink, contentType = query.CSV(w), "text/csv; charset=utf-8"
	default:
		writeJSON(w, http.StatusBadRequest, failure{fmt.Sprintf("format: %q, want json or csv", f)})
		return
	}
	lazy := &headed{Sink: sink, start: func() { w.Header().Set("Content-Type", contentType) }}
	err := run(lazy)
	switch {
	case err == nil:
		s.metrics.Requests.WithLabelValues("ok").Inc()
	case lazy.started:
		// The answer has begun, so its status is out: breaking it off is how the other side learns.
		s.log.Debug("answer broken off", "error", err)
		panic(http.ErrAbortHandler)
	default:
		s.fail(w, err)
	}
}

// headed sets the header when the answer begins.
type headed struct {
	query.Sink
	start   func()
	started bool
}

func (h *headed) Start(columns []query.Column) error {
	h.started = true
	h.start()
	return h.Sink.Start(columns)
}

// outcomes of errors: the status, and the label of the metric.
var outcomes = []struct {
	err    error
	status int
	label  string
}{
	{query.ErrRefused, http.StatusForbidden, "refused"},
	{questions.ErrUnknown, http.StatusNotFound, "refused"},
	{questions.ErrParameter, http.StatusBadRequest, "refused"},
	{query.ErrTimeout, http.StatusGatewayTimeout, "timeout"},
	{control.ErrRefused, http.StatusBadRequest, "refused"},
	{control.ErrUnanswered, http.StatusGatewayTimeout, "timeout"},
	{control.ErrNobody, http.StatusServiceUnavailable, "failed"},
	{query.ErrBusy, http.StatusServiceUnavailable, "busy"},
	{store.ErrMemory, http.StatusInsufficientStorage, "memory"},
}

// fail writes an error. What is not the asker's choice of words is theirs all the same: DuckDB says what is wrong with
// the SQL, with the line and a caret.
func (s *Server) fail(w http.ResponseWriter, err error) {
	status, label := http.StatusBadRequest, "failed"
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			status, label = o.status, o.label
			break
		}
	}
	s.metrics.Requests.WithLabelValues(label).Inc()
	writeJSON(w, status, failure{err.Error()})
}

// Labels lists the outcomes that the metric of requests counts.
func Labels() []string {
	labels := map[string]bool{"ok": true, "failed": true}
	for _, o := range outcomes {
		labels[o.label] = true
	}
	return slices.Sorted(maps.Keys(labels))
}
