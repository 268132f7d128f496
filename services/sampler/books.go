package sampler

import (
	"netstream/schemas/ledger"
	"netstream/services/sampler/internal/packet"
)

// books counts what became of a source's packets. All counters are functions of the packets so far.
type books struct {
	observed   count
	unselected count
	dropped    [packet.Verdicts]count
	lost       count   // of a live source: observed before a crash and never published
	out        []count // by packet shard
	frames     []count // the same packets as frames on the wire
	damaged    count   // the broken record that ended a capture, and its bytes
}

// count is a number of packets and their bytes.
type count struct{ packets, bytes uint64 }

func (c *count) add(bytes uint32) {
	c.packets++
	c.bytes += uint64(bytes)
}

// lostReason is the drop reason of lost.
const lostReason = "restart"

// entries appends the counters of the source as a whole and those of one packet shard.
func (b *books) entries(dst []ledger.Entry, source string, shard int) []ledger.Entry {
	whole := func(name string, c count) {
		dst = append(dst, ledger.Entry{Source: source, Hop: ledger.Sampler, Shard: ledger.Whole, Name: name, Packets: c.packets, Bytes: c.bytes, Rows: c.packets})
	}
	sharded := func(name string, c count) {
		dst = append(dst, ledger.Entry{Source: source, Hop: ledger.Sampler, Shard: uint16(shard), Name: name, Packets: c.packets, Bytes: c.bytes, Rows: c.packets})
	}
	whole(ledger.In, b.observed)
	whole(ledger.Unselected, b.unselected)
	whole(ledger.Drop+lostReason, b.lost)
	for v, c := range b.dropped {
		if c.packets > 0 {
			whole(ledger.Drop+packet.Verdict(v).String(), c)
		}
	}
	if b.damaged.packets > 0 {
		whole(ledger.Damaged, b.damaged)
	}
	sharded(ledger.Out, b.out[shard])
	sharded(ledger.OutFrames, b.frames[shard])
	return dst
}

// restore takes the counters of a live source's last messages back, one list for each packet shard.
func (b *books) restore(entries []ledger.Entry) {
	for _, e := range entries {
		c := count{e.Packets, e.Bytes}
		if e.Shard != ledger.Whole {
			switch {
			case int(e.Shard) >= len(b.out):
			case e.Name == ledger.Out:
				b.out[e.Shard] = c
			case e.Name == ledger.OutFrames:
				b.frames[e.Shard] = c
			}
			continue
		}
		if old := b.whole(e.Name); old != nil && c.packets >= old.packets {
			*old = c
		}
	}
	// What was observed and neither dropped nor published went down with the process.
	gone := b.observed
	for _, c := range append(append(b.dropped[:], b.unselected, b.lost), b.frames...) {
		gone.packets -= c.packets
		gone.bytes -= c.bytes
	}
	b.lost.packets += gone.packets
	b.lost.bytes += gone.bytes
}

// whole is the counter of that name of the source as a whole.
func (b *books) whole(name string) *count {
	switch name {
	case ledger.In:
		return &b.observed
	case ledger.Unselected:
		return &b.unselected
	case ledger.Drop + lostReason:
		return &b.lost
	}
	for v := range b.dropped {
		if name == ledger.Drop+packet.Verdict(v).String() {
			return &b.dropped[v]
		}
	}
	return nil
}
