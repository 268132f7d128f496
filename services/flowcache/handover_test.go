package flowcache

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"netstream/pipeline/bus"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/schemas/packet"
)

// TestLargestHandOver holds as much as a worker may hold, in rows that have all columns, and lets the largest message come on
// top: the hand-over stays within what an atomic batch and a message may be.
func TestLargestHandOver(t *testing.T) {
	collecting := monitor.Definition{Name: "collects", Kind: monitor.Flexible, Match: key.IP &^ key.Of(key.DSCP) &^ key.Of(key.TTL), Collect: key.Frame | key.Of(key.TTL), Extremes: true}
	wide := monitor.Definition{Name: "wide", Kind: monitor.Flexible, Match: ^key.Fields(0) &^ key.Of(key.DSCP)}
	for _, c := range []struct {
		name   string
		shards int
		ds     []monitor.Definition
	}{
		{"ipv4", 2, monitor.Default()[:1]},
		{"defaults", 256, monitor.Default()},
		{"wide", 2, []monitor.Definition{wide}},
		{"collecting", 3, []monitor.Definition{collecting}},
		{"all classes, one shard", 1, append(monitor.Default(), wide, collecting)},
		{"all classes, many shards", bus.MaxShards, append(monitor.Default(), wide, collecting)},
		{"32 monitors, many shards", bus.MaxShards, many(32, wide, collecting, monitor.Default()[0], monitor.Default()[1])},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &worker{Service: &Service{
				cfg: Config{Rows: maxRows}, monitors: c.ds, definitions: monitor.Format(c.ds), bus: &bus.Bus{Pipeline: "p", Layout: bus.Layout{FlowShards: c.shards}},
			}}
			for i, d := range c.ds {
				w.caches = append(w.caches, newCache(d, i, 1000))
			}
			src := newSource("tap", 0, c.ds)
			w.sources, w.handover = []*source{src}, newHandover(w.bus, 0)
			g := &fullRows{rng: rand.New(rand.NewPCG(1, 2))}
			for !w.full() {
				g.add(w, 50)
			}
			g.add(w, monitor.MessageRows(c.ds))
			h := w.handover
			h.begin(w.sources, w.definitions, "PACKETS", 1, true)
			for _, cache := range w.caches {
				if err := cache.handOver(h, w.sources); err != nil {
					t.Fatal(err)
				}
			}
			if err := h.rest(); err != nil {
				t.Fatal(err)
			}
			_, commit, err := h.commit(w.sources)
			if err != nil {
				t.Fatal(err)
			}
			const (
				header  = 4 << 10 // of a part, at most
				payload = partBytes + cutEvery*360 + 16<<10
				batch   = 64 << 20 // what a batch may be
			)
			size, largest := len(commit), len(commit)
			parts := h.batch()
			for _, p := range parts {
				size += len(p.Body) + header
				largest = max(largest, len(p.Body)+header)
			}
			if len(parts) > 999 || largest > payload || size > batch {
				t.Errorf("%d parts, want 999 at most; %d bytes, want %d; %d bytes the largest, want %d", len(parts), size, batch, largest, payload)
			}
			if size < batch/3 {
				t.Errorf("%d bytes: too dull", size)
			}
		})
	}
}

// many repeats definitions under other names.
func many(n int, of ...monitor.Definition) (ds []monitor.Definition) {
	for i := range n {
		d := of[i%len(of)]
		d.Name = fmt.Sprint(d.Name, i)
		ds = append(ds, d)
	}
	return ds
}

// fullRows makes packets that are all of different flows and have all fields.
type fullRows struct {
	rng *rand.Rand
	n   uint32
}

func (g *fullRows) add(w *worker, n int) {
	var r packet.WideRow
	for range n {
		g.n++
		r = packet.WideRow{Time: 5, Window: 0, Weight: 2 + g.rng.Uint32N(9), Bytes: 100, FrameBytes: 118, Layers: ^monitor.Layers(0)}
		if g.n%2 == 0 {
			r.Window = 1e9 // late, so that there is a column of windows
		}
		k := &r.Outer
		*k = key.Wide{
			Src: key.Mapped(g.n), Dst: key.Mapped(g.n), SrcMAC: 1, DstMAC: 2, Interface: 3, FlowLabel: 4, VRF: 5, SrcPort: 6, DstPort: 7,
			VLAN: 8, InnerVLAN: 9, EtherType: 10, Protocol: 11, TOS: 12, TTL: 13, TCPFlags: 0x10, Version: 4, Direction: 1,
		}
		for i := range k.Label {
			k.Label[i] = 16
		}
		for i, c := range w.caches {
			c.wide(&r, w.sources[0].books[i].seed, 0)
		}
	}
}
