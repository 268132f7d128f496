package audit

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/uint128"
	"netstream/schemas/weight"
	"netstream/services/analyzer/internal/store"
)

// rowsOf is what the rows of one source add up to.
type rowsOf struct {
	Counts
	damaged uint64 // rows that landing never writes so
}

// stretch is how many rows are read at a time: whole row groups, since a result is held in memory.
const stretch = 4 * store.RowGroup

// part is a part of the rows whose digest is made in one way.
type part struct{ table, where, columns string }

const sums = `coalesce(weighted_packets, packets), coalesce(weighted_bytes, bytes),
	coalesce(var_packets_hi, 0), coalesce(var_packets_lo, 0), coalesce(var_bytes_hi, 0), coalesce(var_bytes_lo, 0)`

// Rows of our own samplers have all fields of their key. Unsampled ones have no weighted sums: they are packets and bytes
// then.
const own = `source, coalesce(monitor, 0), kind, coalesce(direction, 0), first_time, last_time,
	src_hi, src_lo, dst_hi, dst_lo, src_port, dst_port, protocol, tos, coalesce(tcp_flags, 0),
	CASE WHEN kind = 2 THEN flow_label ELSE 0 END, CASE WHEN direction = 1 THEN out_if ELSE in_if END,
	packets, bytes, coalesce(reason, 0), `

// Rows of other devices may lack any field: it is 0 then. Their addresses are hashed as IPv6 unless they are IPv4's.
const collected = `source, coalesce(monitor, 0), CASE WHEN kind = 1 AND src_lo IS NOT NULL THEN 1 ELSE 2 END::UTINYINT,
	coalesce(direction, 0), first_time, last_time,
	coalesce(src_hi, 0), coalesce(src_lo, 0), coalesce(dst_hi, 0), coalesce(dst_lo, 0), coalesce(src_port, 0), coalesce(dst_port, 0),
	coalesce(protocol, 0), coalesce(tos, 0), coalesce(tcp_flags, 0), coalesce(flow_label, 0),
	coalesce(CASE WHEN direction = 1 THEN out_if ELSE in_if END, 0), packets, bytes, coalesce(reason, 0), ` + sums

// parts are all rows, each once.
var parts = []part{
	{"flow_rows", "true", own + `packets, bytes, 0::UBIGINT, 0::UBIGINT, 0::UBIGINT, 0::UBIGINT`},
	{"flow_rows_wide", "coalesce(rate_origin, 1) IN (1, 2)", own + sums},
	{"flow_rows_wide", "rate_origin NOT IN (1, 2)", collected},
}

// landedRows adds up all rows by source. A row whose source has no name counts under its number.
func landedRows(ctx context.Context, conn *sql.Conn) (map[string]*rowsOf, error) {
	sources, monitors, err := store.Names(ctx, conn)
	if err != nil {
		return nil, err
	}
	a := adder{monitors: monitors, seeds: map[uint16]uint64{}, sources: map[uint32]*rowsOf{}}
	for _, p := range parts {
		var last sql.NullInt64
		if err := conn.QueryRowContext(ctx, "SELECT max(rowid) FROM "+p.table).Scan(&last); err != nil {
			return nil, err
		}
		query := fmt.Sprintf("SELECT %s FROM %s WHERE rowid >= ? AND rowid < ? AND %s", p.columns, p.table, p.where)
		for from := int64(0); last.Valid && from <= last.Int64; from += stretch {
			if err := store.Batches(ctx, conn, query, []any{from, from + stretch}, a.add); err != nil {
				return nil, err
			}
		}
	}
	out := make(map[string]*rowsOf, len(a.sources))
	for id, r := range a.sources {
		name, ok := sources[id]
		if !ok {
			name = fmt.Sprintf("number %d, which has no name", id)
		}
		out[name] = r
	}
	return out, nil
}

// adder adds rows up.
type adder struct {
	monitors map[uint16]string
	seeds    map[uint16]uint64
	sources  map[uint32]*rowsOf
}

// seed starts the digests of a monitor.
func (a *adder) seed(monitor uint16) uint64 {
	s, ok := a.seeds[monitor]
	if !ok {
		s = key.Seed(a.monitors[monitor])
		a.seeds[monitor] = s
	}
	return s
}

// add takes a batch of one of the parts.
func (a *adder) add(b arrow.RecordBatch) error {
	c, err := readColumns(b)
	if err != nil {
		return err
	}
	var r *rowsOf
	var source uint32
	for i := range int(b.NumRows()) {
		if r == nil || c.source[i] != source {
			source = c.source[i]
			if r = a.sources[source]; r == nil {
				r = &rowsOf{}
				a.sources[source] = r
			}
		}
		r.Rows++
		r.Packets += c.packets[i]
		r.Bytes += c.bytes[i]
		hash, ok := c.hash(i, a.seed(c.monitor[i]))
		if !ok {
			r.damaged++
		}
		r.Digest = r.Digest.Add(hash)
	}
	return nil
}

