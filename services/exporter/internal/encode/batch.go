package encode

import "netstream/services/exporter/internal/aggregate"

// Tally counts what goes into datagrams or is left out.
type Tally struct {
	Flows   uint64 // a flow cut into several records counts with the first of them
	Records uint64
	Packets uint64 // as sampled
	Bytes   uint64 // layer 3, as sampled
}

// Add adds another tally.
func (t *Tally) Add(o Tally) {
	t.Flows += o.Flows
	t.Records += o.Records
	t.Packets += o.Packets
	t.Bytes += o.Bytes
}

// Sub takes off a tally that was added before.
func (t *Tally) Sub(o Tally) {
	t.Flows -= o.Flows
	t.Records -= o.Records
	t.Packets -= o.Packets
	t.Bytes -= o.Bytes
}

// Reason says why a format can't carry a flow.
type Reason uint8

// Reasons.
const (
	ReasonIPv6    Reason = iota // version 5 has IPv4 addresses only
	ReasonCounter               // the flow would become more than 65,536 records
	ReasonKind                  // of a kind that version 5 doesn't carry, and that a destination gets only of monitors it names
	ReasonMonitor               // of a monitor that the destination doesn't name
	ReasonFilter                // the destination's filter doesn't hold for it
	ReasonShare                 // of another of the destinations that share the flows
	reasons
)

// Reasons lists all of them.
var Reasons = [reasons]Reason{ReasonIPv6, ReasonCounter, ReasonKind, ReasonMonitor, ReasonFilter, ReasonShare}

func (r Reason) String() string {
	return [reasons]string{"ipv6", "counter", "kind", "monitor", "filter", "share"}[r]
}

// Batch is what one flow message becomes for one destination. Its memory is reused.
type Batch struct {
	NotCarried [reasons]Tally
	Clamped    uint64 // flows with a time that had to be moved, see clock.Uptime
	Interfaces uint64 // flows with an interface index over 65535, sent as 65535
	WideAS     uint64 // flows with an AS number over 65535, sent as AS_TRANS

	Templates uint64 // tells those of the introduction from others

	buf       []byte
	ends      []int
	tallies   []Tally // of the datagrams behind the introduction
	datagrams [][]byte
	ahead     int   // datagrams of the introduction, which come first
	open      Tally // of the datagram being filled
}

// Reset empties the batch.
func (b *Batch) Reset() {
	*b = Batch{buf: b.buf[:0], ends: b.ends[:0], tallies: b.tallies[:0], datagrams: b.datagrams[:0]}
}

// Datagrams lists the datagrams in the order in which they are to be sent; they are valid until Reset.
func (b *Batch) Datagrams() [][]byte { return b.cut()[b.ahead:] }

// Introduction lists the datagrams to send before these to a collector that has seen none of the destination, valid until Reset.
// There are none where Options don't ask for them, and where the first of Datagrams has all it takes.
func (b *Batch) Introduction() [][]byte { return b.cut()[:b.ahead] }

// cut cuts the buffer into datagrams.
func (b *Batch) cut() [][]byte {
	b.datagrams = b.datagrams[:0]
	start := 0
	for _, end := range b.ends {
		b.datagrams = append(b.datagrams, b.buf[start:end:end])
		start = end
	}
	return b.datagrams
}

// Tally is what datagram i holds.
func (b *Batch) Tally(i int) Tally { return b.tallies[i] }

// Total is what all datagrams hold.
func (b *Batch) Total() (t Tally) {
	for _, d := range b.tallies {
		t.Add(d)
	}
	return t
}

// count adds a record to the datagram being filled; flow is 1 for the first record of a flow.
func (b *Batch) count(flow, packets, bytes uint64) {
	b.open.Flows += flow
	b.open.Records++
	b.open.Packets += packets
	b.open.Bytes += bytes
}

// close ends the datagram being filled, which is all of buf behind the one before.
func (b *Batch) close(buf []byte) {
	b.buf = buf
	b.ends = append(b.ends, len(buf))
	b.tallies = append(b.tallies, b.open)
	b.open = Tally{}
}

// introduced makes what there is the introduction; there are no records in it.
func (b *Batch) introduced() { b.ahead, b.tallies = len(b.ends), b.tallies[:0] }

// leaveOut counts a flow that isn't carried.
func (b *Batch) leaveOut(why Reason, packets, bytes uint64) {
	b.NotCarried[why].Add(Tally{Flows: 1, Packets: packets, Bytes: bytes})
}

// leaveOutAggregate counts the flows of an aggregate that isn't carried.
func (b *Batch) leaveOutAggregate(why Reason, a *aggregate.Aggregate) {
	b.NotCarried[why].Add(Tally{Flows: a.Flows, Packets: a.Packets, Bytes: a.Bytes})
}
