package query

import (
	"encoding/json"
	"io"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// JSON writes an answer as one object:
//
//	{"columns":[{"name":"src_addr","type":"VARCHAR"},…],
//	 "rows":[{"src_addr":"192.0.2.1",…},…],
//	 "row_count":1,"cut":false,"seconds":0.012}
//
// Whole numbers beyond 2^53 are strings, since most readers of JSON would round them; so are decimals, infinities and
// NaN. Times are ISO 8601 in UTC with all their digits. cut says that there is more than the limits let through.
func JSON(w io.Writer) Sink { return &jsonSink{w: w, start: time.Now()} }

type jsonSink struct {
	w       io.Writer
	start   time.Time
	columns []Column
	names   [][]byte // encoded, with the comma or brace before and the colon after
	buf     []byte
	text    []byte
	rows    int
}

// flushBytes is how much of an answer is gathered before it is written.
const flushBytes = 64 << 10

func (s *jsonSink) Start(columns []Column) error {
	s.columns = columns
	head, err := json.Marshal(columns)
	if err != nil {
		return err
	}
	for i, c := range columns {
		name, err := json.Marshal(c.Name)
		if err != nil {
			return err
		}
		before := byte(',')
		if i == 0 {
			before = '{'
		}
		s.names = append(s.names, append(append([]byte{before}, name...), ':'))
	}
	s.buf = append(append(append(s.buf, `{"columns":`...), head...), `,"rows":[`...)
	return nil
}

func (s *jsonSink) Row(values []any) (int, error) {
	from := len(s.buf)
	if s.rows > 0 {
		s.buf = append(s.buf, ',')
	}
	s.rows++
	s.buf = append(s.buf, '\n')
	for i, v := range values {
		s.buf = append(s.buf, s.names[i]...)
		s.value(v, s.columns[i].Type)
	}
	s.buf = append(s.buf, '}')
	n := len(s.buf) - from
	return n, s.flush(flushBytes)
}

func (s *jsonSink) End(rows int, cut bool) error {
	tail, err := json.Marshal(struct {
		Rows    int     `json:"row_count"`
		Cut     bool    `json:"cut"`
		Seconds float64 `json:"seconds"`
	}{rows, cut, time.Since(s.start).Seconds()})
	if err != nil {
		return err
	}
	s.buf = append(append(append(s.buf, "\n],"...), tail[1:]...), '\n')
	return s.flush(0)
}

func (s *jsonSink) flush(above int) error {
	if len(s.buf) <= above {
		return nil
	}
	_, err := s.w.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

// value writes any value, nested ones too.
func (s *jsonSink) value(v any, typ string) {
	switch v := v.(type) {
	case nil:
		s.buf = append(s.buf, "null"...)
	case []any:
		s.buf = append(s.buf, '[')
		for i, e := range v {
			if i > 0 {
				s.buf = append(s.buf, ',')
			}
			s.value(e, "")
		}
		s.buf = append(s.buf, ']')
	case map[string]any:
		s.object(v)
	case duckdb.OrderedMap:
		m, values := make(map[string]any, v.Len()), v.Values()
		for i, k := range v.Keys() {
			key, _ := scalar(nil, k, "")
			m[string(key)] = values[i]
		}
		s.object(m)
	default:
		if rv := reflect.ValueOf(v); rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() != reflect.Uint8 {
			list := make([]any, rv.Len())
			for i := range list {
				list[i] = rv.Index(i).Interface()
			}
			s.value(list, typ)
			return
		}
		s.scalar(v, typ)
	}
}

func (s *jsonSink) object(m map[string]any) {
	s.buf = append(s.buf, '{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			s.buf = append(s.buf, ',')
		}
		s.scalar(k, "")
		s.buf = append(s.buf, ':')
		s.value(m[k], "")
	}
	s.buf = append(s.buf, '}')
}

func (s *jsonSink) scalar(v any, typ string) {
	text, number := scalar(s.text[:0], v, typ)
	s.text = text
	if number {
		s.buf = append(s.buf, text...)
		return
	}
	s.buf = appendString(s.buf, text)
}

// appendString writes text as a JSON string. What is not UTF-8 becomes the replacement character.
func appendString(dst, text []byte) []byte {
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			quoted, _ := json.Marshal(string(text)) // a string always has a JSON form
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), text...), '"')
}
