package landing

import (
	"encoding/binary"
	"fmt"

	"netstream/pipeline/bus"
	"netstream/pipeline/routes"
	"netstream/schemas/columns"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/monitor"
	"netstream/services/analyzer/internal/store"
)

// decoder turns flow messages into rows of the database.
type decoder struct {
	ids      ids
	ipv4     *flow.Rows[key.IPv4]
	ipv6     *flow.Rows[key.IPv6]
	wide     *flow.Rows[key.Wide]
	ledger   ledger.Rows
	sources  []uint32 // the database's numbers of the message's sources
	monitors []uint16
	defined  []monitor.Definition // the message's monitors
	routes   func() *routes.Table // the table in use, which may be nil; nil: flows come without routes
	over     bool                 // the message added last ends a source on its shard
}

// ids gives names their numbers in the database.
type ids interface {
	SourceID(name string) (uint32, error)
	MonitorID(monitor.Definition) (uint16, error)
}

func newDecoder(ids ids) *decoder {
	return &decoder{ids: ids, ipv4: flow.NewIPv4(), ipv6: flow.NewIPv6(), wide: flow.NewWide()}
}

// add adds a message of a shard, whose flows are landed up to number `after`, to the batch, and returns the number of
// its last flow. After an error the batch is as before.
func (d *decoder) add(b *store.Batch, m *bus.Message, after uint64) (last uint64, err error) {
	parts, err := message.Parts(m.Header, m.Body, flow.SchemaIPv4, flow.SchemaIPv6, flow.SchemaWide, ledger.Schema)
	if err != nil {
		return 0, err
	}
	sources := m.Header.List(message.Sources)
	if d.defined, err = monitor.ParseList(m.Header.List(message.Monitors)); err != nil {
		return 0, fmt.Errorf("%w: %s: %w", message.ErrHeader, message.Monitors, err)
	}
	d.ipv4.Reset()
	d.ipv6.Reset()
	d.wide.Reset()
	d.ledger.Reset()
	for _, p := range parts {
		switch p.Schema {
		case flow.SchemaIPv4:
			err = read(p, d.ipv4, len(sources), d.defined, func(k monitor.Kind) bool { return k == monitor.IPv4 })
		case flow.SchemaIPv6:
			err = read(p, d.ipv6, len(sources), d.defined, func(k monitor.Kind) bool { return k == monitor.IPv6 })
		case flow.SchemaWide:
			err = read(p, d.wide, len(sources), d.defined, monitor.Kind.Wide)
		case ledger.Schema:
			_, err = columns.Read(p.Data, d.ledger.Columns())
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", p.Schema, err)
		}
	}
	first, count, err := m.Header.Pair(message.Numbers)
	if err != nil {
		return 0, err
	}
	if n := uint64(d.ipv4.Len() + d.ipv6.Len() + d.wide.Len()); n != count {
		return 0, fmt.Errorf("%w: %d flows inside, %s says %d", message.ErrBody, n, message.Numbers, count)
	}
	if count > 0 && first != after+1 {
		return 0, fmt.Errorf("%w: its first flow is number %d, want %d", ErrGap, first, after+1)
	}
	if err := d.translate(sources); err != nil {
		return 0, err
	}
	d.appendIPv4(&b.Rows)
	d.appendIPv6(&b.Rows)
	d.appendWide(&b.Rows)
	d.over = false
	for i := range d.ledger.Len() {
		e := d.ledger.At(i)
		d.over = d.over || e.Hop == ledger.Ager && e.Name == ledger.Ended
		keep(b.Ledger, e)
	}
	return after + count, nil
}

// read points rows at one stream of the body, all of whose monitors must be of a kind that belongs there.
func read[K key.Key[K]](p message.Part, rows *flow.Rows[K], sources int, monitors []monitor.Definition, belongs func(monitor.Kind) bool) error {
	if _, err := columns.Read(p.Data, rows.Columns()); err != nil {
		return err
	}
	if err := rows.Check(sources, len(monitors)); err != nil {
		return err
	}
	for i, m := range rows.Monitor {
		if d := &monitors[m]; !belongs(d.Kind) {
			return fmt.Errorf("%w: row %d is of monitor %s, whose records are others", message.ErrBody, i, d)
		}
	}
	return nil
}

// keep keeps the later of two values of a counter. Counters of the hops before the ager arrive through several flow
// shards, in any order. Counters of an ager come in order.
func keep(entries map[ledger.Key]ledger.Entry, e ledger.Entry) {
	if old, ok := entries[e.Key()]; ok && e.Hop != ledger.Ager && e.Before(&old) {
		return
	}
	entries[e.Key()] = e
}

