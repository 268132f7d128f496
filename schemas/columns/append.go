package columns

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// Append appends the rows to dst as one Arrow IPC stream. All present columns must have the same length. After an error
// dst is as before.
func Append(dst []byte, cols []Column) ([]byte, error) {
	fields := make([]arrow.Field, 0, len(cols))
	arrays := make([]arrow.Array, 0, len(cols))
	rows := -1
	for _, c := range cols {
		if c.optional && c.slice.len() == 0 {
			continue
		}
		if rows >= 0 && c.slice.len() != rows {
			return dst, fmt.Errorf("column %s has %d rows, want %d", c.Name, c.slice.len(), rows)
		}
		rows = c.slice.len()
		fields = append(fields, arrow.Field{Name: c.Name, Type: c.slice.arrowType()})
		arrays = append(arrays, array.MakeFromData(c.slice.wrap()))
	}
	schema := arrow.NewSchema(fields, nil)
	batch := array.NewRecordBatch(schema, arrays, int64(max(rows, 0)))
	sink := appender{dst}
	w := ipc.NewWriter(&sink, ipc.WithSchema(schema))
	if err := w.Write(batch); err != nil {
		return dst, fmt.Errorf("write Arrow stream: %w", err)
	}
	if err := w.Close(); err != nil {
		return dst, fmt.Errorf("write Arrow stream: %w", err)
	}
	return sink.b, nil
}

// appender is an io.Writer that appends.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}
