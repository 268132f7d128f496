package ager

import (
	"context"

	"netstream/pipeline/filter"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/schemas/update"
	"netstream/services/ager/internal/flows"
)

// kind is the flows of one monitor of one source.
type kind interface {
	merge(run)
	close(start int64)
	end()
	force(*filter.Filter) int
	live() int
	// collect hands the flows that ended to the emitter.
	collect(context.Context, *emitter, *source) error
	// books are where its updates and flows are counted.
	books() *book
	number() uint8
	// share returns a run that another goroutine may read.
	share(run) run
	// snapshot copies its live flows.
	snapshot(source uint16) tableSnapshot
}

// keyed is a kind with keys K.
type keyed[K key.Key[K]] struct {
	table    *flows.Table[K]
	monitor  uint8                        // its number in this worker
	rows     func(*emitter) *flow.Rows[K] // where its flows go
	empty    func() *flow.Rows[K]
	flowSeed uint64         // of flow hashes
	hasher   flow.Hasher[K] // of flow digests
	book     *book
	hashes   [32]uint64 // of the updates being merged
}

// newKind makes the table of a monitor.
func newKind(s *source, d monitor.Definition, number uint8, aging flows.Aging) kind {
	switch d.Kind {
	case monitor.IPv4:
		return newKeyed(s, d, number, aging, flow.NewIPv4, func(e *emitter) *flow.Rows[key.IPv4] { return e.ipv4 })
	case monitor.IPv6:
		return newKeyed(s, d, number, aging, flow.NewIPv6, func(e *emitter) *flow.Rows[key.IPv6] { return e.ipv6 })
	}
	return newKeyed(s, d, number, aging, flow.NewWide, func(e *emitter) *flow.Rows[key.Wide] { return e.wide })
}

func newKeyed[K key.Key[K]](s *source, d monitor.Definition, number uint8, aging flows.Aging, empty func() *flow.Rows[K], rows func(*emitter) *flow.Rows[K]) kind {
	return &keyed[K]{
		table: flows.New[K](aging, d.Collects()), monitor: number, rows: rows, empty: empty,
		flowSeed: key.FlowSeed(s.name, d.Name), hasher: flow.Hasher[K]{Seed: key.Seed(d.Name)}, book: s.book(d.Name),
	}
}

// merge gives the updates of a window to the table.
func (k *keyed[K]) merge(r run) {
	var u update.Row[K]
	rows := r.rows.(*update.Rows[K])
	sampled := rows.Sums.Present()
	for lo := r.lo; lo < r.hi; lo += len(k.hashes) {
		n := min(len(k.hashes), r.hi-lo)
		for i := range n {
			rows.Keys.Read(lo+i, &u.Key)
			k.hashes[i] = u.Key.Hash(k.flowSeed)
		}
		k.table.Touch(k.hashes[:n])
		for i := range n {
			rows.Read(lo+i, &u)
			k.table.Merge(&u, k.hashes[i], sampled)
		}
	}
}

func (k *keyed[K]) close(start int64) { k.table.Close(start) }
func (k *keyed[K]) end()              { k.table.End() }
func (k *keyed[K]) live() int         { return k.table.Len() }
func (k *keyed[K]) books() *book      { return k.book }

func (k *keyed[K]) collect(ctx context.Context, e *emitter, s *source) error {
	return collect(ctx, e, k.rows(e), s, k)
}

// account counts a flow that ended.
func (k *keyed[K]) account(f *flow.Row[K]) {
	k.book.out.Packets += f.Packets
	k.book.out.Bytes += f.Bytes
	k.book.out.Rows++
	k.book.out.Digest = k.book.out.Digest.Add(k.hasher.Hash(f))
}
