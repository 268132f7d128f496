package sampler

import (
	"netstream/schemas/ledger"
	"netstream/services/sampler/internal/packet"
)

// books counts what became of a source's packets. All counters are functions of the packets so far.
type books struct {
	observed    count
	unselected  count
	unmonitored count // sound, but of no monitor
	dropped     [packet.Verdicts]count
	partial     [packet.Verdicts]count // among those handed on: not read to their key, by reason
	kernel      count                  // of a live source: lost before the sampler saw them
	agent       count                  // of an sFlow agent: it could not send them
	network     count                  // of an sFlow agent: they didn't arrive
	overload    count                  // of a live source: dropped because the bus was too slow
	lost        count                  // of a live source: observed before a crash and never published
	held        count                  // taken up by a time-based sampler that doesn't know their weight yet
	out         []count                // by packet shard
	frames      []count                // the same packets as frames on the wire
	damaged     count                  // the broken record that ended a capture, and its bytes
}

// count is a number of packets and their bytes.
type count struct{ packets, bytes uint64 }

func (c *count) add(bytes uint32) {
	c.packets++
	c.bytes += uint64(bytes)
}

func (c *count) sub(bytes uint32) {
	c.packets--
	c.bytes -= uint64(bytes)
}

// Drop reasons beside the verdicts of the parser.
const (
	reasonLost        = "restart"
	reasonKernel      = "kernel"
	reasonAgent       = "agent"
	reasonNetwork     = "network"
	reasonOverload    = "overload"
	reasonUnmonitored = "unmonitored"
)

// partialPrefix begins the names of the counters of packets that were handed on though they couldn't be read to the end: as
// flows of their frame, their labels or their IP header alone.
const partialPrefix = "partial."

// named lists the counters of the source as a whole under their names.
func (b *books) named(f func(name string, c *count)) {
	f(ledger.In, &b.observed)
	f(ledger.Unselected, &b.unselected)
	f(ledger.Held, &b.held)
	f(ledger.Drop+reasonLost, &b.lost)
	f(ledger.Drop+reasonKernel, &b.kernel)
	f(ledger.Drop+reasonAgent, &b.agent)
	f(ledger.Drop+reasonNetwork, &b.network)
	f(ledger.Drop+reasonOverload, &b.overload)
	f(ledger.Drop+reasonUnmonitored, &b.unmonitored)
	for v := range b.dropped {
		name := packet.Verdict(v).String()
		f(ledger.Drop+name, &b.dropped[v])
		if packet.Verdict(v) == packet.OK {
			name = "cut" // the IP header is whole, what follows isn't
		}
		f(partialPrefix+name, &b.partial[v])
	}
	f(ledger.Damaged, &b.damaged)
}

// always are the counters that are there even at 0.
var always = map[string]bool{ledger.In: true, ledger.Unselected: true, ledger.Held: true, ledger.Drop + reasonLost: true}

// entries appends the counters of the source as a whole and those of one packet shard.
func (b *books) entries(dst []ledger.Entry, source string, shard int) []ledger.Entry {
	entry := func(shard int, name string, c *count) {
		rows := c.packets
		if name == ledger.Held {
			rows = b.observed.packets // which of two entries is the later can't be told from a count that goes down
		}
		dst = append(dst, ledger.Entry{
			Source: source, Hop: ledger.Sampler, Shard: uint16(shard), Name: name, Packets: c.packets, Bytes: c.bytes, Rows: rows,
		})
	}
	b.named(func(name string, c *count) {
		if c.packets > 0 || always[name] {
			entry(ledger.Whole, name, c)
		}
	})
	entry(shard, ledger.Out, &b.out[shard])
	entry(shard, ledger.OutFrames, &b.frames[shard])
	return dst
}

// restore takes the counters of a live source's last messages back, one list for each packet shard. What was observed and
// neither published nor accounted for went down with the process.
func (b *books) restore(entries []ledger.Entry) {
	whole := map[string]*count{}
	b.named(func(name string, c *count) { whole[name] = c })
	for _, e := range entries {
		c := count{e.Packets, e.Bytes}
		old := whole[e.Name]
		switch {
		case e.Shard == ledger.Whole:
			if old != nil && c.packets >= old.packets {
				*old = c
			}
		case int(e.Shard) >= len(b.out):
		case e.Name == ledger.Out:
			b.out[e.Shard] = c
		case e.Name == ledger.OutFrames:
			b.frames[e.Shard] = c
		}
	}
	b.held = count{}
	gone := b.observed
	settled := append(append(b.dropped[:], b.unselected, b.unmonitored, b.kernel, b.agent, b.network, b.overload, b.lost), b.frames...)
	for _, c := range settled {
		gone.packets -= c.packets
		gone.bytes -= c.bytes
	}
	b.lost.packets += gone.packets
	b.lost.bytes += gone.bytes
}
