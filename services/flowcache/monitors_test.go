package flowcache_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/schemas/collect"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/monitor"
	"netstream/schemas/packet"
	"netstream/schemas/update"
	"netstream/services/flowcache"
)

// definitions are the monitors of the rules with these names; of all if there are none.
func definitions(names ...string) (ds []monitor.Definition) {
	for _, r := range rules {
		if d := monitorOf(r.text); len(names) == 0 || slices.Contains(names, d.Name) {
			ds = append(ds, d)
		}
	}
	return ds
}

// in tells which rules are among definitions.
func in(ds []monitor.Definition) func(*rule) bool {
	return func(r *rule) bool { return slices.Contains(ds, monitorOf(r.text)) }
}

// fed is a source of the tests: what its sampler serves, and its share of the packets.
type fed struct {
	name   string
	serves []monitor.Definition
}

// narrow tells whether its sampler needs no wide rows.
func (f *fed) narrow() bool {
	return !slices.ContainsFunc(f.serves, func(d monitor.Definition) bool { return d.Kind.Wide() })
}

// message makes one of the frames, as the source's sampler would.
func (f *fed) message(frames []*frame) *packets {
	p := newPackets(f.name, start).set(message.Monitors, monitor.Format(f.serves))
	if !f.narrow() {
		rows := packet.NewWide()
		for _, fr := range frames {
			r := fr.row()
			rows.Append(&r)
		}
		return p.add(rows.Schema(), rows.Columns())
	}
	v4, v6 := packet.NewIPv4(), packet.NewIPv6()
	for _, fr := range frames {
		switch k := rules[0].take(fr); {
		case k != nil:
			v4.Append(&packet.Row[key.IPv4]{Key: k.key.(key.IPv4), Time: fr.time, Window: fr.window, Bytes: k.bytes, Weight: fr.weight, TCPFlags: k.flags})
		default:
			k = rules[1].take(fr)
			v6.Append(&packet.Row[key.IPv6]{Key: k.key.(key.IPv6), Time: fr.time, Window: fr.window, Bytes: k.bytes, Weight: fr.weight, TCPFlags: k.flags})
		}
	}
	if v4.Len() > 0 {
		p.add(v4.Schema(), v4.Columns())
	}
	if v6.Len() > 0 {
		p.add(v6.Schema(), v6.Columns())
	}
	return p
}

// frames makes random ones of a source; one whose sampler needs no wide rows publishes IP packets alone.
func (f *fed) frames(rng *rand.Rand, n int, ws int64) (out []*frame) {
	for len(out) < n {
		if fr := randomFrame(rng, ws); !f.narrow() || fr.ip != nil {
			out = append(out, fr)
		}
	}
	return out
}

// received are the updates that were handed over, merged as an ager merges them, and how many there were of each source and
// monitor.
func (l *line) received() (map[place][]update.Row[struct{}], map[[2]string]uint64) {
	l.t.Helper()
	merged, rows := map[place][]update.Row[struct{}]{}, map[[2]string]uint64{}
	l.handedOver(func(m *bus.Message, p message.Part) {
		switch p.Schema {
		case update.SchemaIPv4:
			receive(l, m, p, update.NewIPv4(), merged, rows)
		case update.SchemaIPv6:
			receive(l, m, p, update.NewIPv6(), merged, rows)
		default:
			receive(l, m, p, update.NewWide(), merged, rows)
		}
	})
	return merged, rows
}

func receive[K key.Key[K]](l *line, m *bus.Message, p message.Part, in *update.Rows[K], merged map[place][]update.Row[struct{}], rows map[[2]string]uint64) {
	l.t.Helper()
	if err := p.Read(in.Columns()); err != nil {
		l.t.Fatal(err)
	}
	sources, monitors := m.Header.List(message.Sources), names(l.t, m.Header)
	if err := in.Check(len(sources), len(monitors)); err != nil {
		l.t.Fatal(err)
	}
	var u update.Row[K]
	for i := range in.Len() {
		in.Read(i, &u)
		at := place{monitors[u.Monitor], sources[u.Source], u.Window, u.Key}
		rows[[2]string{at.source, at.monitor}]++
		if want := key.Shard(u.Key.Hash(key.FlowSeed(at.source, at.monitor)), l.Layout.FlowShards); m.Subject != l.Pipeline.Updates(want, 0) {
			l.t.Fatalf("%s holds an update of flow shard %d", m.Where(), want)
		}
		r := update.Row[struct{}]{Window: u.Window, First: u.First, Last: u.Last, Packets: u.Packets, Bytes: u.Bytes, TCPFlags: u.TCPFlags, Sums: u.Sums}
		if u.Values != nil {
			v := *u.Values
			r.Values = &v
		}
		list := merged[at]
		if n := len(list); n == 0 || u.StartsSYN && list[n-1].TCPFlags&0x05 != 0 {
			merged[at] = append(list, r)
			continue
		}
		o := &list[len(list)-1]
		o.First, o.Last = min(o.First, r.First), max(o.Last, r.Last)
		o.Packets, o.Bytes, o.TCPFlags = o.Packets+r.Packets, o.Bytes+r.Bytes, o.TCPFlags|r.TCPFlags
		o.Sums.Add(&r.Sums)
		if r.Values != nil {
			o.Values.Add(r.Values)
		}
	}
}

