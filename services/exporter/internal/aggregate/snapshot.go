package aggregate

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"netstream/pipeline/checkpoints"
	"netstream/schemas/columns"
	"netstream/schemas/flow"
)

// Schema is that of live aggregates in a checkpoint, with the major version.
const Schema = "aggregate/1"

const section = "aggregates"

// Description is what a snapshot has beside live aggregates.
type Description struct {
	Now     int64            `json:"now"`     // of the clock, s since 1970
	Sources map[string][]int `json:"sources"` // that are alive: the flow shards on which they have ended
	Modes   []string         `json:"modes"`   // what column mode of the aggregates counts through
	Totals  []Totals         `json:"totals"`  // of these
}

// Snapshot is a copy of a cache: it can be written while the cache goes on.
type Snapshot struct {
	Description
	tables  [][]entry
	orphans []Aggregate
}

// Snapshot copies the cache. It takes as long as copying its memory does.
func (c *Cache) Snapshot() *Snapshot {
	s := &Snapshot{Description: Description{Now: c.now, Sources: map[string][]int{}}, orphans: slices.Clone(c.orphans)}
	for name, ended := range c.sources {
		s.Sources[name] = slices.Sorted(maps.Keys(ended))
	}
	for _, m := range c.modes {
		s.Modes, s.Totals = append(s.Modes, m.Mode.String()), append(s.Totals, m.totals)
		s.tables = append(s.tables, slices.Clone(m.entries))
	}
	return s
}

