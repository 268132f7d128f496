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
	Live   bool  // of a live input, not a file: its clock may be moved on while it is silent
}

// Watermarks holds watermarks, a slice a column.
type Watermarks struct {
	source columns.Binary
	time   []int64
	ended  []uint8
	live   []uint8 // sparse: 0 where there is none
}

// Len is the number of watermarks.
func (w *Watermarks) Len() int { return len(w.time) }

// Append adds one.
func (w *Watermarks) Append(m Watermark) {
	w.live = columns.AppendSparse(w.live, len(w.time), bit(m.Live))
	w.source.Append([]byte(m.Source))
	w.time = append(w.time, m.Time)
	w.ended = append(w.ended, bit(m.Ended))
}

func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// At is watermark i.
func (w *Watermarks) At(i int) Watermark {
	return Watermark{Source: string(w.source.At(i)), Time: w.time[i], Ended: w.ended[i] != 0, Live: columns.At(w.live, i) != 0}
}

// Reset empties the rows and keeps their memory.
func (w *Watermarks) Reset() {
	w.source.Reset()
	w.time, w.ended, w.live = w.time[:0], w.ended[:0], w.live[:0]
}

// Columns lists the columns.
func (w *Watermarks) Columns() []columns.Column {
	columns.Pad(&w.live, len(w.time))
	return []columns.Column{
		columns.Bytes("source", &w.source), columns.Of("time", &w.time), columns.Of("ended", &w.ended), columns.Optional("live", &w.live),
	}
}
