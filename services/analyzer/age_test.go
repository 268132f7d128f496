package analyzer_test

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netstream/pipeline/bus"
	"netstream/pipeline/control"
	"netstream/services/analyzer/internal/linetest"
)

// aging is a running analyzer beside an owner of flow shard 0 that gives these answers to each request, if any.
func aging(t *testing.T, answers ...string) (base string) {
	t.Helper()
	b := linetest.Bus(t, 1)
	s, stop := start(t, b, filepath.Join(t.TempDir(), "netstream.duckdb"))
	t.Cleanup(stop)
	address, err := s.Address(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(answers) == 0 {
		return "http://" + address
	}
	requests, err := b.Requests(b.Pipeline.RequestAge())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			r, err := requests.Next(t.Context(), time.Minute)
			if err != nil {
				return
			}
			if r == nil {
				continue
			}
			answerAll(b, r, answers)
		}
	}()
	t.Cleanup(func() { <-done; requests.Close() })
	return "http://" + address
}

func answerAll(b *bus.Bus, r *bus.Request, answers []string) {
	for _, a := range answers {
		if strings.Contains(string(r.Body), "colour") {
			a = `{"error":"unknown name colour"}`
		}
		b.Answer(r.Reply, []byte(a))
	}
}

// post sends a request with header fields, each "Name: value".
func post(t *testing.T, url, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		if req.Header.Set(name, value); name == "Host" {
			req.Host = value
		}
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestAgeOverHTTP(t *testing.T) {
	base := aging(t, `{"id":"x","sequence":7,"shards":1}`, `{"id":"x","shard":0,"flows":12}`)
	const jsonType = "Content-Type: application/json"
	for name, c := range map[string]struct {
		body   string
		header []string
		status int
		says   string // of an error
	}{
		"all":            {`{}`, []string{jsonType}, http.StatusOK, ""},
		"with a charset": {`{"source":"a"}`, []string{"Content-Type: application/json; charset=utf-8"}, http.StatusOK, ""},
		"of this site":   {`{}`, []string{jsonType, "Origin: " + base}, http.StatusOK, ""},
		"by this site":   {`{}`, []string{jsonType, "Sec-Fetch-Site: same-origin"}, http.StatusOK, ""},

		"another site":         {`{}`, []string{jsonType, "Origin: http://evil.example"}, http.StatusForbidden, "evil.example"},
		"another port":         {`{}`, []string{jsonType, "Origin: http://127.0.0.1:1"}, http.StatusForbidden, "127.0.0.1:1"},
		"by another site":      {`{}`, []string{jsonType, "Sec-Fetch-Site: cross-site"}, http.StatusForbidden, "another site"},
		"by a sibling site":    {`{}`, []string{jsonType, "Sec-Fetch-Site: same-site"}, http.StatusForbidden, "another site"},
		"under another name":   {`{}`, []string{jsonType, "Host: evil.example"}, http.StatusForbidden, "ask under localhost"},
		"as a form may send":   {`{}`, []string{"Content-Type: text/plain"}, http.StatusUnsupportedMediaType, "application/json"},
		"without a type":       {`{}`, nil, http.StatusUnsupportedMediaType, "application/json"},
		"what agers refuse":    {`{"filter":"colour == 1"}`, []string{jsonType}, http.StatusBadRequest, "unknown name colour"},
		"an unknown field":     {`{"filters":"x"}`, []string{jsonType}, http.StatusBadRequest, "filters"},
		"not JSON":             {`all`, []string{jsonType}, http.StatusBadRequest, "want a JSON object"},
		"two objects":          {`{}{}`, []string{jsonType}, http.StatusBadRequest, "something follows"},
		"more than it can say": {`{"filter":"` + strings.Repeat(" ", 20_000) + `"}`, []string{jsonType}, http.StatusBadRequest, "too large"},
	} {
		status, body := post(t, base+"/api/age", c.body, c.header...)
		if status != c.status {
			t.Errorf("%s: %d %s, want %d", name, status, body, c.status)
			continue
		}
		if c.status == http.StatusOK {
			var got control.Result
			err := json.Unmarshal([]byte(body), &got)
			want := control.Result{ID: "x", Sequence: 7, Flows: 12, Shards: []control.Shard{{Shard: 0, Flows: 12}}}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(control.Result{}, "Seconds")); diff != "" || err != nil {
				t.Errorf("%s: error %v (-want +got):\n%s", name, err, diff)
			}
			continue
		}
		var failure struct{ Error string }
		if err := json.Unmarshal([]byte(body), &failure); err != nil || !strings.Contains(failure.Error, c.says) {
			t.Errorf("%s: %s, want %q", name, body, c.says)
		}
	}
	if status, body, _ := get(t, base+"/api/age"); status != http.StatusMethodNotAllowed && status != http.StatusNotFound {
		t.Errorf("GET: %d %s", status, body)
	}
}

func TestAgeWithoutAger(t *testing.T) {
	status, body := post(t, aging(t)+"/api/age", `{}`, "Content-Type: application/json")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "is the ager of flow shard 0 running?") {
		t.Errorf("%d %s", status, body)
	}
}