// rowColumns are the columns of a part, in its order.
type rowColumns struct {
	source                         []uint32
	monitor                        []uint16
	kind, direction                []uint8
	first, last                    []arrow.Timestamp
	srcHi, srcLo, dstHi, dstLo     []uint64
	srcPort, dstPort               []uint16
	protocol, tos, tcpFlags        []uint8
	flowLabel, iface               []uint32
	packets, bytes                 []uint64
	weightedPackets, weightedBytes []uint64
	varPacketsHi, varPacketsLo     []uint64
	varBytesHi, varBytesLo         []uint64
	reason                         []uint8
	nulls                          []arrow.Array // columns with NULLs among them
}

func readColumns(b arrow.RecordBatch) (*rowColumns, error) {
	c := &rowColumns{}
	for i, dst := range []any{
		&c.source, &c.monitor, &c.kind, &c.direction, &c.first, &c.last, &c.srcHi, &c.srcLo, &c.dstHi, &c.dstLo,
		&c.srcPort, &c.dstPort, &c.protocol, &c.tos, &c.tcpFlags, &c.flowLabel, &c.iface, &c.packets, &c.bytes, &c.reason,
		&c.weightedPackets, &c.weightedBytes, &c.varPacketsHi, &c.varPacketsLo, &c.varBytesHi, &c.varBytesLo,
	} {
		col := b.Column(i)
		ok := false
		switch dst := dst.(type) {
		case *[]uint8:
			var a *array.Uint8
			if a, ok = col.(*array.Uint8); ok {
				*dst = a.Uint8Values()
			}
		case *[]uint16:
			var a *array.Uint16
			if a, ok = col.(*array.Uint16); ok {
				*dst = a.Uint16Values()
			}
		case *[]uint32:
			var a *array.Uint32
			if a, ok = col.(*array.Uint32); ok {
				*dst = a.Uint32Values()
			}
		case *[]uint64:
			var a *array.Uint64
			if a, ok = col.(*array.Uint64); ok {
				*dst = a.Uint64Values()
			}
		case *[]arrow.Timestamp:
			var a *array.Timestamp
			if a, ok = col.(*array.Timestamp); ok {
				*dst = a.TimestampValues()
			}
		}
		if !ok {
			return nil, fmt.Errorf("column %d (%s) is %s", i, b.ColumnName(i), col.DataType())
		}
		if col.NullN() > 0 {
			c.nulls = append(c.nulls, col)
		}
	}
	return c, nil
}

// hash is the digest of row i; false if landing never writes a row like that.
func (c *rowColumns) hash(i int, seed uint64) (flow.Digest, bool) {
	for _, col := range c.nulls {
		if col.IsNull(i) {
			return flow.Digest{}, false
		}
	}
	switch c.kind[i] {
	case store.IPv4:
		const mapped = 0xffff << 32 // ::ffff:0:0
		ok := c.srcHi[i] == 0 && c.dstHi[i] == 0 && c.srcLo[i]>>32<<32 == mapped && c.dstLo[i]>>32<<32 == mapped
		return hash(c, i, key.IPv4{
			Src: uint32(c.srcLo[i]), Dst: uint32(c.dstLo[i]), Interface: c.iface[i], SrcPort: c.srcPort[i], DstPort: c.dstPort[i],
			Protocol: c.protocol[i], TOS: c.tos[i], Direction: c.direction[i],
		}, seed), ok
	case store.IPv6:
		k := key.IPv6{
			Interface: c.iface[i], FlowLabel: c.flowLabel[i], SrcPort: c.srcPort[i], DstPort: c.dstPort[i],
			Protocol: c.protocol[i], TOS: c.tos[i], Direction: c.direction[i],
		}
		binary.BigEndian.PutUint64(k.Src[:8], c.srcHi[i])
		binary.BigEndian.PutUint64(k.Src[8:], c.srcLo[i])
		binary.BigEndian.PutUint64(k.Dst[:8], c.dstHi[i])
		binary.BigEndian.PutUint64(k.Dst[8:], c.dstLo[i])
		return hash(c, i, k, seed), true
	}
	return flow.Digest{}, false
}

func hash[K key.Key[K]](c *rowColumns, i int, k K, seed uint64) flow.Digest {
	return flow.Hash(&flow.Row[K]{
		Key: k, First: int64(c.first[i]), Last: int64(c.last[i]), Packets: c.packets[i], Bytes: c.bytes[i],
		TCPFlags: c.tcpFlags[i], Reason: flow.Reason(c.reason[i]),
		Sums: weight.Sums{
			Packets: c.weightedPackets[i], Bytes: c.weightedBytes[i],
			VarPackets: uint128.Uint128{Hi: c.varPacketsHi[i], Lo: c.varPacketsLo[i]},
			VarBytes:   uint128.Uint128{Hi: c.varBytesHi[i], Lo: c.varBytesLo[i]},
		},
	}, seed)
}
