// Package table writes the answer to a query as text for people: columns under their names, numbers to the right.
package table

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxCell bounds a column's width, in runes.
const maxCell = 60

// Write writes names and rows. A cell is what encoding/json makes of a value with UseNumber; nil is NULL and stays
// empty.
func Write(w io.Writer, names []string, rows [][]any) error {
	widths := make([]int, len(names))
	right := make([]bool, len(names))
	for i, n := range names {
		widths[i], right[i] = utf8.RuneCountInString(n), len(rows) > 0
	}
	texts := make([][]string, len(rows))
	for r, row := range rows {
		texts[r] = make([]string, len(names))
		for i := range names {
			var v any
			if i < len(row) {
				v = row[i]
			}
			t := text(v)
			texts[r][i] = t
			widths[i] = max(widths[i], utf8.RuneCountInString(t))
			if _, number := v.(json.Number); !number && v != nil {
				right[i] = false
			}
		}
	}
	var b strings.Builder
	line(&b, names, widths, right)
	rule := make([]string, len(names))
	for i := range names {
		rule[i] = strings.Repeat("-", widths[i])
	}
	line(&b, rule, widths, right)
	for _, t := range texts {
		line(&b, t, widths, right)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// line writes one line, without spaces at its end.
func line(b *strings.Builder, cells []string, widths []int, right []bool) {
	var l strings.Builder
	for i, c := range cells {
		if i > 0 {
			l.WriteString("  ")
		}
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
		if right[i] {
			l.WriteString(pad + c)
		} else {
			l.WriteString(c + pad)
		}
	}
	b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
}

// text is one cell on one line: what a terminal would obey is shown, not obeyed.
func text(v any) string {
	var s string
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		s = v
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		s = string(b)
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
	if r := []rune(s); len(r) > maxCell {
		return string(r[:maxCell-1]) + "…"
	}
	return s
}
