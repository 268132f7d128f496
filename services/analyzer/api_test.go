package analyzer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"netstream/schemas/uint128"
	"netstream/services/analyzer"
	"netstream/services/analyzer/internal/linetest"
)

// served is a running analyzer with 500 flows of source a, and the address of its API.
func served(t *testing.T) (base string, flows linetest.Message) {
	t.Helper()
	return servedFlows(t, false)
}

func servedFlows(t *testing.T, sampled bool) (base string, flows linetest.Message) {
	t.Helper()
	b := linetest.Bus(t, 1)
	ager := linetest.NewAger(t, b, 0)
	flows = linetest.Random(rand.New(rand.NewPCG(20, 21)), 500, sampled, "a")
	ager.Publish(flows)
	ager.Publish(linetest.Message{Sources: []string{"a"}, End: true})
	s, stop := start(t, b, filepath.Join(t.TempDir(), "netstream.duckdb"))
	t.Cleanup(stop)
	if _, err := s.Wait(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	address, err := s.Address(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + address, flows
}

func get(t *testing.T, url string) (int, string, http.Header) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b), r.Header
}

// answer is an answer as JSON.
type answer struct {
	Rows []map[string]any `json:"rows"`
	Cut  bool             `json:"cut"`
}

func ask(t *testing.T, url string) answer {
	t.Helper()
	status, body, _ := get(t, url)
	var a answer
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d, %v: %s", url, status, err, body)
	}
	return a
}

func TestQueryOverHTTP(t *testing.T) {
	base, flows := served(t)
	want := float64(len(flows.IPv4) + len(flows.IPv6))
	sql := "SELECT count(*) AS n FROM flows"
	if a := ask(t, base+"/api/query?q="+url.QueryEscape(sql)); a.Rows[0]["n"] != want {
		t.Errorf("GET: %v", a)
	}
	r, err := http.Post(base+"/api/query?format=csv", "application/sql", strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	if string(b) != fmt.Sprintf("n\n%v\n", want) || r.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("POST: %q as %s", b, r.Header.Get("Content-Type"))
	}
}

