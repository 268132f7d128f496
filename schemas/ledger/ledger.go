// Package ledger is the loss ledger: what each hop took in, gave out and dropped, and why. Counters are cumulative for
// a source and ride in the messages that carry the data, so that they are as exactly-once as the data.
package ledger

import (
	"netstream/schemas/columns"
	"netstream/schemas/uint128"
)

// Schema is the schema's name, with the major version.
const Schema = "ledger/2"

// Hops of the line.
const (
	Sampler   = "sampler"
	FlowCache = "flowcache"
	Ager      = "ager"
)

// Names of counters. FORMAT.md says how the books close.
const (
	In         = "in"         // taken from the hop before; at the sampler: packets observed
	Out        = "out"        // handed on; at the ager: flows that ended
	Held       = "held"       // in hand, neither handed on nor dropped: it goes down again, all others only grow
	Unselected = "unselected" // observed and, as sampling wants it, not selected
	Unmatched  = "unmatched"  // of the flow cache: packets that a monitor does not take, in layer-3 bytes
	Drop       = "drop."      // prefix; the reason follows
	OutFrames  = "out_frames" // of the sampler: what Out counts in layer-3 bytes, in frame bytes
	Damaged    = "damaged"    // of the sampler: the broken record that ended a capture, and its bytes
	Ended      = "ended"      // of the ager: the source has ended on this flow shard
)

// Whole is the shard of a counter that belongs to a source as a whole.
const Whole = 0xffff

// Entry is one counter of one source at one hop.
type Entry struct {
	Source  string
	Hop     string
	Shard   uint16 // of that hop; Whole if the counter is not sharded
	Monitor string // whose packets are counted; empty: the source's
	Name    string
	Packets uint64          // as sampled
	Bytes   uint64          // layer-3 bytes as sampled; frame bytes as on the wire for In, Unselected and drops of the sampler
	Rows    uint64          // messages' rows: packets, updates or flows; of the sampler's Held: packets observed by then
	Digest  uint128.Uint128 // flow.Digest of the flows that went out of the ager; 0 elsewhere
}

// Key names a counter.
type Key struct {
	Source, Hop   string
	Shard         uint16
	Monitor, Name string
}

// Key is the entry's name.
func (e *Entry) Key() Key { return Key{e.Source, e.Hop, e.Shard, e.Monitor, e.Name} }

// Before tells which of two entries of one counter is the earlier, where they come by several ways: that with fewer packets,
// since counters grow; of the sampler's Held that with fewer rows, since it goes down, too.
func (e *Entry) Before(o *Entry) bool {
	if e.Name == Held {
		return e.Rows < o.Rows
	}
	return e.Packets < o.Packets
}

// Rows holds entries, a slice a column.
type Rows struct {
	source, hop        columns.Binary
	shard              []uint16
	monitor, name      columns.Binary
	packets, bytes     []uint64
	rows               []uint64
	digestHi, digestLo []uint64
}

// Len is the number of entries.
func (r *Rows) Len() int { return len(r.shard) }

// Append adds an entry.
func (r *Rows) Append(e *Entry) {
	r.source.Append([]byte(e.Source))
	r.hop.Append([]byte(e.Hop))
	r.monitor.Append([]byte(e.Monitor))
	r.name.Append([]byte(e.Name))
	r.shard = append(r.shard, e.Shard)
	r.packets = append(r.packets, e.Packets)
	r.bytes = append(r.bytes, e.Bytes)
	r.rows = append(r.rows, e.Rows)
	r.digestHi = append(r.digestHi, e.Digest.Hi)
	r.digestLo = append(r.digestLo, e.Digest.Lo)
}

// At is entry i.
func (r *Rows) At(i int) Entry {
	return Entry{
		Source: string(r.source.At(i)), Hop: string(r.hop.At(i)), Monitor: string(r.monitor.At(i)), Name: string(r.name.At(i)), Shard: r.shard[i],
		Packets: r.packets[i], Bytes: r.bytes[i], Rows: r.rows[i],
		Digest: uint128.Uint128{Hi: r.digestHi[i], Lo: r.digestLo[i]},
	}
}

// Reset empties the rows and keeps their memory.
func (r *Rows) Reset() {
	r.source.Reset()
	r.hop.Reset()
	r.monitor.Reset()
	r.name.Reset()
	r.shard, r.packets, r.bytes, r.rows = r.shard[:0], r.packets[:0], r.bytes[:0], r.rows[:0]
	r.digestHi, r.digestLo = r.digestHi[:0], r.digestLo[:0]
}

// Columns lists the columns.
func (r *Rows) Columns() []columns.Column {
	return []columns.Column{
		columns.Bytes("source", &r.source), columns.Bytes("hop", &r.hop), columns.Of("shard", &r.shard),
		columns.Bytes("monitor", &r.monitor), columns.Bytes("name", &r.name), columns.Of("packets", &r.packets), columns.Of("bytes", &r.bytes),
		columns.Of("rows", &r.rows), columns.Of("digest_hi", &r.digestHi), columns.Of("digest_lo", &r.digestLo),
	}
}