// check compares all that was handed over, and the books of a commit, with the model.
func (m *model) check(l *line, c last) {
	l.t.Helper()
	got, rows := l.received()
	if diff := cmp.Diff(m.updates, got, cmp.AllowUnexported(collect.Values{})); diff != "" {
		l.t.Errorf("updates (-model +got):\n%s", diff[:min(len(diff), 4000)])
	}
	want := map[ledger.Key]ledger.Entry{}
	put := func(source, monitor, name string, packets, bytes, rows uint64) {
		e := ledger.Entry{Source: source, Hop: ledger.FlowCache, Monitor: monitor, Name: name, Packets: packets, Bytes: bytes, Rows: rows}
		want[e.Key()] = e
	}
	for source, b := range m.in {
		put(source, "", ledger.In, b.packets, b.bytes, b.packets)
	}
	for at, b := range m.books {
		put(at[0], at[1], ledger.In, b.packets, b.bytes, b.packets)
		put(at[0], at[1], ledger.Unmatched, b.unmatched, b.unmatchedBytes, b.unmatched)
		put(at[0], at[1], ledger.Out, b.packets, b.bytes, rows[at])
		if all := m.in[at[0]]; b.packets+b.unmatched != all.packets {
			l.t.Errorf("%v: %d packets and %d unmatched of %d: the model is wrong", at, b.packets, b.unmatched, all.packets)
		}
	}
	if diff := cmp.Diff(want, c.Ledger); diff != "" {
		l.t.Errorf("books (-model +commit):\n%s", diff)
	}
}

// TestMonitorsMatchModel sends random frames of several sources through all kinds of monitors at once, cut into messages at
// random and handed over and restarted at random, and compares updates and books with what the rules say of the frames.
func TestMonitorsMatchModel(t *testing.T) {
	few := definitions("ipv4", "l2", "inside", "web")
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			l, rng, m := newLine(t), rand.New(rand.NewPCG(seed, 9)), newModel()
			all := definitions()
			rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			sources := []fed{{"all", all}, {"few", few}, {"ip", definitions("ipv4", "ipv6")}}
			cfg := func() flowcache.Config {
				c := quick()
				c.Rows = 1 + rng.IntN(300)
				c.HandOver = []time.Duration{10 * time.Millisecond, 30 * time.Millisecond, time.Minute}[rng.IntN(3)]
				return c
			}
			r := l.startWith(cfg(), all, slog.DiscardHandler, prometheus.NewRegistry(), 0)
			const messages = 60
			for i := range messages {
				s := &sources[rng.IntN(len(sources))]
				frames := s.frames(rng, 1+rng.IntN(60), start+int64(i/10)*second)
				for _, f := range frames {
					m.add(s.name, f, in(all), in(s.serves))
				}
				l.publish(0, s.name, s.message(frames))
				if rng.IntN(8) == 0 {
					time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond) // so that it dies anywhere between two hand-overs
					r.stop(t)
					r = l.startWith(cfg(), all, slog.DiscardHandler, prometheus.NewRegistry(), 0)
				}
			}
			r.stop(t)
			r = l.startWith(quick(), all, slog.DiscardHandler, prometheus.NewRegistry(), 0)
			c := l.commit(0, messages)
			r.stop(t)
			m.check(l, c)
		})
	}
}

// TestMonitorsComeAndGo restarts a flow cache with other monitors: the books of one that went count what it misses, those of
// one that came what came before, and of one that is back or defined anew they go on.
func TestMonitorsComeAndGo(t *testing.T) {
	l, rng, m := newLine(t), rand.New(rand.NewPCG(3, 4)), newModel()
	sources := []fed{{"all", definitions()}, {"few", definitions("ipv4", "web")}}
	position := uint64(0)
	for _, names := range [][]string{
		{"ipv4", "l2"}, {"l2", "ipv4"}, {"ipv4", "web", "srv6"}, {"web"}, {"web", "l2", "ipv4", "calls"}, {"calls", "srv6"},
	} {
		ds := definitions(names...)
		r := l.startWith(quick(), ds, slog.DiscardHandler, prometheus.NewRegistry(), 0)
		for i := range 6 {
			s := &sources[i%2]
			frames := s.frames(rng, 40, start+int64(i)*second)
			for _, f := range frames {
				m.add(s.name, f, in(ds), in(s.serves))
			}
			l.publish(0, s.name, s.message(frames))
			position++
		}
		c := l.commit(0, position)
		r.stop(t)
		m.check(l, c)
	}

	// web becomes a monitor of another kind; its name's books go on.
	web := monitor.New("web", monitor.Layer2)
	r := l.startWith(quick(), []monitor.Definition{web}, slog.DiscardHandler, prometheus.NewRegistry(), 0)
	s := fed{"all", []monitor.Definition{web}}
	frames := s.frames(rng, 50, start+10*second)
	l.publish(0, s.name, s.message(frames))
	c := l.commit(0, position+1)
	r.stop(t)
	before, ethernet := m.books[[2]string{"all", "web"}], uint64(0)
	for _, f := range frames {
		if f.mac {
			ethernet++
		}
	}
	entry := func(name string) uint64 {
		return c.Ledger[ledger.Key{Source: "all", Hop: ledger.FlowCache, Monitor: "web", Name: name}].Packets
	}
	if got, want := [3]uint64{entry(ledger.In), entry(ledger.Out), entry(ledger.Unmatched)},
		[3]uint64{before.packets + ethernet, before.packets + ethernet, before.unmatched + 50 - ethernet}; got != want {
		t.Errorf("in, out, unmatched of web: %v, want %v", got, want)
	}
}

