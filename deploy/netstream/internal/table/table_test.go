package table

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWrite(t *testing.T) {
	n := func(s string) json.Number { return json.Number(s) }
	for name, test := range map[string]struct {
		names []string
		rows  [][]any
		want  string
	}{
		"numbers to the right, NULL empty": {
			[]string{"src", "bytes"},
			[][]any{{"10.0.0.1", n("5")}, {nil, n("123456")}, {"2001:db8::1", nil}},
			`
src           bytes
-----------  ------
10.0.0.1          5
             123456
2001:db8::1
`,
		},
		"no rows": {[]string{"a", "bc"}, nil, "\na  bc\n-  --\n"},
		"mixed column stays left": {
			[]string{"v"}, [][]any{{n("1")}, {"text"}, {true}, {[]any{n("1"), "x"}}}, "\nv\n-------\n1\ntext\ntrue\n[1,\"x\"]\n",
		},
		"controls are shown":     {[]string{"v"}, [][]any{{"a\x1b[2J\nb"}}, "\nv\n-------\na\uFFFD[2J\uFFFDb\n"},
		"runes count, not bytes": {[]string{"v", "w"}, [][]any{{"äöü", "x"}, {"abcd", "y"}}, "\nv     w\n----  -\näöü   x\nabcd  y\n"},
		"long cells are cut":     {[]string{"v"}, [][]any{{strings.Repeat("x", 70)}}, "\nv\n" + strings.Repeat("-", 60) + "\n" + strings.Repeat("x", 59) + "…\n"},
		"short row":              {[]string{"v", "w"}, [][]any{{"x"}}, "\nv  w\n-  -\nx\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := Write(&b, test.names, test.rows); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("pipe closed") }

func TestWriteReportsErrors(t *testing.T) {
	if err := Write(broken{}, []string{"a"}, nil); err == nil {
		t.Error("no error from a writer that fails")
	}
}
