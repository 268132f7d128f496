package aggregate

import (
	"encoding/binary"
	"slices"

	"netstream/pipeline/filter"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/services/exporter/internal/routing"
)

// Config of a mode at work.
type Config struct {
	Mode     Mode
	Limits   Limits
	Masks    Masks
	Monitors []string       // whose flows are merged; none: those of kinds ipv4 and ipv6, of vlan-id those of kind layer2
	Filter   *filter.Filter // which of these; nil: all
}

// Flows are those of one message, and what it says of their sources.
type Flows struct {
	Sources []string
	IPv4    *flow.Rows[key.IPv4]
	IPv6    *flow.Rows[key.IPv6]
	Wide    *flow.Rows[key.Wide]
	Routes  *routing.Table
	Shard   int      // the flow shard that the message is of
	Ended   []string // sources that have ended on this shard
}

// Totals are the books of a mode since its table was made: In = Out + what is live.
type Totals struct {
	In, Out Tally
}

// Tally counts what flows count.
type Tally struct{ Flows, Packets, Bytes uint64 }

func (t *Tally) add(flows, packets, bytes uint64) {
	t.Flows += flows
	t.Packets += packets
	t.Bytes += bytes
}

// Cache is the tables of the modes at work. It isn't safe for use by several goroutines.
type Cache struct {
	shards  int
	modes   []*working
	routed  bool                    // a mode asks for routes
	orphans []Aggregate             // live ones of modes that are no longer at work
	sources map[string]map[int]bool // of flows that came: the shards on which they have ended
	now     int64                   // of the exporter's clock, s since 1970
	ended   []Aggregate
	wide    key.Wide
	row4    flow.Row[key.IPv4]
	row6    flow.Row[key.IPv6]
	row     flow.Row[key.Wide]
}

// working is a mode at work.
type working struct {
	Config
	*table
	totals   Totals
	monitors []monitor.Definition
	wanted   []bool // by monitor
}

// NewCache makes empty tables, for flows of so many shards.
func NewCache(cs []Config, shards int) *Cache {
	c := &Cache{shards: shards, sources: map[string]map[int]bool{}}
	for _, cfg := range cs {
		c.modes = append(c.modes, &working{Config: cfg, table: newTable(cfg.Mode, cfg.Limits)})
		c.routed = c.routed || slices.ContainsFunc(cfg.Mode.Fields(), func(f Field) bool {
			return f == SrcAS || f == DstAS || f == SrcPrefix || f == DstPrefix || f == BGPNextHop
		})
	}
	return c
}

// Define tells the monitors that the flows from now on point to; it comes before the first flows.
func (c *Cache) Define(ds []monitor.Definition) {
	for _, m := range c.modes {
		m.monitors, m.wanted = ds, make([]bool, len(ds))
		for i, d := range ds {
			switch {
			case len(m.Monitors) > 0:
				m.wanted[i] = slices.Contains(m.Monitors, d.Name)
			case m.Mode.ofFrames():
				m.wanted[i] = d.Kind == monitor.Layer2
			default:
				m.wanted[i] = !d.Kind.Wide()
			}
		}
	}
}

// Live is the number of live aggregates.
func (c *Cache) Live() (n int) {
	for _, m := range c.modes {
		n += m.len()
	}
	return n + len(c.orphans)
}

// Working tells whether there is anything to do for a cache.
func (c *Cache) Working() bool { return len(c.modes) > 0 || len(c.orphans) > 0 }

// Empty tells whether nothing is live and no source is known: the cache is as if it were new.
func (c *Cache) Empty() bool { return c.Live() == 0 && len(c.sources) == 0 }

// Totals are the books of the modes, in the order of the configuration.
func (c *Cache) Totals() (all []Totals) {
	for _, m := range c.modes {
		all = append(all, m.totals)
	}
	return all
}

// Take moves the clock to now, in s since 1970, and merges the flows of a message. It returns the aggregates that ended, mode by mode, which
// are valid until the next Take.
func (c *Cache) Take(now int64, f *Flows) []Aggregate {
	c.ended, c.orphans = append(c.ended[:0], c.orphans...), nil
	for _, m := range c.modes {
		m.ended = m.ended[:0]
		if now < c.now { // the flows are of another time, and timers say nothing
			m.endAll(flow.Forced)
		}
		m.expire(now)
	}
	c.now = now
	if len(c.modes) > 0 {
		c.merge(f)
	}
	if c.allEnded(f) {
		for _, m := range c.modes {
			m.endAll(flow.End)
		}
	}
	for _, m := range c.modes {
		for i := range m.ended {
			m.totals.Out.add(m.ended[i].Flows, m.ended[i].Packets, m.ended[i].Bytes)
		}
		c.ended = append(c.ended, m.ended...)
	}
	return c.ended
}

// merge merges the flows into the tables of all modes that want them.
func (c *Cache) merge(f *Flows) {
	for i := range f.IPv4.Len() {
		f.IPv4.Read(i, &c.row4)
		c.wide = c.row4.Key.Wide()
		mergeRow(c, f, &c.row4)
	}
	for i := range f.IPv6.Len() {
		f.IPv6.Read(i, &c.row6)
		c.wide = c.row6.Key.Wide()
		mergeRow(c, f, &c.row6)
	}
	for i := range f.Wide.Len() {
		f.Wide.Read(i, &c.row)
		c.wide = c.row.Key
		mergeRow(c, f, &c.row)
	}
}

// mergeRow merges a flow, whose key is c.wide too.
func mergeRow[K key.Key[K]](c *Cache, f *Flows, row *flow.Row[K]) {
	s := subject{Wide: &c.wide}
	s.in, s.out = key.Sides(c.wide.Interface, c.wide.Direction)
	looked := false
	for _, m := range c.modes {
		if !m.wanted[row.Monitor] || c.wide.Version == 6 && !m.Mode.HasIPv6() && !m.Mode.ofFrames() {
			continue
		}
		if m.Filter != nil {
			m.Filter.Of(f.Sources[row.Source], m.monitors[row.Monitor])
			if !filter.Match(m.Filter, &row.Key) {
				continue
			}
		}
		if c.routed && !looked {
			s.src, s.dst, looked = f.Routes.Of(&c.wide.Src, c.wide.Version), f.Routes.Of(&c.wide.Dst, c.wide.Version), true
		}
		k := s.key(m.Mode, &m.Masks)
		m.totals.In.add(1, row.Packets, row.Bytes)
		m.merge(c.now, &k, row.Packets, row.Bytes, row.First, row.Last)
	}
}

// allEnded tells whether with this message every source has ended on every shard: no flows are to come for what is live.
func (c *Cache) allEnded(f *Flows) bool {
	for _, s := range f.Sources {
		if ended := c.sources[s]; ended == nil || ended[f.Shard] { // a new one, or one that came back
			c.sources[s] = map[int]bool{}
		}
	}
	for _, s := range f.Ended {
		if c.sources[s] == nil {
			c.sources[s] = map[int]bool{}
		}
		if c.sources[s][f.Shard] = true; len(c.sources[s]) == c.shards {
			delete(c.sources, s)
		}
	}
	return len(c.sources) == 0
}

// IPv4 is an address of a key as a number.
func IPv4(a *[16]byte) uint32 { return binary.BigEndian.Uint32(a[12:]) }
