package ask

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"netstream/deploy/netstream/internal/table"
)

// answer is what the analyzer writes as JSON.
type answer struct {
	Columns []column         `json:"columns"`
	Rows    []map[string]any `json:"rows"`
	Cut     bool             `json:"cut"`
}

type column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// isExact tells of a column of intervals that all are 0, as those of traffic that wasn't sampled.
func (a *answer) isExact(c column) bool {
	return strings.HasSuffix(c.Name, "_ci") && !slices.ContainsFunc(a.Rows, func(row map[string]any) bool {
		n, ok := row[c.Name].(json.Number)
		f, err := n.Float64()
		return !ok || err != nil || f != 0
	})
}

// WriteTable writes an answer in JSON as a table for people; a brief one leaves out the intervals (columns *_ci) where all
// are 0. It returns whether the answer was cut, and after how many rows.
func WriteTable(w io.Writer, in io.Reader, brief bool) (rows int, cut bool, err error) {
	var a answer
	d := json.NewDecoder(in)
	d.UseNumber()
	if err := d.Decode(&a); err != nil {
		return 0, false, fmt.Errorf("the answer can't be read: %w", err)
	}
	if brief {
		a.Columns = slices.DeleteFunc(a.Columns, a.isExact)
	}
	names, cells := make([]string, len(a.Columns)), make([][]any, len(a.Rows))
	for i, c := range a.Columns {
		names[i] = c.Name
	}
	for r, row := range a.Rows {
		cells[r] = make([]any, len(names))
		for i, c := range a.Columns {
			v := row[c.Name]
			if text, ok := v.(string); ok && isNumber(c.Type) { // numbers too large for JSON come as text
				v = json.Number(text)
			}
			cells[r][i] = v
		}
	}
	return len(a.Rows), a.Cut, table.Write(w, names, cells)
}

// isNumber tells whether a type of the database is written to the right.
func isNumber(name string) bool {
	base, _, _ := strings.Cut(name, "(")
	return strings.HasSuffix(base, "INT") || strings.HasSuffix(base, "INTEGER") || base == "DECIMAL" || base == "DOUBLE" || base == "FLOAT"
}
