package audit

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"netstream/schemas/collect"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
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

// Rows with wide keys have the columns that their monitor matches or collects; the others are zero in its key.
const wide = `source, coalesce(monitor, 0), kind, coalesce(direction, 0), first_time, last_time,
	coalesce(src_hi, 0), coalesce(src_lo, 0), coalesce(dst_hi, 0), coalesce(dst_lo, 0), coalesce(src_port, 0), coalesce(dst_port, 0),
	coalesce(protocol, 0), coalesce(tos, 0), coalesce(tcp_flags, 0), coalesce(flow_label, 0),
	coalesce(CASE WHEN direction = 1 THEN out_if ELSE in_if END, 0), packets, bytes, coalesce(reason, 0), `

// Columns of the smaller tables where they have none.
const (
	noSums   = `packets, bytes, 0::UBIGINT, 0::UBIGINT, 0::UBIGINT, 0::UBIGINT`
	someMore = `, coalesce(src_mac, 0), coalesce(dst_mac, 0), coalesce(vrf, 0), coalesce(vlan, 0),
		coalesce(mpls_label_1, 0), coalesce(mpls_label_2, 0), coalesce(mpls_label_3, 0)`
	noMore  = `, 0::UBIGINT, 0::UBIGINT, 0::UINTEGER, 0::USMALLINT, 0::UINTEGER, 0::UINTEGER, 0::UINTEGER`
	allMore = `, coalesce(mpls_label_4, 0), coalesce(mpls_label_5, 0), coalesce(mpls_label_6, 0), coalesce(mpls_label_7, 0),
		coalesce(mpls_label_8, 0), coalesce(mpls_label_9, 0), coalesce(mpls_label_10, 0), coalesce(inner_vlan, 0), coalesce(ethertype, 0),
		coalesce(ttl, 0), coalesce(ip_version, 0), coalesce(min_ttl, 0), coalesce(max_ttl, 0), coalesce(min_length, 0), coalesce(max_length, 0)`
	noneMore = `, 0::UINTEGER, 0::UINTEGER, 0::UINTEGER, 0::UINTEGER, 0::UINTEGER, 0::UINTEGER, 0::UINTEGER, 0::USMALLINT, 0::USMALLINT,
		0::UTINYINT, 0::UTINYINT, 0::UTINYINT, 0::UTINYINT, 0::UINTEGER, 0::UINTEGER`
)

// Conditions on rows.
const (
	ours   = "coalesce(rate_origin, 1) IN (1, 2)"
	others = "rate_origin NOT IN (1, 2)"
	isIP   = "kind IN (1, 2)"
	isWide = "kind NOT IN (1, 2)"
)

// parts are all rows, each once.
var parts = []part{
	{"flow_rows", isIP, own + noSums},
	{"flow_rows_wide", ours + " AND " + isIP, own + sums},
	{"flow_rows_full", ours + " AND " + isIP, own + sums},
	{"flow_rows", isWide, wide + noSums + noMore + noneMore},
	{"flow_rows_wide", ours + " AND " + isWide, wide + sums + someMore + noneMore},
	{"flow_rows_full", ours + " AND " + isWide, wide + sums + someMore + allMore},
	{"flow_rows_wide", others, collected},
	{"flow_rows_full", others, collected},
}

// book names the rows of one monitor of one source.
type book struct{ source, monitor string }

