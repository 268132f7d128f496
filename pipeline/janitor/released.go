package janitor

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"netstream/pipeline/bus"
	"netstream/pipeline/positions"
)

// Stream is one that is kept clean.
type Stream struct {
	Name string
	// Released is the sequence up to which all readers of a subject are done with it; 0 as long as one of them hasn't said.
	Released func(u bus.Usage, subject string) uint64
	// Readers are those of a shard of the stream, for the metrics.
	Readers []string
}

// streams are those of a pipeline. Packets are done with once a flow cache has committed them, updates once no ager would read them
// again, flows and datagrams once all who are configured to read them say so; of an exporter's commits only the last counts.
func streams(b *bus.Bus, table *positions.Table) []Stream {
	p := b.Pipeline
	lowest := func(u bus.Usage, stream string, shard int, readers []string) uint64 {
		released := uint64(math.MaxInt64)
		for _, r := range readers {
			released = min(released, table.Get(stream, u.Created, u.Last, shard, r))
		}
		return released
	}
	byShard := func(stream string, readers ...string) Stream {
		return Stream{Name: stream, Readers: readers, Released: func(u bus.Usage, subject string) uint64 {
			shard, err := shardOf(subject)
			if err != nil {
				return 0
			}
			return lowest(u, stream, shard, readers)
		}}
	}
	updates := byShard(p.UpdatesStream(), positions.Ager)
	ofShard := updates.Released
	updates.Released = func(u bus.Usage, subject string) uint64 {
		if _, commit, err := p.PacketShard(subject); err == nil && !commit {
			return ofShard(u, subject)
		}
		released := uint64(math.MaxInt64) // commits and control, which the agers of all flow shards read
		for shard := range b.Layout.FlowShards {
			released = min(released, lowest(u, p.UpdatesStream(), shard, updates.Readers))
		}
		return released
	}
	return []Stream{
		byShard(p.PacketsStream(), positions.FlowCache),
		updates,
		byShard(p.FlowsStream(), b.Layout.Readers...),
		byShard(p.DatagramsStream(), positions.Analyzer),
		{Name: p.ExportsStream(), Released: func(bus.Usage, string) uint64 { return math.MaxInt64 }},
	}
}

// shardOf is the shard in ns.P.packets.<shard>.<source>, ns.P.updates.<shard>.<packet-shard>, ns.P.flows.<shard> and so on.
func shardOf(subject string) (int, error) {
	f := strings.Split(subject, ".")
	if len(f) < 4 {
		return 0, fmt.Errorf("subject %q: no shard", subject)
	}
	shard, err := strconv.Atoi(f[3])
	if err != nil {
		return 0, fmt.Errorf("subject %q: %w", subject, err)
	}
	return shard, nil
}
