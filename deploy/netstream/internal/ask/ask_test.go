package ask

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriteTable(t *testing.T) {
	const ci = `{"columns":[{"name":"n","type":"INTEGER"},{"name":"a_ci","type":"DOUBLE"},{"name":"b_ci","type":"DOUBLE"},{"name":"u_ci","type":"DOUBLE"}],
		"rows":[{"n":1,"a_ci":0,"b_ci":3,"u_ci":null},{"n":2,"a_ci":0.0,"b_ci":0,"u_ci":0}]}`
	for name, test := range map[string]struct {
		answer string
		brief  bool
		rows   int
		cut    bool
		want   string
	}{
		"numbers as text stay numbers": {
			`{"columns":[{"name":"n","type":"UBIGINT"},{"name":"d","type":"DECIMAL(38,2)"},{"name":"t","type":"VARCHAR"}],
			"rows":[{"n":"18446744073709551615","d":"1.50","t":"7"},{"n":1,"d":null,"t":"x"}]}`, false, 2, false,
			"                   n     d  t\n--------------------  ----  -\n18446744073709551615  1.50  7\n                   1        x\n",
		},
		"cut":                              {`{"columns":[{"name":"n","type":"INTEGER"}],"rows":[{"n":1}],"cut":true}`, false, 1, true, "n\n-\n1\n"},
		"no rows":                          {`{"columns":[{"name":"n","type":"INTEGER"}],"rows":[]}`, false, 0, false, "n\n-\n"},
		"intervals of which some aren't 0": {ci, true, 2, false, "n  b_ci  u_ci\n-  ----  ----\n1     3\n2     0     0\n"},
		"intervals in full":                {ci, false, 2, false, "n  a_ci  b_ci  u_ci\n-  ----  ----  ----\n1     0     3\n2   0.0     0     0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			rows, cut, err := WriteTable(&b, strings.NewReader(test.answer), test.brief)
			if err != nil || rows != test.rows || cut != test.cut {
				t.Errorf("%d rows, cut %t, %v, want %d, %t", rows, cut, err, test.rows, test.cut)
			}
			if diff := cmp.Diff(test.want, b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, _, err := WriteTable(&bytes.Buffer{}, strings.NewReader(`{"columns":[`), true); err == nil {
		t.Error("no error from an answer that is broken off")
	}
}

// TestRemoteFailures asks something that answers as the analyzer never does, or badly.
func TestRemoteFailures(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"another server": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusNotFound) }, "answers 404 Not Found: is this the analyzer?"},
		"an error": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(`{"error":"no such column"}`))
		}, "no such column"},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"columns":[`))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "the answer was broken off"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(test.handler)
			defer s.Close()
			a, err := Open(t.Context(), t.TempDir(), s.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if err := a.Query(t.Context(), "SELECT 1", JSON, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
