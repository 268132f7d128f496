// Package commit is the last message of a flow cache's hand-over: how far its input is covered, the watermarks of the
// sources it holds, and the ledger.
package commit

import (
	"math"

	"netstream/schemas/columns"
)

// SchemaWatermark is the schema's name, with the major version.
const SchemaWatermark = "watermark/1"

// NoTime is the time of a watermark that promises nothing.
const NoTime = math.MinInt64

// Watermark says that no packet of the source older than Time will come on this packet shard.
type Watermark struct {
	Source string
	Time   int64 // ns since the epoch
	Ended  bool  // nothing will come at all
}

// Watermarks holds watermarks, a slice a column.
type Watermarks struct {
	source columns.Binary
	time   []int64
	ended  []uint8
}

// Len is the number of watermarks.
func (w *Watermarks) Len() int { return len(w.time) }

// Append adds one.
func (w *Watermarks) Append(m Watermark) {
	w.source.Append([]byte(m.Source))
	w.time = append(w.time, m.Time)
	ended := uint8(0)
	if m.Ended {
		ended = 1
	}
	w.ended = append(w.ended, ended)
}

// At is watermark i.
func (w *Watermarks) At(i int) Watermark {
	return Watermark{Source: string(w.source.At(i)), Time: w.time[i], Ended: w.ended[i] != 0}
}

// Reset empties the rows and keeps their memory.
func (w *Watermarks) Reset() {
	w.source.Reset()
	w.time, w.ended = w.time[:0], w.ended[:0]
}

// Columns lists the columns.
func (w *Watermarks) Columns() []columns.Column {
	return []columns.Column{
		columns.Bytes("source", &w.source), columns.Of("time", &w.time), columns.Of("ended", &w.ended),
	}
}
