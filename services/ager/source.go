package ager

import (
	"math"
	"slices"

	"netstream/schemas/commit"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/update"
	"netstream/schemas/window"
	"netstream/services/ager/internal/flows"
)

// source is the state of one source: its clock, its updates of windows still open, and its live flows.
type source struct {
	name     string
	marks    []commit.Watermark // of each packet shard
	held     []held             // in order of their windows
	ipv4     *kind[key.IPv4]
	ipv6     *kind[key.IPv6]
	clock    int64 // end of the last window closed
	in, out  ledger.Entry
	upstream ledger.Book // latest counters of the hops before
	touched  bool        // since its counters were last published
}

// kind is the flow table of one monitor.
type kind[K key.Key[K]] struct {
	table    *flows.Table[K]
	monitor  uint8
	flowSeed uint64         // of flow hashes
	hasher   flow.Hasher[K] // of flow digests
}

// held are the updates of one window.
type held struct {
	window int64
	ipv4   []run[key.IPv4]
	ipv6   []run[key.IPv6]
}

// run is a stretch of rows of one message.
type run[K any] struct {
	rows   *update.Rows[K]
	lo, hi int
}

func newSource(name string, shard, packetShards int, aging flows.Aging) *source {
	s := &source{
		name: name, marks: make([]commit.Watermark, packetShards), clock: commit.NoTime,
		ipv4: newKind[key.IPv4](name, key.MonitorIPv4, aging),
		ipv6: newKind[key.IPv6](name, key.MonitorIPv6, aging),
		in:   ledger.Entry{Source: name, Hop: ledger.Ager, Shard: uint16(shard), Name: ledger.In},
		out:  ledger.Entry{Source: name, Hop: ledger.Ager, Shard: uint16(shard), Name: ledger.Out},
	}
	for p := range s.marks {
		s.marks[p].Time = commit.NoTime
	}
	return s
}

func newKind[K key.Key[K]](source string, monitor uint8, aging flows.Aging) *kind[K] {
	return &kind[K]{
		table: flows.New[K](aging), monitor: monitor,
		flowSeed: key.FlowSeed(source, key.Monitors[monitor]), hasher: flow.Hasher[K]{Seed: key.Seed(key.Monitors[monitor])},
	}
}

// at returns the place for updates of a window.
func (s *source) at(w int64) *held {
	i, found := slices.BinarySearchFunc(s.held, w, func(h held, w int64) int {
		switch {
		case h.window < w:
			return -1
		case h.window > w:
			return 1
		}
		return 0
	})
	if !found {
		s.held = slices.Insert(s.held, i, held{window: w})
	}
	return &s.held[i]
}

// horizon is how far the source's windows are complete, and whether the source has ended everywhere.
func (s *source) horizon() (until int64, ended bool) {
	until, last, ended := int64(math.MaxInt64), int64(commit.NoTime), true
	for _, m := range s.marks {
		last = max(last, m.Time)
		if !m.Ended {
			until, ended = min(until, m.Time), false
		}
	}
	if ended && last > commit.NoTime {
		until = window.Of(last) + window.Length
	}
	return until, ended
}

// advance closes all windows that end at or before until, one after another.
func (s *source) advance(until int64, emit func(*source)) {
	for {
		end := s.clock + window.Length
		if s.clock == commit.NoTime || s.ipv4.table.Len()+s.ipv6.table.Len() == 0 { // nothing can happen before the next update
			if len(s.held) == 0 {
				return
			}
			end = s.held[0].window + window.Length
		}
		if end > until {
			return
		}
		start := end - window.Length
		if len(s.held) > 0 && s.held[0].window == start {
			s.ipv4.merge(s.held[0].ipv4)
			s.ipv6.merge(s.held[0].ipv6)
			s.held = slices.Delete(s.held, 0, 1)
		}
		s.ipv4.table.Close(start)
		s.ipv6.table.Close(start)
		s.clock = end
		emit(s)
	}
}

// merge gives the updates of a window to the table.
func (k *kind[K]) merge(runs []run[K]) {
	var u update.Row[K]
	for _, r := range runs {
		sampled := r.rows.Sums.Present()
		for i := r.lo; i < r.hi; i++ {
			r.rows.Read(i, &u)
			k.table.Merge(&u, u.Key.Hash(k.flowSeed), sampled)
		}
	}
}

// entries appends the source's counters; those of the hops before once, from flow shard 0.
func (s *source) entries(rows *ledger.Rows, ended bool) {
	if s.in.Shard == 0 {
		s.upstream.Append(rows)
	}
	rows.Append(&s.in)
	rows.Append(&s.out)
	held := s.in
	held.Name = ledger.Held
	held.Packets -= s.out.Packets
	held.Bytes -= s.out.Bytes
	held.Rows = uint64(s.ipv4.table.Len() + s.ipv6.table.Len())
	rows.Append(&held)
	if ended {
		rows.Append(&ledger.Entry{Source: s.name, Hop: ledger.Ager, Shard: s.in.Shard, Name: ledger.Ended})
	}
}

// account counts a flow that ended.
func account[K key.Key[K]](s *source, k *kind[K], f *flow.Row[K]) {
	s.out.Packets += f.Packets
	s.out.Bytes += f.Bytes
	s.out.Rows++
	s.out.Digest = s.out.Digest.Add(k.hasher.Hash(f))
}
