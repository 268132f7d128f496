package traffic

import (
	"math/rand/v2"
	"time"
)

const (
	// warmUp is how long the world has been running when the first frame is
	// taken, so that long conversations are under way.
	warmUp = int64(60e9)
	// warmUpPackets bounds the work of that at high rates.
	warmUpPackets = 1_000_000

	// reservedSlots is more than one event and the neighbours need.
	reservedSlots = 8

	// tickID is the queue's name for the clock; arrivals follow below it.
	tickID = int32(-1)
)

// Generator makes Ethernet frames in time order, for ever. It is for one
// goroutine; only its [EventLog] may be read from others.
type Generator struct {
	cfg  Config
	rng  *rand.Rand
	day  int64 // ns
	tick int64 // ns between looks at the clock

	now   int64 // time of the packet in hand, Unix ns
	queue queue
	flows []flow  // the slab; memory is taken once
	used  int     // slots ever used
	free  []int32 // slots given back

	arrivals []arrivals // by application
	popular  [numNetworks]*rand.Zipf

	log       EventLog
	plan      plan
	crowdRank uint64 // who the flash crowd visits
	down      uint8  // the interface that is out of order, or 0

	packet packet
	head   [headMax]byte
}

// arrivals is the Poisson process that starts an application's conversations.
type arrivals struct {
	perPacket float64 // conversations per ns at activity 1
	rate      float64 // conversations per ns now
	noise     float64 // slow random walk around 0
}

// New returns a generator whose first frame is at or just after start. It
// plays up to a minute of traffic before start, which takes a moment.
func New(cfg Config, start time.Time) *Generator {
	cfg = cfg.withDefaults()
	slots := int(min(max(8192, 3*cfg.PacketsPerSecond), 1<<19))
	g := &Generator{
		cfg:      cfg,
		rng:      rand.New(rand.NewPCG(cfg.Seed, 0x4e657453747265)),
		day:      int64(cfg.Day),
		tick:     max(int64(time.Millisecond), min(int64(time.Second), int64(cfg.Day)/480)),
		queue:    make(queue, 0, slots+len(apps)+1),
		flows:    make([]flow, slots),
		free:     make([]int32, 0, slots),
		arrivals: make([]arrivals, len(apps)),
	}
	for i := range networks {
		n := &networks[i]
		g.popular[i] = rand.NewZipf(g.rng, n.skew, n.flat, n.hosts-1)
	}
	begin := start.UnixNano()
	g.plan.init(g.rng, begin)
	g.now = begin - min(warmUp, int64(warmUpPackets/cfg.PacketsPerSecond*1e9))
	for i := range apps {
		g.arrivals[i].perPacket = cfg.PacketsPerSecond * apps[i].share / apps[i].packets / 1e9
	}
	g.setRates()
	g.queue.push(entry{g.now, tickID})
	for i := range apps {
		g.queue.push(entry{g.now, tickID - 1 - int32(i)})
	}
	g.neighbours(g.now)
	for g.queue[0].at < begin {
		g.next()
	}
	return g
}

// Next builds the next frame into buf. It returns how many bytes were
// captured, at most the snap length and len(buf); the packet's Unix time in
// ns, never less than the one before; the frame's length on the wire without
// its checksum; and the ifIndex of the tap that saw it. It does not allocate,
// except when an event begins.
func (g *Generator) Next(buf []byte) (n int, t int64, wireLen uint32, iface uint32) {
	f := g.next()
	for f == nil {
		f = g.next()
	}
	tap := f.iface[g.packet.dir]
	if tap == g.down {
		tap = uplinkA + uplinkB - tap
	}
	head, wire := g.encode(f, &g.packet, tap)
	n = min(len(buf), g.cfg.SnapLen, wire)
	if copied := copy(buf[:n], g.head[:head]); copied < n {
		clear(buf[copied:n])
	}
	return n, g.now, uint32(wire), uint32(tap)
}

// Events returns the log of announced events.
func (g *Generator) Events() *EventLog { return &g.log }

// next takes one entry from the queue. When that is a packet it returns its
// flow and leaves the packet in g.packet; the flow is valid until the next call.
func (g *Generator) next() *flow {
	e := g.queue[0]
	g.now = e.at
	if e.id < 0 {
		if e.id == tickID {
			g.onTick()
			g.queue.replaceMin(entry{e.at + g.tick, e.id})
		} else {
			g.arrive(e)
		}
		return nil
	}
	f := &g.flows[e.id]
	wait := g.step(f, &g.packet)
	if wait == finished {
		g.queue.popMin()
		g.free = append(g.free, e.id)
	} else {
		g.queue.replaceMin(entry{e.at + wait, e.id})
	}
	if f.shape == shapeLLDP && f.iface[0] == g.down {
		return nil // a dead link says nothing
	}
	return f
}

// arrive lets one more user come and waits for the one after. Waits are cut
// at a few ticks and drawn anew, which changes nothing in a Poisson process
// but follows the rhythm.
func (g *Generator) arrive(e entry) {
	i := int(tickID - 1 - e.id)
	longest := 4 * g.tick
	wait := g.rng.ExpFloat64() / g.arrivals[i].rate // +Inf when nobody comes
	if !(wait < float64(longest)) {
		g.queue.replaceMin(entry{e.at + longest, e.id})
		return
	}
	at := e.at + int64(wait)
	g.queue.replaceMin(entry{at, e.id})
	g.begin(i, at)
}

// onTick follows the hour and the plan of events.
func (g *Generator) onTick() {
	for i := range g.arrivals {
		a := &g.arrivals[i]
		a.noise = 0.97*a.noise + 0.03*g.rng.NormFloat64()
	}
	g.setRates()
	g.follow()
}

// setRates sets how fast users come at the present hour.
func (g *Generator) setRates() {
	hour := hourOf(g.now, g.day)
	for i := range g.arrivals {
		a := &g.arrivals[i]
		a.rate = a.perPacket * apps[i].rhythm.at(hour) * max(0.3, 1+a.noise)
	}
	c := &g.arrivals[crowdApp]
	c.rate = g.cfg.PacketsPerSecond * g.plan.crowd(g.now) / apps[crowdApp].packets / 1e9
}

// full tells whether the slab has no more room for conversations; the last
// few slots are kept for events and the links themselves.
func (g *Generator) full() bool {
	return g.used-len(g.free) >= len(g.flows)-reservedSlots
}

// take returns a slot of the slab.
func (g *Generator) take() (int32, *flow) {
	if n := len(g.free); n > 0 {
		id := g.free[n-1]
		g.free = g.free[:n-1]
		return id, &g.flows[id]
	}
	g.used++
	return int32(g.used - 1), &g.flows[g.used-1]
}
