package ager

import (
	"context"

	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/monitor"
	"netstream/schemas/update"
	"netstream/services/ager/internal/flows"
)

// kind is the flows of one monitor of one source.
type kind interface {
	merge(run)
	close(start int64)
	end()
	live() int
	// collect hands the flows that ended to the emitter.
	collect(context.Context, *emitter, *source) error
	entries(*ledger.Rows)
	// count counts updates taken in.
	count(updates int, packets, bytes uint64)
}

// keyed is a kind with keys K.
type keyed[K key.Key[K]] struct {
	table    *flows.Table[K]
	monitor  uint8                        // its number in this worker
	rows     func(*emitter) *flow.Rows[K] // where its flows go
	flowSeed uint64                       // of flow hashes
	hasher   flow.Hasher[K]               // of flow digests
	in, out  ledger.Entry
}

// newKind makes the table of a monitor.
func newKind(s *source, d monitor.Definition, number uint8, aging flows.Aging) kind {
	switch d.Kind {
	case monitor.IPv4:
		return newKeyed(s, d, number, aging, func(e *emitter) *flow.Rows[key.IPv4] { return e.ipv4 })
	case monitor.IPv6:
		return newKeyed(s, d, number, aging, func(e *emitter) *flow.Rows[key.IPv6] { return e.ipv6 })
	}
	return newKeyed(s, d, number, aging, func(e *emitter) *flow.Rows[key.Wide] { return e.wide })
}

func newKeyed[K key.Key[K]](s *source, d monitor.Definition, number uint8, aging flows.Aging, rows func(*emitter) *flow.Rows[K]) kind {
	entry := func(name string) ledger.Entry {
		return ledger.Entry{Source: s.name, Hop: ledger.Ager, Shard: s.shard, Monitor: d.Name, Name: name}
	}
	return &keyed[K]{
		table: flows.New[K](aging, d.Collects()), monitor: number, rows: rows,
		flowSeed: key.FlowSeed(s.name, d.Name), hasher: flow.Hasher[K]{Seed: key.Seed(d.Name)},
		in: entry(ledger.In), out: entry(ledger.Out),
	}
}

// merge gives the updates of a window to the table.
func (k *keyed[K]) merge(r run) {
	var u update.Row[K]
	rows := r.rows.(*update.Rows[K])
	sampled := rows.Sums.Present()
	for i := r.lo; i < r.hi; i++ {
		rows.Read(i, &u)
		k.table.Merge(&u, u.Key.Hash(k.flowSeed), sampled)
	}
}

func (k *keyed[K]) close(start int64) { k.table.Close(start) }
func (k *keyed[K]) end()              { k.table.End() }
func (k *keyed[K]) live() int         { return k.table.Len() }

func (k *keyed[K]) count(updates int, packets, bytes uint64) {
	k.in.Rows += uint64(updates)
	k.in.Packets += packets
	k.in.Bytes += bytes
}

func (k *keyed[K]) collect(ctx context.Context, e *emitter, s *source) error {
	return collect(ctx, e, k.rows(e), s, k)
}

// account counts a flow that ended.
func (k *keyed[K]) account(f *flow.Row[K]) {
	k.out.Packets += f.Packets
	k.out.Bytes += f.Bytes
	k.out.Rows++
	k.out.Digest = k.out.Digest.Add(k.hasher.Hash(f))
}

func (k *keyed[K]) entries(rows *ledger.Rows) {
	rows.Append(&k.in)
	rows.Append(&k.out)
	held := k.in
	held.Name = ledger.Held
	held.Packets -= k.out.Packets
	held.Bytes -= k.out.Bytes
	held.Rows = uint64(k.table.Len())
	rows.Append(&held)
}
