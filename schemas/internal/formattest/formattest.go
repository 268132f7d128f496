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

// Columns compares the column table below the heading "## <schema>" of FORMAT.md with the columns of the code, in order:
// name, Arrow type and whether it is always there.
func Columns(t *testing.T, schema string, cols []columns.Column) {
	t.Helper()
	page, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n## "+schema+"\n")
	if !ok {
		t.Fatalf("FORMAT.md has no section ## %s", schema)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var got, want []string
	for line := range strings.Lines(section) {
		f := strings.Split(line, "|")
		if len(f) < 5 || !strings.HasPrefix(strings.TrimSpace(f[1]), "`") {
			continue
		}
		name, kind := strings.Trim(f[1], " `"), strings.TrimSpace(f[2])
		got = append(got, fmt.Sprintf("%s %s required %v", name, kind, !strings.Contains(f[4], "absent:")))
	}
	for _, c := range cols {
		want = append(want, fmt.Sprintf("%s %s required %v", c.Name, c.Type(), c.Required()))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("FORMAT.md, section %s (-code +page):\n%s", schema, diff)
	}
}
