package encode

import (
	"netstream/pipeline/filter"
	"netstream/schemas/flow"
	"netstream/schemas/key"
)

// choice is which flows a destination gets: of the monitors that are wanted those that the filter lets pass, and of
// these its share.
type choice struct {
	monitors []Monitor
	filter   *filter.Filter // nil: all pass
	share    *Share         // nil: all
	sources  []string       // of the message
}

// choose reads flow i if the destination gets it, and otherwise counts why not.
func choose[K key.Key[K]](c *choice, b *Batch, rows *flow.Rows[K], i int, f *flow.Row[K]) bool {
	m := &c.monitors[rows.Monitor[i]]
	if !m.Wanted {
		b.leaveOut(m.Why, rows.Packets[i], rows.Bytes[i])
		return false
	}
	rows.Read(i, f)
	if c.filter != nil {
		c.filter.Of(c.sources[f.Source], m.Definition)
		if !filter.Match(c.filter, &f.Key) {
			b.leaveOut(ReasonFilter, f.Packets, f.Bytes)
			return false
		}
	}
	if c.share != nil {
		if with := conversationOf(&f.Key); !c.share.has(&with) {
			b.leaveOut(ReasonShare, f.Packets, f.Bytes)
			return false
		}
	}
	return true
}

// under is a flow under another key, without what no datagram tells: sums and collected values.
func under[L, K any](k L, f *flow.Row[K]) flow.Row[L] {
	return flow.Row[L]{
		Key: k, Source: f.Source, Monitor: f.Monitor, First: f.First, Last: f.Last, Packets: f.Packets, Bytes: f.Bytes,
		TCPFlags: f.TCPFlags, Reason: f.Reason,
	}
}
