package api

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"time"

	"netstream/pipeline/control"
)

// maxRequest bounds a posted request, and ageLimit the waiting for all flow shards.
const (
	maxRequest = 16 << 10
	ageLimit   = 20 * time.Second // within the server's ReadTimeout, whose end cancels a request
)

// sameOrigin refuses what a page of another site sends. A browser tells where it comes from; and a page of another site may
// send JSON only after asking, which nobody here answers.
func sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusForbidden, failure{fmt.Sprintf("origin %q: a page of another site can't change anything here", r.Header.Get("Origin"))})
	}))
	return protection.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			writeJSON(w, http.StatusUnsupportedMediaType, failure{fmt.Sprintf("Content-Type %q, want application/json", r.Header.Get("Content-Type"))})
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// age asks for forced aging and answers when the flows that ended are published.
func (s *Server) age(w http.ResponseWriter, r *http.Request) {
	request, err := control.ParseRequest(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		s.fail(w, fmt.Errorf("%w: %w", control.ErrRefused, err))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), ageLimit)
	defer cancel()
	result, err := s.Force(ctx, request)
	if err != nil {
		s.fail(w, err)
		return
	}
	s.metrics.Requests.WithLabelValues("ok").Inc()
	writeJSON(w, http.StatusOK, result)
}
