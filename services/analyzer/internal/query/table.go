package query

import "slices"

// Table is an answer in memory.
type Table struct {
	Columns []Column
	Rows    [][]any // values as the driver gives them
	Cut     bool    // there is more than the limits let through
}

// Start implements Sink.
func (t *Table) Start(columns []Column) error {
	t.Columns = columns
	return nil
}

// Row implements Sink. The size of a value is guessed.
func (t *Table) Row(values []any) (int, error) {
	t.Rows = append(t.Rows, slices.Clone(values))
	n := 0
	for _, v := range values {
		n += 24
		if s, ok := v.(string); ok {
			n += len(s)
		}
	}
	return n, nil
}

// End implements Sink.
func (t *Table) End(_ int, cut bool) error {
	t.Cut = cut
	return nil
}

// Text is a value as people read it; NULL is empty.
func (t *Table) Text(row, column int) string {
	var s csvSink
	return s.text(t.Rows[row][column], t.Columns[column].Type)
}
