package traffic

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// plan is when the next event comes and what goes on now. One event at a
// time: what the flows show then has one cause.
type plan struct {
	kinds [5]Kind // a shuffled round of all kinds
	at    int     // the next one in it
	next  int64   // when it begins, Unix ns
	start int64   // of the present event
	end   int64   // of the present event, 0 when there is none
	kind  Kind    // of the present event
}

// How strong the events are, in parts of the ordinary packet rate.
const (
	scanStrength       = 0.04
	reflectionStrength = 0.8
	synFloodStrength   = 0.6
	crowdStrength      = 0.7
)

// init lets the first event begin 15 to 40 s after the first frame.
func (p *plan) init(rng *rand.Rand, begin int64) {
	p.kinds = [5]Kind{PortScan, Reflection, SYNFlood, FlashCrowd, Outage}
	p.shuffle(rng)
	p.next = begin + between(rng, 15, 40)
}

func (p *plan) shuffle(rng *rand.Rand) {
	rng.Shuffle(len(p.kinds), func(i, j int) { p.kinds[i], p.kinds[j] = p.kinds[j], p.kinds[i] })
}

// between draws a time in ns between two numbers of seconds.
func between(rng *rand.Rand, least, most int64) int64 {
	return (least + rng.Int64N(most-least)) * int64(time.Second)
}

// crowd is the strength of the flash crowd at a time: it comes within the
// first fifth and leaves slowly.
func (p *plan) crowd(now int64) float64 {
	if p.kind != FlashCrowd || p.end == 0 {
		return 0
	}
	x := float64(now-p.start) / float64(p.end-p.start)
	if x < 0.2 {
		return crowdStrength * x / 0.2
	}
	return crowdStrength * max(0, 1-x) / 0.8
}

// follow ends the present event and begins the next when its time has come.
func (g *Generator) follow() {
	p := &g.plan
	if p.end != 0 && g.now >= p.end {
		p.end, g.down = 0, 0
		p.next = g.now + between(g.rng, 60, 150)
	}
	if p.end == 0 && g.now >= p.next {
		p.kind = p.kinds[p.at]
		if p.at++; p.at == len(p.kinds) {
			p.at = 0
			p.shuffle(g.rng)
		}
		p.start = g.now
		g.log.announce(g.launch(p.kind))
	}
	g.log.advance(g.now)
}

// launch begins an event and describes it.
func (g *Generator) launch(kind Kind) Event {
	p := &g.plan
	var name, target string
	switch kind {
	case PortScan:
		p.end = g.now + between(g.rng, 25, 50)
		f := g.attack(shapeScan, protoTCP, max(30, scanStrength*g.cfg.PacketsPerSecond))
		target = f.addr[1].netip(false).String()
		name = fmt.Sprintf("port scan of %s from %s", target, f.addr[0].netip(false))
	case Reflection:
		p.end = g.now + between(g.rng, 30, 60)
		f := g.attack(shapeReflection, protoUDP, reflectionStrength*g.cfg.PacketsPerSecond)
		protocol := "DNS"
		f.port[1], f.lead = 53, leadDNSAnswer
		if g.rng.Uint32N(2) == 0 {
			protocol = "NTP"
			f.port[1], f.lead = 123, leadNTPList
		}
		f.setAddr(0, networks[north].host(g.rng.Uint64N(networks[north].hosts), false))
		f.port[0] = g.high()
		f.outward = true // the victim, inside, is the one who seems to have asked
		target = f.addr[0].netip(false).String()
		name = fmt.Sprintf("%s reflection flood of %s", protocol, target)
	case SYNFlood:
		p.end = g.now + between(g.rng, 20, 45)
		f := g.attack(shapeSYNFlood, protoTCP, synFloodStrength*g.cfg.PacketsPerSecond)
		f.port[1] = 443
		target = f.addr[1].netip(false).String()
		name = fmt.Sprintf("SYN flood of %s port 443", target)
	case FlashCrowd:
		p.end = g.now + between(g.rng, 60, 90)
		g.crowdRank = g.rng.Uint64N(networks[hosting].hosts)
		a := networks[hosting].host(g.crowdRank, false)
		target = a.netip(false).String()
		name = fmt.Sprintf("flash crowd at %s", target)
	case Outage:
		p.end = g.now + between(g.rng, 40, 80)
		g.down = uplinkA + uint8(g.rng.Uint32N(2))
		target = Interfaces()[g.down-1].Name
		name = fmt.Sprintf("%s is down", target)
	}
	return Event{Name: name, Kind: kind, Start: time.Unix(0, p.start), End: time.Unix(0, p.end), Target: target}
}
