package config

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"active_timeout", "inactive_timeout", "fin_rst", "to", "rate"}
	for name, want := range map[string]string{
		"active_timout":    "active_timeout",
		"inactive_timeot":  "inactive_timeout",
		"ACTIVE_TIMEOUT":   "active_timeout",
		"active-timeout":   "active_timeout",
		"finrst":           "fin_rst",
		"rat":              "rate",
		"raet":             "rate",
		"colour":           "",
		"inactive":         "inactive_timeout",
		"in":               "",
		"tp":               "to",
		"":                 "",
		"a_wholly_other":   "",
		"timeout_inactive": "",
	} {
		if got := nearest(name, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", name, got, want)
		}
	}
	for _, d := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"kitten", "sitting", 3}, {"abc", "acb", 2}, {"flaw", "lawn", 2}} {
		if got := distance(d.a, d.b, 9); got != d.want {
			t.Errorf("distance(%q, %q) = %d, want %d", d.a, d.b, got, d.want)
		}
	}
}
