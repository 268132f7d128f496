package aggregate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"netstream/pipeline/checkpoints"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
)

// model is a slow table of one mode, from the rules alone: a list in the order of creation.
type model struct {
	mode   Mode
	limits Limits
	live   []modelEntry
	clock  int
}

type modelEntry struct {
	a             Aggregate
	created, used int64
	order         int // of the last use
}

func (m *model) end(i int, why flow.Reason) Aggregate {
	a := m.live[i].a
	a.Reason = why
	m.live = slices.Delete(m.live, i, i+1)
	return a
}

func (m *model) expire(now int64) (out []Aggregate) {
	reason := func(e *modelEntry) flow.Reason {
		if e.created+m.limits.Active < e.used+m.limits.Inactive {
			return flow.Active
		}
		return flow.Inactive
	}
	for i := 0; i < len(m.live); {
		if e := &m.live[i]; e.created+m.limits.Active <= now {
			out = append(out, m.end(i, reason(e)))
		} else {
			i++
		}
	}
	for {
		i := m.longestUnused()
		if i < 0 || m.live[i].used+m.limits.Inactive > now {
			return out
		}
		out = append(out, m.end(i, reason(&m.live[i])))
	}
}

func (m *model) longestUnused() int {
	least := -1
	for i := range m.live {
		if least < 0 || m.live[i].order < m.live[least].order {
			least = i
		}
	}
	return least
}

func (m *model) merge(now int64, k Key, f *flow.Row[key.IPv4]) (out []Aggregate) {
	m.clock++
	i := slices.IndexFunc(m.live, func(e modelEntry) bool { return e.a.Key == k })
	if i >= 0 {
		e := &m.live[i]
		if e.a.Flows < 1<<32-1 && e.a.Packets+f.Packets < 1<<32 && e.a.Bytes+f.Bytes < 1<<32 {
			e.a.Flows++
			e.a.Packets += f.Packets
			e.a.Bytes += f.Bytes
			e.a.First, e.a.Last = min(e.a.First, f.First), max(e.a.Last, f.Last)
			e.used, e.order = now, m.clock
			return nil
		}
		out = append(out, m.end(i, flow.Bytes))
	} else if len(m.live) >= m.limits.Most {
		out = append(out, m.end(m.longestUnused(), flow.Table))
	}
	m.live = append(m.live, modelEntry{
		Aggregate{Mode: m.mode, Key: k, Flows: 1, Packets: f.Packets, Bytes: f.Bytes, First: f.First, Last: f.Last}, now, now, m.clock,
	})
	return out
}

// keyOf is the key of an IPv4 flow in the two modes of the test.
func keyOf(m Mode, k *key.IPv4) Key {
	if m == ProtocolPort {
		return Key{Version: 4, Protocol: k.Protocol, SrcPort: k.SrcPort, DstPort: k.DstPort}
	}
	in, out := k.Interface, uint32(0)
	if k.Direction == 1 {
		in, out = out, in
	}
	return Key{Version: 4, Input: in, Output: out, TOS: k.TOS}
}

// TestModel gives random flows to a cache, which is saved and restored now and then, and to the model: the same aggregates end at the same time,
// and the books close.
func TestModel(t *testing.T) {
	definitions := []monitor.Definition{monitor.New("ipv4", monitor.IPv4), monitor.New("ipv6", monitor.IPv6)}
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		var configs []Config
		var models []*model
		for _, mode := range []Mode{ProtocolPort, IndexTOS} {
			limits := Limits{Active: 1 + rnd.Int64N(60), Inactive: 1 + rnd.Int64N(30), Most: 1 + rnd.IntN(40)}
			configs = append(configs, Config{Mode: mode, Limits: limits})
			models = append(models, &model{mode: mode, limits: limits})
		}
		c := NewCache(configs, 2)
		c.Define(definitions)
		now := int64(1000)
		var in, out Tally
		reasons := map[flow.Reason]int{}
		for range 300 {
			now += rnd.Int64N(4) * rnd.Int64N(12)
			f := &Flows{Sources: []string{"tap"}, IPv4: flow.NewIPv4(), IPv6: flow.NewIPv6(), Wide: flow.NewWide()}
			want := make([][]Aggregate, len(models))
			for i, m := range models {
				want[i] = m.expire(now)
			}
			for range rnd.IntN(50) {
				r := flow.Row[key.IPv4]{
					Key:   key.IPv4{SrcPort: uint16(rnd.IntN(4)), DstPort: uint16(rnd.IntN(8)), Protocol: 6, TOS: uint8(rnd.IntN(3)), Interface: rnd.Uint32N(4), Direction: uint8(rnd.IntN(2))},
					First: now - rnd.Int64N(100), Last: now, Packets: 1 + rnd.Uint64N(1<<20), Bytes: rnd.Uint64N(1 << rnd.IntN(33)),
				}
				f.IPv4.Append(&r, false)
				for i, m := range models {
					want[i] = append(want[i], m.merge(now, keyOf(m.mode, &r.Key), &r)...)
				}
				in.add(2, 2*r.Packets, 2*r.Bytes)
			}
			got := c.Take(now, f)
			if diff := gocmp.Diff(slices.Concat(want...), slices.Clone(got)); diff != "" && len(got)+len(slices.Concat(want...)) > 0 {
				t.Fatalf("seed %d: (-want +got):\n%s", seed, diff)
			}
			for _, a := range got {
				reasons[a.Reason]++
				out.add(a.Flows, a.Packets, a.Bytes)
			}
			if rnd.IntN(10) == 0 {
				c = reopened(t, c, configs)
				c.Define(definitions)
			}
		}
		for _, m := range c.modes {
			for _, e := range m.index {
				out.add(m.entries[e].Flows, m.entries[e].Packets, m.entries[e].Bytes)
			}
		}
		var totals Tally
		for _, t := range c.Totals() {
			totals.add(t.In.Flows, t.In.Packets, t.In.Bytes)
		}
		if in != out || in != totals {
			t.Errorf("seed %d: in %+v, out and live %+v, totals %+v", seed, in, out, totals)
		}
		if seed == 0 && len(reasons) < 3 {
			t.Errorf("the test is poor: %v", reasons)
		}
	}
}

