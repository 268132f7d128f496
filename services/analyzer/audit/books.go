package audit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"netstream/schemas/ledger"
	"netstream/schemas/monitor"
)

// Names of the hops in reports.
const (
	HopSampler          = "sampler"
	HopSamplerFlowCache = "sampler -> flowcache"
	HopMonitor          = "flowcache -> monitor"
	HopFlowCache        = "flowcache"
	HopFlowCacheAger    = "flowcache -> ager"
	HopAger             = "ager"
	HopAgerDatabase     = "ager -> database"
	HopCollector        = "collector -> database"
)

// Collector is the hop of records that other devices sent; their counters are written when their rows are landed.
const Collector = "collector"

// total is what one source counted at one hop under one name, over all shards; drops are together under ledger.Drop. The
// monitor is empty for what counts the packets of all.
type total struct{ hop, monitor, name string }

// books are the counters of one source.
type books struct {
	totals   map[total]*Counts
	monitors map[string]bool
	ended    int // flow shards that say so
}

// sum adds up several names of a hop.
func (b *books) sum(hop, monitor string, names ...string) Counts {
	var s Counts
	for _, n := range names {
		if c := b.totals[total{hop, monitor, n}]; c != nil {
			s.join(*c)
		}
	}
	return s
}

// closeBooks compares the hops of every source that has counters or rows.
func closeBooks(entries []ledger.Entry, landed map[book]*rowsOf, monitors map[string]monitor.Definition, flowShards int) []Line {
	sources := map[string]*books{}
	of := func(source string) *books {
		if sources[source] == nil {
			sources[source] = &books{totals: map[total]*Counts{}, monitors: map[string]bool{}}
		}
		return sources[source]
	}
	for i := range entries {
		e := &entries[i]
		b := of(e.Source)
		if e.Name == ledger.Ended {
			b.ended++
			continue
		}
		if e.Monitor != "" {
			b.monitors[e.Monitor] = true
		}
		name := e.Name
		if strings.HasPrefix(name, ledger.Drop) {
			name = ledger.Drop
		}
		k := total{e.Hop, e.Monitor, name}
		if b.totals[k] == nil {
			b.totals[k] = &Counts{}
		}
		b.totals[k].add(e)
	}
	for k := range landed {
		of(k.source).monitors[k.monitor] = true
	}
	var lines []Line
	for _, source := range slices.Sorted(maps.Keys(sources)) {
		lines = append(lines, sources[source].close(source, landed, monitors, flowShards)...)
	}
	return lines
}

// close compares the hops of one source, in flow order; those behind the flow cache's input for each monitor.
func (b *books) close(source string, landed map[book]*rowsOf, monitors map[string]monitor.Definition, flowShards int) []Line {
	rows := func(monitor string) *rowsOf {
		if r := landed[book{source, monitor}]; r != nil {
			return r
		}
		return &rowsOf{}
	}
	if _, collected := b.totals[total{Collector, "", ledger.Out}]; collected {
		return []Line{database(source, HopCollector, "", b.sum(Collector, "", ledger.Out), rows(""))}
	}
	live := b.ended < max(flowShards, 1)
	taken := b.sum(ledger.FlowCache, "", ledger.In)
	lines := []Line{
		compare(source, HopSampler, "", b.sum(ledger.Sampler, "", ledger.In),
			b.sum(ledger.Sampler, "", ledger.OutFrames, ledger.Unselected, ledger.Held, ledger.Drop), live),
		compare(source, HopSamplerFlowCache, "", b.sum(ledger.Sampler, "", ledger.Out), taken, live),
	}
	for _, m := range slices.Sorted(maps.Keys(b.monitors)) {
		if m == "" { // no stage hands over rows without a monitor
			lines = append(lines, database(source, HopAgerDatabase, "", Counts{}, rows("")))
			continue
		}
		sum := func(hop string, names ...string) Counts { return b.sum(hop, m, names...) }
		matched := sum(ledger.FlowCache, ledger.In, ledger.Unmatched)
		if d, ok := monitors[m]; !ok || d.Counts() != monitor.Layer3 {
			matched.Bytes = taken.Bytes // the monitor measures packets in another way: only their number can be compared
		}
		lines = append(lines, compare(source, HopMonitor, m, taken, matched, false))
		if landed[book{source, m}] == nil && sum(ledger.FlowCache, ledger.In) == (Counts{}) && sum(ledger.Ager, ledger.In) == (Counts{}) {
			continue // it took nothing
		}
		lines = append(lines,
			compare(source, HopFlowCache, m, sum(ledger.FlowCache, ledger.In), sum(ledger.FlowCache, ledger.Out, ledger.Drop, ledger.Held), live),
			compare(source, HopFlowCacheAger, m, sum(ledger.FlowCache, ledger.Out), sum(ledger.Ager, ledger.In), live),
			compare(source, HopAger, m, sum(ledger.Ager, ledger.In), sum(ledger.Ager, ledger.Out, ledger.Drop, ledger.Held), false),
			database(source, HopAgerDatabase, m, sum(ledger.Ager, ledger.Out), rows(m)))
	}
	return lines
}

// compare compares packets and bytes. Of a live source the right side may be behind: what is between the two is on its
// way.
func compare(source, hop, monitor string, left, right Counts, live bool) Line {
	l := Line{Source: source, Hop: hop, Monitor: monitor, Left: left, Right: right, State: Closes}
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
func database(source, hop, monitor string, left Counts, rows *rowsOf) Line {
	l := Line{Source: source, Hop: hop, Monitor: monitor, Left: left, Right: rows.Counts, State: Closes}
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
