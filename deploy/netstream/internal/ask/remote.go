package ask

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"netstream/services/analyzer/audit"
)

// maxError bounds what is read of an answer that is an error.
const maxError = 64 << 10

// remote asks a running analyzer.
type remote struct {
	base   *url.URL
	client *http.Client
}

func newRemote(base string) (*remote, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("--url: %q, want one such as http://127.0.0.1:8080", base)
	}
	return &remote{u, &http.Client{}}, nil
}

func (r *remote) Query(ctx context.Context, sql string, f Format, w io.Writer) error {
	return r.send(ctx, http.MethodPost, "api/query", url.Values{"format": {string(f)}}, sql, w)
}

func (r *remote) Ask(ctx context.Context, question string, parameters map[string]string, f Format, w io.Writer) error {
	values := url.Values{"format": {string(f)}}
	for name, value := range parameters {
		values.Set(name, value)
	}
	return r.send(ctx, http.MethodGet, "api/questions/"+url.PathEscape(question), values, "", w)
}

func (r *remote) Audit(ctx context.Context) (*audit.Report, error) {
	resp, err := r.do(ctx, http.MethodGet, "api/audit", nil, "", "")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusConflict { // 409: the books don't close
		return nil, r.failure(resp)
	}
	report := &audit.Report{}
	if err := json.NewDecoder(resp.Body).Decode(report); err != nil {
		return nil, fmt.Errorf("%s: %w", resp.Request.URL, err)
	}
	return report, nil
}

func (r *remote) Close() error {
	r.client.CloseIdleConnections()
	return nil
}

// send writes the body of the answer to w.
func (r *remote) send(ctx context.Context, method, path string, values url.Values, body string, w io.Writer) error {
	resp, err := r.do(ctx, method, path, values, body, "")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return r.failure(resp)
	}
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("the answer was broken off: %w", err)
	}
	return nil
}

func (r *remote) do(ctx context.Context, method, path string, values url.Values, body, contentType string) (*http.Response, error) {
	u := r.base.JoinPath(path)
	u.RawQuery = values.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the analyzer: %w; is it running?", err)
	}
	return resp, nil
}

// failure is what the analyzer says is wrong.
func (r *remote) failure(resp *http.Response) error {
	var f struct {
		Error string `json:"error"`
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxError))
	if err != nil || json.Unmarshal(b, &f) != nil || f.Error == "" {
		return fmt.Errorf("%s answers %s: is this the analyzer?", r.base, resp.Status)
	}
	return fmt.Errorf("%s", f.Error)
}
