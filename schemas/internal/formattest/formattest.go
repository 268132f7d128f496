// Package formattest holds the FORMAT.md pages to the code: the columns a page lists are those that travel.
package formattest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/columns"
)

// WideKey is the section of key/FORMAT.md that lists the columns of wide keys.
const WideKey = "Columns of a wide key"

// Columns compares the column table below the heading "## <section>" of FORMAT.md with the columns of the code, in order:
// name, Arrow type and whether it is always there. A line whose name is a prefix and * stands for the columns of a wide key
// under that prefix.
func Columns(t *testing.T, section string, cols []columns.Column) {
	t.Helper()
	var got, want []string
	for _, l := range table(t, "FORMAT.md", section) {
		prefix, all := strings.CutSuffix(l.name, "*")
		if !all {
			got = append(got, l.String())
			continue
		}
		for _, k := range table(t, "../key/FORMAT.md", WideKey) {
			k.name = prefix + k.name
			got = append(got, k.String())
		}
	}
	for _, c := range cols {
		want = append(want, line{c.Name, c.Type(), c.Required()}.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("FORMAT.md, section %s (-code +page):\n%s", section, diff)
	}
}

// line is a line of a column table.
type line struct {
	name, kind string
	required   bool
}

func (l line) String() string { return fmt.Sprintf("%s %s required %v", l.name, l.kind, l.required) }

// table reads the column table of a section.
func table(t *testing.T, file, section string) (lines []line) {
	t.Helper()
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(page), "\n## "+section+"\n")
	if !ok {
		t.Fatalf("%s has no section ## %s", file, section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	for l := range strings.Lines(text) {
		f := strings.Split(l, "|")
		if len(f) < 5 || !strings.HasPrefix(strings.TrimSpace(f[1]), "`") {
			continue
		}
		lines = append(lines, line{strings.Trim(f[1], " `"), strings.TrimSpace(f[2]), !strings.Contains(f[4], "absent:")})
	}
	return lines
}
