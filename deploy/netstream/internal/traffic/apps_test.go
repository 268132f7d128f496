package traffic

import (
	"math"
	"sync"
	"testing"
	"time"
)

// meanPackets plays conversations of application i one at a time and returns
// the mean number of their packets.
func meanPackets(g *Generator, i, conversations int) float64 {
	var p packet
	packets := 0
	for range conversations {
		g.queue = g.queue[:0]
		g.begin(i, 0)
		id := g.queue[0].id
		for done := false; !done; packets++ {
			done = g.step(&g.flows[id], &p) == finished
		}
		g.free = append(g.free, id)
	}
	return float64(packets) / float64(conversations)
}

// The rates of arrivals rest on the means in the table.
func TestPacketsOfConversations(t *testing.T) {
	g := New(Config{Seed: 7, PacketsPerSecond: 1000}, start)
	for i := range apps {
		conversations := 200
		if apps[i].packets < 1000 {
			conversations = 6000
		}
		got := meanPackets(g, i, conversations)
		if want := apps[i].packets; got < 0.85*want || got > 1.15*want {
			t.Errorf("%s: %.4g packets a conversation, the table says %.4g", apps[i].name, got, want)
		}
	}
}

func TestTableAddsUp(t *testing.T) {
	var shares float64
	for i := range apps {
		a := &apps[i]
		shares += a.share
		weights := 0
		for _, s := range a.services {
			weights += int(s.weight)
		}
		if weights != 100 {
			t.Errorf("%s: services weigh %d, want 100", a.name, weights)
		}
		for _, g := range []group{a.clients, a.servers} {
			weights := 0
			for _, m := range g {
				weights += int(m.weight)
			}
			if weights != 100 {
				t.Errorf("%s: a group weighs %d, want 100", a.name, weights)
			}
		}
	}
	if math.Abs(shares-1) > 1e-9 {
		t.Errorf("shares add up to %g, want 1", shares)
	}
}

// counts is what a compressed day held.
type counts struct {
	packets, v6, tagged float64
	app                 [32]float64
	hour                [32][24]float64 // by application
	iface               [4]float64
	hosts               map[address]bool
}

// day is one day for all tests that look at one.
var day = sync.OnceValue(func() *counts { return countDay(5000, 10*time.Minute) })

func countDay(rate float64, length time.Duration) *counts {
	g := quiet(Config{Seed: 13, PacketsPerSecond: rate, Day: length})
	c := &counts{hosts: map[address]bool{}}
	for end := start.Add(length).UnixNano(); g.queue[0].at < end; {
		f := g.next()
		if f == nil || f.shape >= shapeScan {
			continue
		}
		c.packets++
		c.app[f.app]++
		c.hour[f.app][int(hourOf(g.now, g.day))]++
		c.iface[f.iface[g.packet.dir]]++
		c.hosts[f.addr[0]] = true
		if f.v6 {
			c.v6++
		}
		if f.vlan != 0 && f.iface[0] == datacentre {
			c.tagged++
		}
	}
	return c
}

func TestMix(t *testing.T) {
	c := day()
	within := func(what string, got, least, most float64) {
		if got < least || got > most {
			t.Errorf("%s: %.4f, want %.4f to %.4f", what, got, least, most)
		}
	}
	for i := range apps {
		got, off := c.app[i]/c.packets, 0.3
		if apps[i].packets > 1000 { // a day holds few of them, of very different sizes
			off = 0.6
		}
		within("share of "+apps[i].name, got, (1-off)*apps[i].share, (1+off)*apps[i].share)
	}
	within("share of IPv6", c.v6/c.packets, 0.19, 0.31)
	within("share with a tag", c.tagged/c.packets, 0.1, 0.4)
	within("share of uplink-a", c.iface[uplinkA]/c.packets, 0.3, 0.6)
	within("share of uplink-b", c.iface[uplinkB]/c.packets, 0.15, 0.45)
	within("share of the datacentre", c.iface[datacentre]/c.packets, 0.15, 0.4)
	within("hosts that ask", float64(len(c.hosts)), 4000, 50_000)
}

// Work, leisure and backups have their hours.
func TestRhythm(t *testing.T) {
	c := day()
	for i := range apps {
		a := &apps[i]
		hour := func(from, to int) (sum float64) {
			for h := from; h < to; h++ {
				sum += c.hour[i][h]
			}
			return sum / float64(to-from)
		}
		night, morning, afternoon, evening := hour(2, 6), hour(9, 12), hour(14, 17), hour(19, 22)
		switch a.rhythm {
		case &residential:
			if evening < 1.5*morning || morning < 1.2*night {
				t.Errorf("%s: night %.0f, morning %.0f, evening %.0f packets an hour", a.name, night, morning, evening)
			}
		case &business:
			if morning < 3*evening || afternoon < 3*night {
				t.Errorf("%s: night %.0f, morning %.0f, afternoon %.0f, evening %.0f packets an hour",
					a.name, night, morning, afternoon, evening)
			}
		case &nightly:
			if night < 5*afternoon {
				t.Errorf("%s: night %.0f, afternoon %.0f packets an hour", a.name, night, afternoon)
			}
		case &steady:
			if night < 0.6*evening || night > 1.7*evening {
				t.Errorf("%s: night %.0f, evening %.0f packets an hour", a.name, night, evening)
			}
		}
	}
}
