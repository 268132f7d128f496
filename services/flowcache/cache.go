package flowcache

import (
	"encoding/binary"

	"netstream/schemas/collect"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/schemas/packet"
	"netstream/schemas/update"
	"netstream/services/flowcache/internal/table"
)

// cache merges the packets of one monitor.
type cache interface {
	// takes tells whether packets of the wide class with these layers are of the monitor.
	takes(monitor.Layers) bool
	// wide merges a packet of the wide class, which the monitor takes, and returns its bytes as the monitor counts them.
	wide(p *packet.WideRow, seed uint64, source uint16) uint32
	// handOver deals all that is held to the flow shards.
	handOver(*handover, []*source) error
	Sampled() bool
	Len() int
	Reset()
}

// keyed is the cache of a monitor with keys K.
type keyed[K key.Key[K]] struct {
	*table.Table[K]
	monitor.Definition
	index   uint8 // of the monitor
	rows    func(*handover) []*update.Rows[K]
	key     func(*key.Wide) K // the key that the headers of a wide row make
	asks    monitor.Layers
	measure monitor.Measure
	flags   bool // TCP flags belong to the flow
	row     packet.Row[K]
	values  collect.Values
}

func newKeyed[K key.Key[K]](d monitor.Definition, index, rows int, of func(*handover) []*update.Rows[K], k func(*key.Wide) K) *keyed[K] {
	return &keyed[K]{
		Table: table.New[K](rows, d.Immediate), Definition: d, index: uint8(index), rows: of, key: k,
		asks: d.Asks(), measure: d.Counts(), flags: d.HasTuple(),
	}
}

// newCache makes the cache of a monitor.
func newCache(d monitor.Definition, index, rows int) cache {
	switch d.Kind {
	case monitor.IPv4:
		return newKeyed(d, index, rows, func(h *handover) []*update.Rows[key.IPv4] { return h.ipv4 }, ipv4Of)
	case monitor.IPv6:
		return newKeyed(d, index, rows, func(h *handover) []*update.Rows[key.IPv6] { return h.ipv6 }, ipv6Of)
	}
	of := func(h *handover) []*update.Rows[key.Wide] { return h.wide }
	if d.Collects() {
		of = func(h *handover) []*update.Rows[key.Wide] { return h.collected }
	}
	return newKeyed(d, index, rows, of, d.Match.Only)
}

func ipv4Of(k *key.Wide) key.IPv4 {
	return key.IPv4{
		Src: binary.BigEndian.Uint32(k.Src[12:]), Dst: binary.BigEndian.Uint32(k.Dst[12:]), SrcPort: k.SrcPort, DstPort: k.DstPort,
		Protocol: k.Protocol, TOS: k.TOS, Interface: k.Interface, Direction: k.Direction,
	}
}

func ipv6Of(k *key.Wide) key.IPv6 {
	return key.IPv6{
		Src: k.Src, Dst: k.Dst, SrcPort: k.SrcPort, DstPort: k.DstPort,
		Protocol: k.Protocol, TOS: k.TOS, FlowLabel: k.FlowLabel, Interface: k.Interface, Direction: k.Direction,
	}
}

func (c *keyed[K]) takes(l monitor.Layers) bool { return l&c.asks == c.asks }

func (c *keyed[K]) wide(p *packet.WideRow, seed uint64, source uint16) uint32 {
	headers := p.KeyOf(c.Kind)
	r := &c.row
	r.Key = c.key(headers)
	r.Time, r.Window, r.Weight = p.Time, p.Window, p.Weight
	r.Bytes, r.TCPFlags = p.Measured(c.measure), 0
	if c.flags {
		r.TCPFlags = headers.TCPFlags
	}
	var values *collect.Values
	if c.Collects() {
		length, ttl := uint32(0), uint8(0)
		if c.Extremes {
			length, ttl = r.Bytes, headers.TTL
		}
		c.values = collect.Packet(c.Collect.Only(headers), p.Time, length, ttl)
		values = &c.values
	}
	c.Add(r, values, r.Key.Hash(seed), source)
	return r.Bytes
}

// narrow merges packets of the monitor's own class and returns their bytes.
func (c *keyed[K]) narrow(rows *packet.Rows[K], seed uint64, source uint16) (bytes uint64) {
	r := &c.row
	for i := range rows.Len() {
		rows.Read(i, r)
		bytes += uint64(r.Bytes)
		c.Add(r, nil, r.Key.Hash(seed), source)
	}
	return bytes
}

func (c *keyed[K]) handOver(h *handover, sources []*source) error {
	return build(h, c.rows(h), c.Table, c.index, sources)
}
