package janitor

import (
	"math"

	"netstream/pipeline/bus"
	"netstream/pipeline/positions"
)

// stream is one that is kept clean.
type stream struct {
	name string
	// released is the sequence up to which all readers of a subject are done with it; 0 as long as one of them hasn't said.
	released func(u bus.Usage, subject string) uint64
	// readers are those of a shard of the stream, for the metrics.
	readers []string
}

// streams are those of a pipeline. Packets are done with once a flow cache has committed them, updates once no ager would read them
// again, flows and datagrams once all who are configured to read them say so; of an exporter's commits only the last counts.
func streams(b *bus.Bus, table *positions.Table) []stream {
	p := b.Pipeline
	lowest := func(u bus.Usage, name string, shard int, readers []string) uint64 {
		released := uint64(math.MaxInt64)
		for _, r := range readers {
			released = min(released, table.Get(name, u.Created, u.Last, shard, r))
		}
		return released
	}
	byShard := func(name string, readers ...string) stream {
		return stream{name: name, readers: readers, released: func(u bus.Usage, subject string) uint64 {
			shard, err := p.Shard(subject)
			if err != nil {
				return 0
			}
			return lowest(u, name, shard, readers)
		}}
	}
	updates := byShard(p.UpdatesStream(), positions.Ager)
	ofShard := updates.released
	updates.released = func(u bus.Usage, subject string) uint64 {
		if _, commit, err := p.PacketShard(subject); err == nil && !commit {
			return ofShard(u, subject)
		}
		released := uint64(math.MaxInt64) // commits and control, which the agers of all flow shards read
		for shard := range b.Layout.FlowShards {
			released = min(released, lowest(u, p.UpdatesStream(), shard, updates.readers))
		}
		return released
	}
	return []stream{
		byShard(p.PacketsStream(), positions.FlowCache),
		updates,
		byShard(p.FlowsStream(), b.Layout.Readers...),
		byShard(p.DatagramsStream(), positions.Analyzer),
		{name: p.ExportsStream(), released: func(bus.Usage, string) uint64 { return math.MaxInt64 }},
	}
}