// TestUnservedMonitorIsToldOnce warns of each source and monitor once, however many messages come and whatever other sources'
// samplers serve; a monitor that is defined otherwise there is not served.
func TestUnservedMonitorIsToldOnce(t *testing.T) {
	l := newLine(t)
	var log bytes.Buffer
	here := append(definitions("ipv4", "l2"), monitor.New("ipv6", monitor.IPv6))
	other := []monitor.Definition{monitor.New("l2", monitor.VPN), monitor.New("ipv4", monitor.IPv4)}
	r := l.startWith(quick(), here, slog.NewTextHandler(&log, nil), prometheus.NewRegistry(), 0)
	for range 5 {
		slices.Reverse(other) // the text changes, what is served doesn't
		l.publish(0, "a", newPackets("a", start).ipv4(at(1, start)).set(message.Monitors, monitor.Format(other)))
		l.publish(0, "b", newPackets("b", start).ipv4(at(1, start)).set(message.Monitors, monitor.Format(here)))
		l.publish(0, "c", newPackets("c", start).ipv4(at(1, start)).set(message.Monitors, monitor.Format(other)))
	}
	c := l.commit(0, 15)
	r.stop(t)
	count := map[string]int{}
	for line := range strings.Lines(log.String()) {
		if _, facts, ok := strings.Cut(line, "doesn't serve a monitor"); ok {
			_, facts, _ = strings.Cut(facts, "source=")
			facts, _, _ = strings.Cut(facts, " serves")
			count[facts]++
		}
	}
	want := map[string]int{`a monitor="l2=layer2"`: 1, `a monitor="ipv6=ipv6"`: 1, `c monitor="l2=layer2"`: 1, `c monitor="ipv6=ipv6"`: 1}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("warnings (-want +got):\n%s\n%s", diff, log.String())
	}
	for _, source := range []string{"a", "b", "c"} {
		for name, want := range map[string][2]uint64{"ipv4": {5, 0}, "l2": {0, 5}, "ipv6": {0, 5}} {
			at := ledger.Key{Source: source, Hop: ledger.FlowCache, Monitor: name, Name: ledger.In}
			in := c.Ledger[at].Packets
			at.Name = ledger.Unmatched
			if got := [2]uint64{in, c.Ledger[at].Packets}; got != want {
				t.Errorf("%s, %s: in and unmatched are %v, want %v", source, name, got, want)
			}
		}
	}
}

// TestFlagsBelongToConnections: a FIN ends a connection, not what passes between two stations.
func TestFlagsBelongToConnections(t *testing.T) {
	l := newLine(t)
	all := definitions()
	s := fed{"tap", all}
	var frames []*frame
	for _, flags := range []uint8{0x11, 0x02, 0x04, 0x02} {
		frames = append(frames, &frame{
			time: start, window: start, weight: 1, mac: true, src: 1, dst: 2, ether: 0x8847, labels: []uint32{7}, layer3: 60, length: 78,
			ip: &ip{version: 4, protocol: 6, ttl: 9, flags: flags, length: 60},
		})
	}
	l.publish(0, s.name, s.message(frames))
	r := l.startWith(quick(), all, slog.DiscardHandler, prometheus.NewRegistry(), 0)
	l.commit(0, 1)
	r.stop(t)
	got := map[string]int{}
	merged, _ := l.received()
	for at, list := range merged {
		flags := uint8(0)
		for _, u := range list {
			flags |= u.TCPFlags
		}
		got[fmt.Sprintf("%s %#x", at.monitor, flags)] += len(list)
	}
	want := map[string]int{
		"ipv4 0x17": 3, "inside 0x17": 3, "both 0x17": 3, "calls 0x17": 3,
		"l2 0x0": 1, "labels 0x0": 1, "web 0x0": 1, "stations 0x0": 1, "top 0x0": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("updates by monitor and flags (-want +got):\n%s", diff)
	}
}
