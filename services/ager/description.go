package ager

import "time"

// description says what a checkpoint is of, and holds what isn't rows. The columns source and monitor of the rows count through
// its lists.
type description struct {
	Version  int               `json:"version"`
	Shard    int               `json:"shard"`
	Stream   string            `json:"stream"`         // of the updates
	Created  time.Time         `json:"stream_created"` // another one of that name has other messages
	Position uint64            `json:"position"`       // sequence of the commit whose step it comes after
	Number   uint64            `json:"number"`         // of the last flow that had ended
	Replay   [2]uint64         `json:"replay"`         // the same two where nothing was held last
	Monitors []string          `json:"monitors"`       // definitions
	Sources  []describedSource `json:"sources"`
}

// checkpointVersion is that of the format. A reader refuses any other.
const checkpointVersion = 1

// Sections of a checkpoint.
const (
	flowsSection   = "flows"   // live flows; their reason is 0
	updatesSection = "updates" // of windows still open, in the order of a flow's packets
	ledgerSection  = "ledger"
)

// describedSource is what is known of a source, but for its flows.
type describedSource struct {
	Name  string          `json:"name"`
	Clock int64           `json:"clock"`
	Idle  int64           `json:"idle"`  // time that the clock was moved on to while the source was silent
	Marks []describedMark `json:"marks"` // by packet shard
}

// describedMark is a watermark.
type describedMark struct {
	Time  int64 `json:"time"`
	Ended bool  `json:"ended"`
	Live  bool  `json:"live"` // of a live source
}