// Write writes the live aggregates, those of a mode by age.
func (s *Snapshot) Write(w *checkpoints.Writer) error {
	var r rows
	flush := func() error {
		defer r.reset()
		return w.Add(section, Schema, r.columns())
	}
	for mode, entries := range s.tables {
		used := make([]uint32, len(entries))
		rank := uint32(0)
		for n := entries[0].use.behind; n != 0; n = entries[n].use.behind {
			used[n] = rank
			rank++
		}
		for n := entries[0].age.behind; n != 0; n = entries[n].age.behind {
			if r.append(uint8(mode), &entries[n], used[n]); r.len() == fileRows {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	for i := range s.orphans { // they wait to be sent, whoever reads this
		r.append(orphan, &entry{Aggregate: s.orphans[i]}, uint32(s.orphans[i].Mode))
	}
	if r.len() == 0 {
		return nil
	}
	return flush()
}

const (
	fileRows = 1 << 16
	orphan   = 0xff // in column mode: of a mode that is no longer at work, whose number is in column used
)

// Restore fills an empty cache. What it has of modes that the cache doesn't ends with the next Take.
func (c *Cache) Restore(d *Description, r *checkpoints.Reader) error {
	if len(d.Totals) != len(d.Modes) {
		return fmt.Errorf("%w: %d totals of %d modes", checkpoints.ErrBad, len(d.Totals), len(d.Modes))
	}
	c.now = d.Now
	for name, ended := range d.Sources {
		c.sources[name] = map[int]bool{}
		for _, shard := range ended {
			c.sources[name][shard] = true
		}
	}
	modes := make([]Mode, len(d.Modes))
	for i, name := range d.Modes {
		var ok bool
		if modes[i], ok = Parse(name); !ok {
			return fmt.Errorf("%w: aggregation mode %q isn't known", checkpoints.ErrBad, name)
		}
		if m := c.at(modes[i]); m != nil {
			m.totals = d.Totals[i]
		}
	}
	order := map[*working][]used{}
	for {
		_, part, err := r.Next(section + "/" + Schema)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var rows rows
		if err := part.Read(rows.columns()); err != nil {
			return err
		}
		for i := range rows.len() {
			if err := c.restore(&rows, i, modes, order); err != nil {
				return err
			}
		}
	}
	for m, us := range order {
		slices.SortFunc(us, func(a, b used) int { return cmp.Compare(a.rank, b.rank) })
		for _, u := range us {
			m.unlink(u.entry, byUse)
			m.link(u.entry, byUse)
		}
	}
	return nil
}

// used is the place of an entry by use.
type used struct{ rank, entry uint32 }

func (c *Cache) at(mode Mode) *working {
	if i := slices.IndexFunc(c.modes, func(m *working) bool { return m.Mode == mode }); i >= 0 {
		return c.modes[i]
	}
	return nil
}

// restore puts one live aggregate back.
func (c *Cache) restore(r *rows, i int, modes []Mode, order map[*working][]used) error {
	e, number, rank := r.at(i)
	switch {
	case number == orphan && rank < uint32(Modes):
		e.Mode = Mode(rank)
	case int(number) < len(modes):
		e.Mode = modes[number]
	default:
		return fmt.Errorf("%w: %s row %d: mode %d of %d", checkpoints.ErrBad, Schema, i, number, len(modes))
	}
	m := c.at(e.Mode)
	if number == orphan || m == nil {
		e.Reason = flow.Forced
		c.orphans = append(c.orphans, e.Aggregate)
		return nil
	}
	if _, twice := m.index[e.Key]; twice {
		return fmt.Errorf("%w: %s row %d: an aggregate is there twice", checkpoints.ErrBad, Schema, i)
	}
	m.insert(e)
	order[m] = append(order[m], used{rank, m.index[e.Key]})
	return nil
}

// rows hold live aggregates, a slice a field.
type rows struct {
	mode                                  []uint8
	src, dst, nextHop                     [][16]byte
	srcAS, dstAS, input, output           []uint32
	srcPort, dstPort, vlan                []uint16
	srcMask, dstMask, protocol, tos, vers []uint8
	flows, packets, bytes                 []uint64
	first, last, created, touched         []int64
	used                                  []uint32
}

func (r *rows) len() int { return len(r.mode) }

func (r *rows) reset() { *r = rows{} }

func (r *rows) append(mode uint8, e *entry, used uint32) {
	k := &e.Key
	r.mode = append(r.mode, mode)
	r.src, r.dst, r.nextHop = append(r.src, k.Src), append(r.dst, k.Dst), append(r.nextHop, k.BGPNextHop)
	r.srcAS, r.dstAS = append(r.srcAS, k.SrcAS), append(r.dstAS, k.DstAS)
	r.input, r.output = append(r.input, k.Input), append(r.output, k.Output)
	r.srcPort, r.dstPort, r.vlan = append(r.srcPort, k.SrcPort), append(r.dstPort, k.DstPort), append(r.vlan, k.VLAN)
	r.srcMask, r.dstMask = append(r.srcMask, k.SrcMask), append(r.dstMask, k.DstMask)
	r.protocol, r.tos, r.vers = append(r.protocol, k.Protocol), append(r.tos, k.TOS), append(r.vers, k.Version)
	r.flows, r.packets, r.bytes = append(r.flows, e.Flows), append(r.packets, e.Packets), append(r.bytes, e.Bytes)
	r.first, r.last = append(r.first, e.First), append(r.last, e.Last)
	r.created, r.touched, r.used = append(r.created, e.created), append(r.touched, e.used), append(r.used, used)
}

func (r *rows) at(i int) (e entry, mode uint8, used uint32) {
	e.Key = Key{
		Src: r.src[i], Dst: r.dst[i], BGPNextHop: r.nextHop[i], SrcAS: r.srcAS[i], DstAS: r.dstAS[i], Input: r.input[i], Output: r.output[i],
		SrcPort: r.srcPort[i], DstPort: r.dstPort[i], VLAN: r.vlan[i], SrcMask: r.srcMask[i], DstMask: r.dstMask[i],
		Protocol: r.protocol[i], TOS: r.tos[i], Version: r.vers[i],
	}
	e.Flows, e.Packets, e.Bytes, e.First, e.Last = r.flows[i], r.packets[i], r.bytes[i], r.first[i], r.last[i]
	e.created, e.used = r.created[i], r.touched[i]
	return e, r.mode[i], r.used[i]
}

func (r *rows) columns() []columns.Column {
	return []columns.Column{
		columns.Of("mode", &r.mode), columns.Of("src_prefix", &r.src), columns.Of("dst_prefix", &r.dst), columns.Of("bgp_next_hop", &r.nextHop),
		columns.Of("src_as", &r.srcAS), columns.Of("dst_as", &r.dstAS), columns.Of("in_if", &r.input), columns.Of("out_if", &r.output),
		columns.Of("src_port", &r.srcPort), columns.Of("dst_port", &r.dstPort), columns.Of("vlan", &r.vlan),
		columns.Of("src_mask", &r.srcMask), columns.Of("dst_mask", &r.dstMask), columns.Of("protocol", &r.protocol), columns.Of("tos", &r.tos),
		columns.Of("ip_version", &r.vers), columns.Of("flows", &r.flows), columns.Of("packets", &r.packets), columns.Of("bytes", &r.bytes),
		columns.Of("first", &r.first), columns.Of("last", &r.last), columns.Of("created", &r.created), columns.Of("touched", &r.touched),
		columns.Of("used", &r.used),
	}
}
