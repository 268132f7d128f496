// Package table is the flow cache's hash table: it merges the packets of a flow and window into one update.
//
// Rows stand in one slice in the order they began; the index maps a hash to the row that is open for it. Nothing is ever
// deleted: a hand-over takes all rows and clears the index.
package table

import (
	"netstream/schemas/collect"
	"netstream/schemas/key"
	"netstream/schemas/packet"
	"netstream/schemas/update"
	"netstream/schemas/weight"
)

// TCP flags that end and begin a flow.
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagRST = 0x04
)

// row is one update in the making. It holds no pointers; the weighted sums, rarely needed, lie apart.
type row[K any] struct {
	key                 K
	hash                uint64
	window, first, last int64
	bytes               uint64
	packets             uint32
	source              uint16
	flags               uint8
	startsSYN           bool
}

// slot is one place of the index: the upper half of the hash and the row number plus one; 0 is free.
type slot struct{ tag, row uint32 }

// Table merges packets of one kind. It is not safe for use by several goroutines.
type Table[K key.Key[K]] struct {
	rows    []row[K]
	sums    []weight.Sums    // beside rows once a packet of a weight other than 1 came; else empty
	values  []collect.Values // beside rows if the monitor collects any; else empty
	index   []slot           // a power of two, at most half full
	mask    uint32
	sampled bool
	single  bool // no packet is merged with another, and there is no index
}

// New makes a table that holds n rows before it grows. In an immediate one each packet is a row.
func New[K key.Key[K]](n int, immediate bool) *Table[K] {
	t := &Table[K]{rows: make([]row[K], 0, n), single: immediate}
	if !immediate {
		t.resize(n)
	}
	return t
}

// Len is the number of rows held.
func (t *Table[K]) Len() int { return len(t.rows) }

// Add merges one packet of a source; hash is the flow hash of its key. values are what the monitor collects of it: of
// every packet, or nil of every packet.
func (t *Table[K]) Add(p *packet.Row[K], values *collect.Values, hash uint64, source uint16) {
	if p.Weight != 1 && !t.sampled {
		t.startSums()
	}
	if t.single {
		t.open(p, values, hash, source)
		return
	}
	if 2*len(t.rows) >= len(t.index) {
		t.resize(2 * len(t.rows))
	}
	s := t.find(p, hash, source)
	syn := p.TCPFlags&flagSYN != 0
	if s.row != 0 {
		r := &t.rows[s.row-1]
		// A SYN may begin a new flow: surely so after a FIN or RST, perhaps so if one came before the last hand-over, which
		// a row that began without SYN can't know. Then the ager decides.
		if !syn || r.startsSYN && r.flags&(flagFIN|flagRST) == 0 {
			r.first, r.last = min(r.first, p.Time), max(r.last, p.Time)
			r.bytes += uint64(p.Bytes)
			r.packets++
			r.flags |= p.TCPFlags
			if t.sampled {
				t.sums[s.row-1].AddPacket(p.Weight, p.Bytes)
			}
			if values != nil {
				t.values[s.row-1].Add(values)
			}
			return
		}
	}
	t.open(p, values, hash, source)
	*s = slot{tag: uint32(hash >> 32), row: uint32(len(t.rows))}
}

// open begins a row with a packet.
func (t *Table[K]) open(p *packet.Row[K], values *collect.Values, hash uint64, source uint16) {
	t.rows = append(t.rows, row[K]{
		key: p.Key, hash: hash, window: p.Window, first: p.Time, last: p.Time,
		bytes: uint64(p.Bytes), packets: 1, source: source, flags: p.TCPFlags, startsSYN: p.TCPFlags&flagSYN != 0,
	})
	if t.sampled {
		var sums weight.Sums
		sums.AddPacket(p.Weight, p.Bytes)
		t.sums = append(t.sums, sums)
	}
	if values != nil {
		t.values = append(t.values, *values)
	}
}

// find returns the slot of the open row of that key, source and window, or the free slot where it would go.
func (t *Table[K]) find(p *packet.Row[K], hash uint64, source uint16) *slot {
	tag := uint32(hash >> 32)
	for i := t.home(hash, p.Window); ; i++ {
		s := &t.index[i&t.mask]
		if s.row == 0 {
			return s
		}
		if s.tag == tag {
			if r := &t.rows[s.row-1]; r.key == p.Key && r.window == p.Window && r.source == source {
				return s
			}
		}
	}
}

// home is where the search for a row begins. The window is mixed in, since late packets may open several.
func (t *Table[K]) home(hash uint64, window int64) uint32 {
	return uint32(hash) + uint32(window/1e9)*0x9e3779b9
}

// resize makes room for n rows in the index.
func (t *Table[K]) resize(n int) {
	size := 1024
	for size < 4*n {
		size *= 2
	}
	t.index, t.mask = make([]slot, size), uint32(size-1)
	for i := range t.rows { // later rows of a key replace earlier, closed ones
		r := &t.rows[i]
		s := t.find(&packet.Row[K]{Key: r.key, Window: r.window}, r.hash, r.source)
		*s = slot{tag: uint32(r.hash >> 32), row: uint32(i + 1)}
	}
}

// startSums begins to keep weighted sums; the rows so far are unsampled.
func (t *Table[K]) startSums() {
	t.sampled = true
	for i := range t.rows {
		t.sums = append(t.sums, weight.Unsampled(uint64(t.rows[i].packets), t.rows[i].bytes))
	}
}

// Sampled tells whether some packet stood for more than itself.
func (t *Table[K]) Sampled() bool { return t.sampled }

// Each calls f for every row in the order they began. The update is valid during the call.
func (t *Table[K]) Each(f func(u *update.Row[K], hash uint64) error) error {
	var u update.Row[K]
	for i := range t.rows {
		r := &t.rows[i]
		u = update.Row[K]{
			Key: r.key, Source: r.source, Window: r.window, First: r.first, Last: r.last,
			Packets: r.packets, Bytes: r.bytes, TCPFlags: r.flags, StartsSYN: r.startsSYN,
		}
		if t.sampled {
			u.Sums = t.sums[i]
		}
		if len(t.values) > 0 {
			u.Values = &t.values[i]
		}
		if err := f(&u, r.hash); err != nil {
			return err
		}
	}
	return nil
}

// Reset empties the table and keeps its memory.
func (t *Table[K]) Reset() {
	if len(t.rows) > 0 { // an index that was never used takes no memory
		clear(t.index)
	}
	t.rows, t.sums, t.values, t.sampled = t.rows[:0], t.sums[:0], t.values[:0], false
}