// translate looks up the message's names.
func (d *decoder) translate(sources []string) error {
	d.sources, d.monitors = d.sources[:0], d.monitors[:0]
	for _, name := range sources {
		id, err := d.ids.SourceID(name)
		if err != nil {
			return err
		}
		d.sources = append(d.sources, id)
	}
	for _, m := range d.defined {
		id, err := d.ids.MonitorID(m)
		if err != nil {
			return err
		}
		d.monitors = append(d.monitors, id)
	}
	return nil
}

func (d *decoder) appendIPv4(r *store.Rows) {
	n := d.ipv4.Len()
	if n == 0 {
		return
	}
	k := d.ipv4.Keys.(*key.IPv4Columns)
	r.Kind.Repeat(store.IPv4, n)
	r.SrcHi.Repeat(0, n)
	r.DstHi.Repeat(0, n)
	mapped(r.SrcLo.Extend(n), k.Src)
	mapped(r.DstLo.Extend(n), k.Dst)
	r.SrcPort.AppendAll(k.SrcPort)
	r.DstPort.AppendAll(k.DstPort)
	r.Protocol.AppendAll(k.Protocol)
	r.TOS.AppendAll(k.TOS)
	appendInterfaces(r, k.Interface, k.Direction)
	d.appendRoutes(r, n)
	appendRest(d, r, d.ipv4)
}

func (d *decoder) appendIPv6(r *store.Rows) {
	n := d.ipv6.Len()
	if n == 0 {
		return
	}
	k := d.ipv6.Keys.(*key.IPv6Columns)
	r.Kind.Repeat(store.IPv6, n)
	halves(r.SrcHi.Extend(n), r.SrcLo.Extend(n), k.Src)
	halves(r.DstHi.Extend(n), r.DstLo.Extend(n), k.Dst)
	r.SrcPort.AppendAll(k.SrcPort)
	r.DstPort.AppendAll(k.DstPort)
	r.Protocol.AppendAll(k.Protocol)
	r.TOS.AppendAll(k.TOS)
	r.FlowLabel.AppendAll(k.FlowLabel)
	appendInterfaces(r, k.Interface, k.Direction)
	d.appendRoutes(r, n)
	appendRest(d, r, d.ipv6)
}

// mapped writes IPv4 addresses as the low half of ::ffff:a.b.c.d.
func mapped(dst []uint64, addrs []uint32) {
	for i, a := range addrs {
		dst[i] = 0xffff<<32 | uint64(a)
	}
}

// halves writes IPv6 addresses as two numbers.
func halves(hi, lo []uint64, addrs [][16]byte) {
	for i := range addrs {
		hi[i], lo[i] = binary.BigEndian.Uint64(addrs[i][:8]), binary.BigEndian.Uint64(addrs[i][8:])
	}
}

// appendInterfaces files the interface of the key under the direction in which its sampler sits. An empty direction
// column means all ingress.
func appendInterfaces(r *store.Rows, ifs []uint32, direction []uint8) {
	if len(direction) == 0 {
		r.Direction.Repeat(0, len(ifs))
		r.InIf.AppendAll(ifs)
		r.OutIf.AppendNull(len(ifs))
		return
	}
	r.Direction.AppendAll(direction)
	for i, d := range direction {
		if d == 1 {
			r.InIf.AppendNull(1)
			r.OutIf.Append(ifs[i])
		} else {
			r.InIf.Append(ifs[i])
			r.OutIf.AppendNull(1)
		}
	}
}

// appendRest appends what the kinds have in common, and NULL for what neither has.
func appendRest[K key.Key[K]](d *decoder, r *store.Rows, rows *flow.Rows[K]) {
	r.TCPFlags.AppendAll(rows.TCPFlags)
	appendCounts(d, r, rows)
}

// appendCounts appends what all flows have, and NULL for what is still missing.
func appendCounts[K key.Key[K]](d *decoder, r *store.Rows, rows *flow.Rows[K]) {
	n := rows.Len()
	source := r.Source.Extend(n)
	monitor := r.Monitor.Extend(n)
	for i := range n {
		source[i], monitor[i] = d.sources[rows.Source[i]], d.monitors[rows.Monitor[i]]
	}
	r.First.AppendAll(rows.First)
	r.Last.AppendAll(rows.Last)
	r.Packets.AppendAll(rows.Packets)
	r.Bytes.AppendAll(rows.Bytes)
	r.Reason.AppendAll(rows.Reason)
	if s := &rows.Sums; s.Present() {
		r.WeightedPackets.AppendAll(s.Packets)
		r.WeightedBytes.AppendAll(s.Bytes)
		r.VarPacketsHi.AppendAll(s.VarPacketsHi)
		r.VarPacketsLo.AppendAll(s.VarPacketsLo)
		r.VarBytesHi.AppendAll(s.VarBytesHi)
		r.VarBytesLo.AppendAll(s.VarBytesLo)
		r.RateOrigin.Repeat(store.RateWeights, n)
	}
	r.Complete()
}