// landedRows adds up all rows by source and monitor. A row whose source has no name counts under its number. monitors are
// the definitions by name.
func landedRows(ctx context.Context, conn *sql.Conn) (landed map[book]*rowsOf, monitors map[string]monitor.Definition, err error) {
	sources, defined, err := store.Names(ctx, conn)
	if err != nil {
		return nil, nil, err
	}
	a := adder{monitors: map[uint16]known{}, books: map[numbers]*rowsOf{}}
	monitors = map[string]monitor.Definition{}
	for id, d := range defined {
		a.monitors[id] = known{d, key.Seed(d.Name)}
		monitors[d.Name] = d
	}
	for _, p := range parts {
		var last sql.NullInt64
		if err := conn.QueryRowContext(ctx, "SELECT max(rowid) FROM "+p.table).Scan(&last); err != nil {
			return nil, nil, err
		}
		query := fmt.Sprintf("SELECT %s FROM %s WHERE rowid >= ? AND rowid < ? AND %s", p.columns, p.table, p.where)
		for from := int64(0); last.Valid && from <= last.Int64; from += stretch {
			if err := store.Batches(ctx, conn, query, []any{from, from + stretch}, a.add); err != nil {
				return nil, nil, err
			}
		}
	}
	landed = make(map[book]*rowsOf, len(a.books))
	for n, r := range a.books {
		source, ok := sources[n.source]
		if !ok {
			source = fmt.Sprintf("number %d, which has no name", n.source)
		}
		b := book{source, defined[n.monitor].Name}
		if all := landed[b]; all != nil { // a monitor that was changed has several numbers
			all.Counts.join(r.Counts)
			all.damaged += r.damaged
		} else {
			landed[b] = r
		}
	}
	return landed, monitors, nil
}

// numbers name a book in the database.
type numbers struct {
	source  uint32
	monitor uint16
}

// known is a monitor's definition, and what starts the digests of its flows.
type known struct {
	monitor.Definition
	seed uint64
}

// adder adds rows up.
type adder struct {
	monitors map[uint16]known
	books    map[numbers]*rowsOf
}

// none is what rows without a monitor, those of other devices, are hashed as.
var none = known{seed: key.Seed("")}

// monitor is the monitor of a row.
func (a *adder) monitor(number uint16) *known {
	if k, ok := a.monitors[number]; ok {
		return &k
	}
	return &none
}

