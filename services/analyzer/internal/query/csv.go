package query

import (
	"encoding/csv"
	"encoding/json"
	"io"
)

// CSV writes an answer as RFC 4180 with a header line. NULL is empty; nested values are JSON; the rest is written as in
// JSON, without quotes of its own. A cut answer looks like a whole one: ask for the limit.
func CSV(w io.Writer) Sink { return &csvSink{w: csv.NewWriter(w)} }

type csvSink struct {
	w       *csv.Writer
	columns []Column
	record  []string
	nested  jsonSink
}

func (s *csvSink) Start(columns []Column) error {
	s.columns, s.record = columns, make([]string, len(columns))
	for i, c := range columns {
		s.record[i] = c.Name
	}
	return s.w.Write(s.record)
}

func (s *csvSink) Row(values []any) (int, error) {
	n := 0
	for i, v := range values {
		s.record[i] = s.text(v, s.columns[i].Type)
		n += len(s.record[i]) + 1
	}
	return n, s.w.Write(s.record)
}

func (s *csvSink) text(v any, typ string) string {
	if v == nil {
		return ""
	}
	s.nested.buf = s.nested.buf[:0]
	s.nested.value(v, typ)
	if b := s.nested.buf; len(b) > 0 && b[0] == '"' {
		var text string
		if json.Unmarshal(b, &text) == nil {
			return text
		}
	}
	return string(s.nested.buf)
}

func (s *csvSink) End(int, bool) error {
	s.w.Flush()
	return s.w.Error()
}
