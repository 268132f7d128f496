package audit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"netstream/schemas/ledger"
)

// Names of the hops in reports.
const (
	HopSampler          = "sampler"
	HopSamplerFlowCache = "sampler -> flowcache"
	HopFlowCache        = "flowcache"
	HopFlowCacheAger    = "flowcache -> ager"
	HopAger             = "ager"
	HopAgerDatabase     = "ager -> database"
	HopCollector        = "collector -> database"
)

// Collector is the hop of records that other devices sent; their counters are written when their rows are landed.
const Collector = "collector"

// total is what one source counted at one hop under one name, over all shards; drops are together under ledger.Drop.
type total struct{ hop, name string }

// books are the counters of one source.
type books struct {
	totals map[total]*Counts
	ended  int // flow shards that say so
}

func (b *books) at(hop, name string) Counts {
	if c := b.totals[total{hop, name}]; c != nil {
		return *c
	}
	return Counts{}
}

// sum adds up several names of a hop.
func (b *books) sum(hop string, names ...string) Counts {
	var s Counts
	for _, n := range names {
		c := b.at(hop, n)
		s.Packets, s.Bytes, s.Rows, s.Digest = s.Packets+c.Packets, s.Bytes+c.Bytes, s.Rows+c.Rows, s.Digest.Add(c.Digest)
	}
	return s
}

// closeBooks compares the hops of every source that has counters or rows.
func closeBooks(entries []ledger.Entry, landed map[string]*rowsOf, flowShards int) []Line {
	sources := map[string]*books{}
	for i := range entries {
		e := &entries[i]
		b := sources[e.Source]
		if b == nil {
			b = &books{totals: map[total]*Counts{}}
			sources[e.Source] = b
		}
		if e.Name == ledger.Ended {
			b.ended++
			continue
		}
		name := e.Name
		if strings.HasPrefix(name, ledger.Drop) {
			name = ledger.Drop
		}
		k := total{e.Hop, name}
		if b.totals[k] == nil {
			b.totals[k] = &Counts{}
		}
		b.totals[k].add(e)
	}
	for source := range landed {
		if sources[source] == nil {
			sources[source] = &books{}
		}
	}
	var lines []Line
	for _, source := range slices.Sorted(maps.Keys(sources)) {
		rows := landed[source]
		if rows == nil {
			rows = &rowsOf{}
		}
		lines = append(lines, sources[source].close(source, rows, flowShards)...)
	}
	return lines
}

// close compares the hops of one source, in flow order.
func (b *books) close(source string, rows *rowsOf, flowShards int) []Line {
	if _, collected := b.totals[total{Collector, ledger.Out}]; collected {
		return []Line{database(source, HopCollector, b.at(Collector, ledger.Out), rows)}
	}
	live := b.ended < max(flowShards, 1)
	between := func(hop string, left, right Counts) Line { return compare(source, hop, left, right, live) }
	return []Line{
		between(HopSampler, b.at(ledger.Sampler, ledger.In), b.sum(ledger.Sampler, ledger.OutFrames, ledger.Unselected, ledger.Drop)),
		between(HopSamplerFlowCache, b.at(ledger.Sampler, ledger.Out), b.at(ledger.FlowCache, ledger.In)),
		between(HopFlowCache, b.at(ledger.FlowCache, ledger.In), b.sum(ledger.FlowCache, ledger.Out, ledger.Drop, ledger.Held)),
		between(HopFlowCacheAger, b.at(ledger.FlowCache, ledger.Out), b.at(ledger.Ager, ledger.In)),
		compare(source, HopAger, b.at(ledger.Ager, ledger.In), b.sum(ledger.Ager, ledger.Out, ledger.Drop, ledger.Held), false),
		database(source, HopAgerDatabase, b.at(ledger.Ager, ledger.Out), rows),
	}
}

// compare compares packets and bytes. Of a live source the right side may be behind: what is between the two is on its
// way.
func compare(source, hop string, left, right Counts, live bool) Line {
	l := Line{Source: source, Hop: hop, Left: left, Right: right, State: Closes}
	var diffs []string
	behind := true
	differ := func(what string, left, right uint64) {
		if left != right {
			diffs = append(diffs, fmt.Sprintf("%d %s on one side, %d on the other", left, what, right))
			behind = behind && right < left
		}
	}
	differ("packets", left.Packets, right.Packets)
	differ("bytes", left.Bytes, right.Bytes)
	switch {
	case len(diffs) == 0:
	case live && behind:
		l.State, l.Detail = Open, strings.Join(diffs, "; ")
	default:
		l.State, l.Detail = Fails, strings.Join(diffs, "; ")
	}
	return l
}

// database compares what was handed to the database with the rows in it. Both are written by the same transactions, so
// they agree at every moment.
func database(source, hop string, left Counts, rows *rowsOf) Line {
	l := Line{Source: source, Hop: hop, Left: left, Right: rows.Counts, State: Closes}
	var diffs []string
	differ := func(what string, left, right uint64) {
		if left != right {
			diffs = append(diffs, fmt.Sprintf("%d %s handed over, %d in the database", left, what, right))
		}
	}
	differ("rows", left.Rows, rows.Rows)
	differ("packets", left.Packets, rows.Packets)
	differ("bytes", left.Bytes, rows.Bytes)
	if rows.damaged > 0 {
		diffs = append(diffs, fmt.Sprintf("%d rows can't have been landed like that", rows.damaged))
	}
	if left.Digest != rows.Digest {
		diffs = append(diffs, fmt.Sprintf("digest %s handed over, %s in the database: rows were altered", left.Digest, rows.Digest))
	}
	if len(diffs) > 0 {
		l.State, l.Detail = Fails, strings.Join(diffs, "; ")
	}
	return l
}