func TestErrorsOverHTTP(t *testing.T) {
	base, _ := served(t)
	query := func(sql string) string { return "/api/query?q=" + url.QueryEscape(sql) }
	for _, c := range []struct {
		path   string
		status int
		says   string
	}{
		{query("DROP TABLE flow_rows"), http.StatusForbidden, "only questions"},
		{query("SELECT missing FROM flows"), http.StatusBadRequest, "missing"},
		{query("SELEC 1"), http.StatusBadRequest, "syntax error"},
		{query("SELECT 1") + "&format=xml", http.StatusBadRequest, "json or csv"},
		{"/api/query", http.StatusForbidden, "0 statements"},
		{"/api/questions/none", http.StatusNotFound, "talkers"},
		{"/api/questions/talkers?limit=many", http.StatusBadRequest, "limit"},
		{"/api/top?by=colour", http.StatusBadRequest, "pairs"},
		{"/api/nothing", http.StatusNotFound, "/api/questions"},
		{"/", http.StatusNotFound, "/api/questions"},
	} {
		status, body, _ := get(t, base+c.path)
		var failure struct{ Error string }
		if err := json.Unmarshal([]byte(body), &failure); err != nil || status != c.status || !strings.Contains(failure.Error, c.says) {
			t.Errorf("%s: %d %s; want %d and %q in it", c.path, status, body, c.status, c.says)
		}
	}
	r, err := http.Post(base+"/api/query", "", bytes.NewReader(make([]byte, 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a megabyte of SQL: %d", r.StatusCode)
	}
	req, _ := http.NewRequest(http.MethodGet, base+query("SELECT 1"), nil)
	req.Host = "evil.example"
	if r, err = http.DefaultClient.Do(req); err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusForbidden {
		t.Errorf("under another name: %d", r.StatusCode)
	}
}

func TestEveryQuestionIsAnswered(t *testing.T) {
	base, flows := served(t)
	var packets, octets float64
	for _, f := range flows.IPv4 {
		packets, octets = packets+float64(f.Packets), octets+float64(f.Bytes)
	}
	for _, f := range flows.IPv6 {
		packets, octets = packets+float64(f.Packets), octets+float64(f.Bytes)
	}
	everything := url.Values{
		"since": {"2023-11-14"}, "until": {"2023-11-15T12:00:00Z"}, "source": {"a"}, "net": {"::/0"}, "src": {"0.0.0.0/0"}, "dst": {"::/0"},
		"port": {"443"}, "protocol": {"tcp"}, "limit": {"3"}, "step": {"300"},
	}
	for _, q := range analyzer.Questions() {
		a := ask(t, base+"/api/questions/"+q.Name+"?limit=1000")
		if len(a.Rows) == 0 {
			t.Errorf("%s: no rows", q.Name)
		}
		values := url.Values{}
		for _, p := range q.Parameters {
			values[p] = everything[p]
		}
		ask(t, base+"/api/questions/"+q.Name+"?"+values.Encode())

		sum := func(column string) (total float64) {
			for _, r := range a.Rows {
				v, _ := r[column].(float64)
				total += v
			}
			return total
		}
		switch q.Name { // each of these splits all the traffic
		case "talkers", "receivers", "pairs", "applications", "protocols", "reasons", "totals", "sources":
			if sum("packets") != packets || sum("bytes") != octets {
				t.Errorf("%s: %v packets, %v bytes; want %v and %v", q.Name, sum("packets"), sum("bytes"), packets, octets)
			}
		case "traffic":
			if math.Abs(sum("bytes")-octets) > 1 || math.Abs(sum("packets")-packets) > 1e-3 || math.Abs(sum("bits_per_second")*60/8-octets) > 1 {
				t.Errorf("%s: spread %v packets and %v bytes; want %v and %v", q.Name, sum("packets"), sum("bytes"), packets, octets)
			}
		case "interfaces":
			if sum("bytes_in")+sum("bytes_out") != octets {
				t.Errorf("%s: %v bytes, want %v", q.Name, sum("bytes_in")+sum("bytes_out"), octets)
			}
		case "flows":
			if len(a.Rows) != 500 {
				t.Errorf("%d flows, want 500", len(a.Rows))
			}
		default:
			t.Errorf("%s: say here what its answer must add up to", q.Name)
		}
	}
}

// TestQuestionsHaveErrorBars adds up the variances in answers that split all the traffic.
func TestQuestionsHaveErrorBars(t *testing.T) {
	base, flows := servedFlows(t, true)
	float := func(u uint128.Uint128) float64 { return math.Ldexp(float64(u.Hi), 64) + float64(u.Lo) }
	var packets, octets float64
	for _, f := range flows.IPv4 {
		packets, octets = packets+float(f.Sums.VarPackets), octets+float(f.Sums.VarBytes)
	}
	for _, f := range flows.IPv6 {
		packets, octets = packets+float(f.Sums.VarPackets), octets+float(f.Sums.VarBytes)
	}
	for name, columns := range map[string][2][]string{ // half widths of packets and of bytes
		"talkers": {{"packets_ci"}, {"bytes_ci"}}, "receivers": {{"packets_ci"}, {"bytes_ci"}}, "pairs": {{"packets_ci"}, {"bytes_ci"}},
		"applications": {{"packets_ci"}, {"bytes_ci"}}, "protocols": {{"packets_ci"}, {"bytes_ci"}}, "traffic": {{"packets_ci"}, {"bytes_ci"}},
		"totals": {{"est_packets_ci"}, {"est_bytes_ci"}}, "sources": {{"est_packets_ci"}, {"est_bytes_ci"}},
		"flows": {{"est_packets_ci"}, {"est_bytes_ci"}}, "interfaces": {nil, {"bytes_in_ci", "bytes_out_ci"}},
	} {
		a := ask(t, base+"/api/questions/"+name+"?limit=1000")
		for i, want := range []float64{packets, octets} {
			var squares float64
			for _, r := range a.Rows {
				for _, c := range columns[i] {
					v, _ := r[c].(float64)
					squares += v * v
				}
			}
			if got := squares / 1.96 / 1.96; columns[i] != nil && math.Abs(got/want-1) > 1e-6 {
				t.Errorf("%s: the variances behind %v add up to %g, want %g", name, columns[i], got, want)
			}
		}
	}
}

func TestFiltersNarrow(t *testing.T) {
	base, flows := served(t)
	f := flows.IPv4[3]
	src := fmt.Sprintf("%d.%d.%d.%d", byte(f.Key.Src>>24), byte(f.Key.Src>>16), byte(f.Key.Src>>8), byte(f.Key.Src))
	a := ask(t, base+"/api/flows?src="+src)
	if len(a.Rows) != 1 || a.Rows[0]["src_addr"] != src || a.Rows[0]["packets"] != float64(f.Packets) {
		t.Errorf("flows of %s: %v", src, a.Rows)
	}
	if a := ask(t, base+"/api/flows?since=2030-01-01"); len(a.Rows) != 0 {
		t.Errorf("flows of the future: %v", a.Rows)
	}
	if a := ask(t, base+"/api/flows?source=b"); len(a.Rows) != 0 {
		t.Errorf("flows of a source that isn't there: %v", a.Rows)
	}
	if a := ask(t, base+"/api/flows?net=0.0.0.0/0&limit=1000"); len(a.Rows) != len(flows.IPv4) {
		t.Errorf("%d IPv4 flows, want %d", len(a.Rows), len(flows.IPv4))
	}
}

func TestBooksOverHTTP(t *testing.T) {
	base, _ := served(t)
	status, body, _ := get(t, base+"/api/audit")
	if status != http.StatusOK || strings.Count(body, `"state":"closes"`) != 12 {
		t.Errorf("audit: %d %s", status, body)
	}
	if a := ask(t, base+"/api/ledger"); len(a.Rows) != 17 {
		t.Errorf("ledger: %v", a.Rows)
	}
	if a := ask(t, base+"/api/sources"); len(a.Rows) != 1 || a.Rows[0]["source"] != "a" {
		t.Errorf("sources: %v", a.Rows)
	}
	if a := ask(t, base+"/api/top?by=pairs&limit=3"); len(a.Rows) != 3 {
		t.Errorf("top: %v", a.Rows)
	}
}