// add takes a batch of one of the parts.
func (a *adder) add(b arrow.RecordBatch) error {
	c, err := readColumns(b)
	if err != nil {
		return err
	}
	var r *rowsOf
	var at numbers
	var m *known
	for i := range int(b.NumRows()) {
		if now := (numbers{c.source[i], c.monitor[i]}); r == nil || now != at {
			at, m = now, a.monitor(now.monitor)
			if r = a.books[at]; r == nil {
				r = &rowsOf{}
				a.books[at] = r
			}
		}
		r.Rows++
		r.Packets += c.packets[i]
		r.Bytes += c.bytes[i]
		hash, ok := c.hash(i, m)
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

	// Of wide rows only.
	srcMAC, dstMAC       []uint64
	vrf                  []uint32
	vlan, innerVLAN      []uint16
	etherType            []uint16
	ttl, version         []uint8
	minLength, maxLength []uint32
	minTTL, maxTTL       []uint8
	label                [key.Labels][]uint32
}

func readColumns(b arrow.RecordBatch) (*rowColumns, error) {
	c := &rowColumns{}
	all := []any{
		&c.source, &c.monitor, &c.kind, &c.direction, &c.first, &c.last, &c.srcHi, &c.srcLo, &c.dstHi, &c.dstLo,
		&c.srcPort, &c.dstPort, &c.protocol, &c.tos, &c.tcpFlags, &c.flowLabel, &c.iface, &c.packets, &c.bytes, &c.reason,
		&c.weightedPackets, &c.weightedBytes, &c.varPacketsHi, &c.varPacketsLo, &c.varBytesHi, &c.varBytesLo,
	}
	if int(b.NumCols()) > len(all) {
		all = append(all, &c.srcMAC, &c.dstMAC, &c.vrf, &c.vlan)
		for i := range c.label {
			all = append(all, &c.label[i])
		}
		all = append(all, &c.innerVLAN, &c.etherType, &c.ttl, &c.version, &c.minTTL, &c.maxTTL, &c.minLength, &c.maxLength)
	}
	for i, dst := range all {
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
func (c *rowColumns) hash(i int, m *known) (flow.Digest, bool) {
	for _, col := range c.nulls {
		if col.IsNull(i) {
			return flow.Digest{}, false
		}
	}
	// A row of a monitor has its kind, one of other devices has none of ours.
	if m != &none && c.kind[i] != uint8(m.Kind) {
		return flow.Digest{}, false
	}
	switch {
	case c.label[0] != nil:
		return c.wideHash(i, m)
	case c.kind[i] == store.IPv4:
		const mapped = 0xffff << 32 // ::ffff:0:0
		ok := c.srcHi[i] == 0 && c.dstHi[i] == 0 && c.srcLo[i]>>32<<32 == mapped && c.dstLo[i]>>32<<32 == mapped
		return hash(c, i, key.IPv4{
			Src: uint32(c.srcLo[i]), Dst: uint32(c.dstLo[i]), Interface: c.iface[i], SrcPort: c.srcPort[i], DstPort: c.dstPort[i],
			Protocol: c.protocol[i], TOS: c.tos[i], Direction: c.direction[i],
		}, c.tcpFlags[i], nil, m.seed), ok
	case c.kind[i] == store.IPv6:
		k := key.IPv6{
			Interface: c.iface[i], FlowLabel: c.flowLabel[i], SrcPort: c.srcPort[i], DstPort: c.dstPort[i],
			Protocol: c.protocol[i], TOS: c.tos[i], Direction: c.direction[i],
		}
		k.Src, k.Dst = c.addresses(i)
		return hash(c, i, k, c.tcpFlags[i], nil, m.seed), true
	}
	return flow.Digest{}, false
}

// addresses are the two addresses of row i.
func (c *rowColumns) addresses(i int) (src, dst [16]byte) {
	binary.BigEndian.PutUint64(src[:8], c.srcHi[i])
	binary.BigEndian.PutUint64(src[8:], c.srcLo[i])
	binary.BigEndian.PutUint64(dst[:8], c.dstHi[i])
	binary.BigEndian.PutUint64(dst[8:], c.dstLo[i])
	return src, dst
}

// wideHash is the digest of a row of a monitor with wide keys: its definition says which columns are of the key, and which
// were collected of the first packet.
func (c *rowColumns) wideHash(i int, m *known) (flow.Digest, bool) {
	row := key.Wide{
		SrcMAC: c.srcMAC[i], DstMAC: c.dstMAC[i], Interface: c.iface[i], FlowLabel: c.flowLabel[i], VRF: c.vrf[i],
		SrcPort: c.srcPort[i], DstPort: c.dstPort[i], VLAN: c.vlan[i], InnerVLAN: c.innerVLAN[i], EtherType: c.etherType[i],
		Protocol: c.protocol[i], TOS: c.tos[i], TTL: c.ttl[i], Version: c.version[i], Direction: c.direction[i],
	}
	row.Src, row.Dst = c.addresses(i)
	for l := range row.Label {
		row.Label[l] = c.label[l][i]
	}
	// All packets of a flow whose flags are matched have the same flags.
	flags := c.tcpFlags[i]
	if m.Match.Has(key.TCPFlags) {
		row.TCPFlags = flags
	}
	if !m.HasTuple() {
		if flags != row.TCPFlags {
			return flow.Digest{}, false
		}
		flags = 0
	}
	k := m.Match.Only(&row)
	values := collect.Values{First: m.Collect.Only(&row), MinLength: c.minLength[i], MaxLength: c.maxLength[i], MinTTL: c.minTTL[i], MaxTTL: c.maxTTL[i]}
	both := k
	m.Collect.Copy(&both, &values.First)
	extremes := values
	extremes.First = key.Wide{}
	if both != row || !m.Extremes && extremes != (collect.Values{}) {
		return flow.Digest{}, false // a column is set that the monitor knows nothing of
	}
	if !m.Collects() {
		return hash(c, i, k, flags, nil, m.seed), true
	}
	return hash(c, i, k, flags, &values, m.seed), true
}

func hash[K key.Key[K]](c *rowColumns, i int, k K, flags uint8, values *collect.Values, seed uint64) flow.Digest {
	return flow.Hash(&flow.Row[K]{
		Key: k, First: int64(c.first[i]), Last: int64(c.last[i]), Packets: c.packets[i], Bytes: c.bytes[i],
		TCPFlags: flags, Reason: flow.Reason(c.reason[i]), Values: values,
		Sums: weight.Sums{
			Packets: c.weightedPackets[i], Bytes: c.weightedBytes[i],
			VarPackets: uint128.Uint128{Hi: c.varPacketsHi[i], Lo: c.varPacketsLo[i]},
			VarBytes:   uint128.Uint128{Hi: c.varBytesHi[i], Lo: c.varBytesLo[i]},
		},
	}, seed)
}