// reopened is a cache that went through a checkpoint.
func reopened(t *testing.T, c *Cache, configs []Config) *Cache {
	t.Helper()
	var b bytes.Buffer
	s := c.Snapshot()
	w, err := checkpoints.NewWriter(&b, &s.Description)
	if err == nil {
		err = s.Write(w)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	var d Description
	r, err := checkpoints.NewReader(&b, &d)
	if err != nil {
		t.Fatal(err)
	}
	again := NewCache(configs, 2)
	if err := again.Restore(&d, r); err != nil {
		t.Fatal(err)
	}
	return again
}

// TestEndOfSources ends all when every source has ended on every shard, and not before.
func TestEndOfSources(t *testing.T) {
	none := func(shard int, sources []string, ended ...string) *Flows {
		return &Flows{Sources: sources, IPv4: flow.NewIPv4(), IPv6: flow.NewIPv6(), Wide: flow.NewWide(), Shard: shard, Ended: ended}
	}
	configs := []Config{{Mode: AS, Limits: Limits{Active: 100, Inactive: 100, Most: 10}}}
	c := NewCache(configs, 2)
	c.Define([]monitor.Definition{monitor.New("ipv4", monitor.IPv4)})
	first := none(0, []string{"a", "b"})
	first.IPv4.Append(&flow.Row[key.IPv4]{Packets: 1, Bytes: 2}, false)
	for i, step := range []struct {
		flows *Flows
		ended int
	}{
		{first, 0},
		{none(1, []string{"a", "b"}, "a"), 0},
		{none(0, []string{"a"}, "a"), 0},
		{none(0, []string{"b"}, "b"), 0},
		{none(0, []string{"b"}), 0}, // it came back
		{none(1, []string{"b"}, "b"), 0},
		{none(0, []string{"b"}, "b"), 1},
	} {
		if got := c.Take(1, step.flows); len(got) != step.ended {
			t.Errorf("step %d: %d aggregates ended, want %d", i, len(got), step.ended)
		} else if len(got) > 0 && got[0].Reason != flow.End {
			t.Errorf("step %d: reason %v", i, got[0].Reason)
		}
		c = reopened(t, c, configs)
		c.Define([]monitor.Definition{monitor.New("ipv4", monitor.IPv4)})
	}
	if !c.Empty() {
		t.Error("the cache is not empty")
	}
}

// TestMasked compares prefixes with a slow way to make them.
func TestMasked(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		var a, want [16]byte
		for i := range a {
			a[i] = uint8(rnd.Uint32())
		}
		version, length := uint8(6), rnd.IntN(129)
		if rnd.IntN(2) == 0 {
			version, length, a = 4, rnd.IntN(33), key.Mapped(rnd.Uint32())
		}
		bits := length
		if version == 4 {
			bits += 96
		}
		for i := range bits {
			want[i/8] |= a[i/8] & (0x80 >> (i % 8))
		}
		if length == 0 {
			want = [16]byte{}
		}
		if got := masked(&a, uint8(length), version); got != want {
			t.Fatalf("%x/%d of version %d: %x, want %x", a, length, version, got, want)
		}
	}
}

// TestModesAreThoseOfTheReference has the table of spec section 3.5 once more.
func TestModesAreThoseOfTheReference(t *testing.T) {
	ids := map[uint16]Mode{}
	for m := range Modes {
		name := m.String()
		if back, ok := Parse(name); !ok || back != m {
			t.Errorf("%s is read as %v", name, back)
		}
		if s := m.Scheme(); s != 0 && s.String() != name {
			t.Errorf("%s has scheme %s", name, s)
		}
		for _, version := range []uint8{4, 6} {
			id := m.Template(version)
			if other, twice := ids[id]; twice || id < 270 || id >= 300 {
				t.Errorf("%s and %s have template %d", m, other, id)
			}
			ids[id] = m
		}
	}
	if _, ok := Parse("prefix-port"); ok {
		t.Error("prefix-port is no mode of NetStream")
	}
}

func BenchmarkTake(b *testing.B) {
	var configs []Config
	for m := range Modes {
		configs = append(configs, Config{Mode: m, Limits: Limits{Active: 300, Inactive: 60, Most: 1 << 16}})
	}
	for _, n := range []int{1, int(Modes)} {
		b.Run(fmt.Sprintf("%d modes", n), func(b *testing.B) {
			c := NewCache(configs[len(configs)-n:], 2)
			if n == 1 {
				c = NewCache(configs[ProtocolPort:ProtocolPort+1], 2)
			}
			c.Define([]monitor.Definition{monitor.New("ipv4", monitor.IPv4)})
			rnd := rand.New(rand.NewPCG(1, 2))
			f := &Flows{Sources: []string{"tap"}, IPv4: flow.NewIPv4(), IPv6: flow.NewIPv6(), Wide: flow.NewWide()}
			for range 4096 {
				f.IPv4.Append(&flow.Row[key.IPv4]{
					Key:     key.IPv4{Src: rnd.Uint32(), Dst: rnd.Uint32(), SrcPort: uint16(1024 + rnd.IntN(20000)), DstPort: 443, Protocol: 6, Interface: rnd.Uint32N(16)},
					Packets: 10, Bytes: 6000,
				}, false)
			}
			now := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				now++
				c.Take(now, f)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*4096), "ns/flow")
		})
	}
}
