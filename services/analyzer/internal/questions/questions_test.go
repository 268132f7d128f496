package questions_test

import (
	"errors"
	"strings"
	"testing"

	"netstream/services/analyzer/internal/questions"
)

func TestEachQuestionHasAHead(t *testing.T) {
	for _, q := range questions.All() {
		if q.Title == "" || q.Description == "" || strings.Contains(q.Description, "--") || strings.HasPrefix(q.SQL, "--") {
			t.Errorf("%s: title %q, description %q", q.Name, q.Title, q.Description)
		}
		for _, p := range []string{"since", "until", "source", "net", "limit"} {
			if !strings.Contains(strings.Join(q.Parameters, " "), p) {
				t.Errorf("%s lacks the parameter %s", q.Name, p)
			}
		}
	}
	if _, err := questions.Find("nothing"); !errors.Is(err, questions.ErrUnknown) || !strings.Contains(err.Error(), "talkers") {
		t.Errorf("error %v", err)
	}
}

func TestParametersAreChecked(t *testing.T) {
	q, err := questions.Find("flows")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, value, want string }{
		{"limit", "5", "LIMIT 5"},
		{"limit", "0", ""}, {"limit", "5 OFFSET 3", ""}, {"limit", "-1", ""}, {"limit", "1e3", ""}, {"limit", "", ""},
		{"since", "2024-01-02T03:04:05.123456789Z", "'2024-01-02 03:04:05.123456789'"}, {"since", "2024-01-02T03:04:05+01:00", "'2024-01-02 02:04:05.000000000'"},
		{"since", "2024-01-02", "'2024-01-02 00:00:00.000000000'"}, {"since", "yesterday", ""}, {"since", "'; DROP", ""},
		{"net", "192.0.2.7/24", "'192.0.2.0/24'"}, {"net", "2001:db8::1", "'2001:db8::1/128'"}, {"net", "::ffff:192.0.2.1", "'192.0.2.1/32'"},
		{"net", "192.0.2.0/33", ""}, {"net", "fe80::1%eth0", ""}, {"net", "host", ""},
		{"source", "it's", "'it''s'"}, {"source", "a\x00b", ""},
		{"port", "443", "src_port = 443"}, {"port", "65536", ""},
		{"protocol", "TCP", "protocol = 6"}, {"protocol", "89", "protocol = 89"}, {"protocol", "256", ""}, {"protocol", "tls", ""},
		{"step", "10", ""}, {"nothing", "1", ""},
	} {
		sql, err := q.Bind(map[string]string{c.name: c.value})
		switch {
		case c.want == "" && !errors.Is(err, questions.ErrParameter):
			t.Errorf("%s=%q: error %v, want ErrParameter", c.name, c.value, err)
		case c.want != "" && (err != nil || !strings.Contains(sql, c.want)):
			t.Errorf("%s=%q: %v, no %s in it", c.name, c.value, err, c.want)
		case err == nil && strings.Contains(sql, "$"):
			t.Errorf("%s=%q: a parameter is left", c.name, c.value)
		}
	}
	if _, err := q.Bind(map[string]string{"limit": "x", "port": "y"}); err == nil || !strings.Contains(err.Error(), "limit") || !strings.Contains(err.Error(), "port") {
		t.Errorf("not all problems at once: %v", err)
	}
}
