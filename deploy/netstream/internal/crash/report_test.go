package crash

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// report is the table at the end of a test.
type report struct {
	rows [][]string
}

func newReport(heads ...string) *report { return &report{rows: [][]string{heads}} }

func (r *report) add(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		if d, ok := c.(time.Duration); ok {
			c = d.Round(10 * time.Millisecond)
		}
		row[i] = fmt.Sprint(c)
	}
	r.rows = append(r.rows, row)
}

func (r *report) print(t *testing.T) {
	fmt.Printf("\n%s\n", t.Name())
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range r.rows {
		fmt.Fprintln(w, strings.Join(row, "\t")+"\t")
	}
	w.Flush()
}
