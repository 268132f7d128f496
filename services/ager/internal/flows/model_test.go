package flows

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"netstream/schemas/collect"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/update"
	"netstream/schemas/window"
)

const (
	tcpFIN, tcpSYN, tcpRST, tcpACK = 0x01, 0x02, 0x04, 0x10

	second = int64(1e9)
)

// sample is a packet without its key.
type sample struct {
	time           int64
	length, weight uint32
	flags, ttl     uint8
	vlan           uint16 // stands for all fields that may be collected
}

type packetOf[K key.Key[K]] struct {
	sample
	key K
}

// model is the flow table as the rules tell it: it sees the packets of a window, not the parts they travelled in, keeps
// the flows in a map and looks at every one of them at the end of every window.
type model[K key.Key[K]] struct {
	aging    Aging
	collects bool
	window   []packetOf[K] // of the window that is being collected, in order
	live     map[K]*flowOf[K]
	ended    []flow.Row[K]
}

// flowOf is a flow, or an update, with the packets it consists of.
type flowOf[K key.Key[K]] struct {
	flow.Row[K]
	packets []packetOf[K]
}

func newModel[K key.Key[K]](a Aging, collects bool) *model[K] {
	return &model[K]{aging: a, collects: collects, live: map[K]*flowOf[K]{}}
}

// values are those of packets: the fields of the earliest, of several such the least, and the extremes of all.
func values[K key.Key[K]](packets []packetOf[K]) *collect.Values {
	first := packets[0]
	v := &collect.Values{MinLength: 1 << 31, MinTTL: 255}
	for _, p := range packets {
		if p.time < first.time || p.time == first.time && p.vlan < first.vlan {
			first = p
		}
		v.MinLength, v.MaxLength = min(v.MinLength, p.length), max(v.MaxLength, p.length)
		v.MinTTL, v.MaxTTL = min(v.MinTTL, p.ttl), max(v.MaxTTL, p.ttl)
	}
	v.First, v.FirstTime = key.Wide{VLAN: first.vlan}, first.time
	return v
}

// updates merges the packets of a window: one update a flow, and one more at each SYN after a FIN or RST.
func (m *model[K]) updates() []flowOf[K] {
	var out []flowOf[K]
	latest := map[K]int{}
	for _, p := range m.window {
		i, ok := latest[p.key]
		if !ok || m.aging.Cache == Immediate || p.flags&tcpSYN != 0 && out[i].TCPFlags&(tcpFIN|tcpRST) != 0 {
			i = len(out)
			latest[p.key] = i
			out = append(out, flowOf[K]{Row: flow.Row[K]{Key: p.key, First: p.time, Last: p.time}})
		}
		u := &out[i]
		u.First, u.Last = min(u.First, p.time), max(u.Last, p.time)
		u.Packets++
		u.Bytes += uint64(p.length)
		u.TCPFlags |= p.flags
		u.Sums.AddPacket(p.weight, p.length)
		u.packets = append(u.packets, p)
	}
	return out
}

// close applies rules 1 to 7 to the window that begins at ws.
func (m *model[K]) close(ws int64) {
	timers := m.aging.Cache == Normal // else there is neither the inactive timer nor FIN
	for _, u := range m.updates() {
		f := m.live[u.Key]
		switch {
		case f == nil:
		case u.First-f.Last >= m.aging.Inactive && timers: // 1
			m.end(f, flow.Inactive)
			f = nil
		case ws-f.First >= m.aging.Active && m.aging.Cache != Synchronized: // 2
			m.end(f, flow.Active)
			f = nil
		case f.Bytes+u.Bytes > m.aging.ByteLimit: // 3
			m.end(f, flow.Bytes)
			f = nil
		default: // 4
			f.First, f.Last = min(f.First, u.First), max(f.Last, u.Last)
			f.Packets += u.Packets
			f.Bytes += u.Bytes
			f.TCPFlags |= u.TCPFlags
			f.Sums.Add(&u.Sums)
			f.packets = append(f.packets, u.packets...)
		}
		if f == nil {
			f = &u
			m.live[u.Key] = f
		}
		switch {
		case m.aging.FINRST && u.TCPFlags&(tcpFIN|tcpRST) != 0 && (timers || m.aging.Cache == Immediate): // 5
			m.end(f, flow.FIN)
		case m.aging.Cache == Immediate:
			m.end(f, flow.Active)
		}
	}
	m.window = m.window[:0]
	we := ws + window.Length
	for _, f := range m.live { // 6
		inactive, active := f.Last+m.aging.Inactive, f.First+m.aging.Active
		if !timers {
			inactive = 1<<63 - 1
		}
		if m.aging.Cache == Synchronized {
			for active = floor(ws, m.aging.Active); active <= ws; {
				active += m.aging.Active
			}
		}
		switch {
		case we < inactive && we < active:
		case inactive <= active:
			m.end(f, flow.Inactive)
		default:
			m.end(f, flow.Active)
		}
	}
	for len(m.live) > m.aging.FlowLimit { // 7
		var victim *flowOf[K]
		for _, f := range m.live {
			if victim == nil {
				victim = f
				continue
			}
			oldest := cmp.Or(cmp.Compare(f.Last, victim.Last), cmp.Compare(f.First, victim.First), f.Key.Compare(victim.Key)) < 0
			newest := cmp.Or(cmp.Compare(f.First, victim.First), cmp.Compare(f.Last, victim.Last), f.Key.Compare(victim.Key)) > 0
			if m.aging.Cache == Permanent && newest || m.aging.Cache != Permanent && oldest {
				victim = f
			}
		}
		m.end(victim, flow.Table)
	}
}

// floor is the last multiple of step at or before t, or one before that.
func floor(t, step int64) int64 { return (t/step - 1) * step }

func (m *model[K]) end(f *flowOf[K], reason flow.Reason) {
	f.Reason = reason
	if m.collects {
		f.Values = values(f.packets)
	}
	m.ended = append(m.ended, f.Row)
	delete(m.live, f.Key)
}

// endAll is the end of the source.
func (m *model[K]) endAll() {
	for _, f := range m.live {
		m.end(f, flow.End)
	}
}

// canonical is the order of flows that end together: last, first, key; then whatever tells them apart.
func canonical[K key.Key[K]](a, b flow.Row[K]) int {
	var va, vb collect.Values
	if a.Values != nil && b.Values != nil {
		va, vb = *a.Values, *b.Values
	}
	return cmp.Or(cmp.Compare(a.Last, b.Last), cmp.Compare(a.First, b.First), a.Key.Compare(b.Key),
		cmp.Compare(a.Packets, b.Packets), cmp.Compare(a.Bytes, b.Bytes), cmp.Compare(a.TCPFlags, b.TCPFlags), cmp.Compare(a.Reason, b.Reason),
		cmp.Compare(a.Sums.Packets, b.Sums.Packets), cmp.Compare(a.Sums.Bytes, b.Sums.Bytes),
		cmp.Compare(a.Sums.VarPackets.Hi, b.Sums.VarPackets.Hi), cmp.Compare(a.Sums.VarPackets.Lo, b.Sums.VarPackets.Lo),
		cmp.Compare(a.Sums.VarBytes.Hi, b.Sums.VarBytes.Hi), cmp.Compare(a.Sums.VarBytes.Lo, b.Sums.VarBytes.Lo),
		cmp.Compare(va.First.VLAN, vb.First.VLAN), cmp.Compare(va.MinLength, vb.MinLength), cmp.Compare(va.MaxLength, vb.MaxLength),
		cmp.Compare(va.MinTTL, vb.MinTTL), cmp.Compare(va.MaxTTL, vb.MaxTTL))
}

// setup is one run of random packets.
type setup struct {
	name        string
	aging       Aging
	keys        int
	packets     int    // at most, in a window
	windows     int    // to close
	hashMask    uint64 // of the hashes given to the table: a small one makes them collide
	late        int64  // how much older than its window a packet may be
	weights     func(rng *rand.Rand, window int) uint32
	longPackets bool // so that the byte limit is met
}

// aging is that of a normal cache without a limit.
func aging(inactive, active int64, finRST bool, byteLimit uint64) Aging {
	return Aging{Inactive: inactive, Active: active, FINRST: finRST, ByteLimit: byteLimit, FlowLimit: 1 << 30}
}

// limited is an aging with a limit of flows and a type of cache.
func limited(a Aging, flows int, c Cache) Aging {
	a.FlowLimit, a.Cache = flows, c
	return a
}

func unsampled(*rand.Rand, int) uint32 { return 1 }

func setups() []setup {
	const all = ^uint64(0)
	noLimit := uint64(1<<32 - 1)
	sampled := func(rng *rand.Rand, _ int) uint32 { return 1 + rng.Uint32N(5000) }
	midway := func(rng *rand.Rand, w int) uint32 {
		if w < 500 || rng.IntN(2) == 0 {
			return 1
		}
		return rng.Uint32()
	}
	return []setup{
		{name: "defaults", aging: aging(15*second, 60*second, true, noLimit), keys: 40, packets: 12, hashMask: all},
		{name: "few keys", aging: aging(15*second, 60*second, true, noLimit), keys: 3, packets: 4, hashMask: all},
		{name: "no FIN", aging: aging(3*second, 10*second, false, noLimit), keys: 20, packets: 10, hashMask: all},
		{name: "inactive is a window", aging: aging(second, 5*second, true, noLimit), keys: 10, packets: 10, hashMask: all},
		{name: "inactive is a nanosecond over a window", aging: aging(second+1, 5*second, true, noLimit), keys: 10, packets: 10, hashMask: all},
		{name: "inactive is a nanosecond less than two windows", aging: aging(2*second-1, 7*second, false, noLimit), keys: 10, packets: 10, hashMask: all},
		{name: "inactive is half a window", aging: aging(second/2, 3*second, false, noLimit), keys: 10, packets: 15, hashMask: all},
		{name: "inactive is a nanosecond", aging: aging(1, 2*second, false, noLimit), keys: 10, packets: 15, hashMask: all},
		{name: "active is a window", aging: aging(4*second, second, false, noLimit), keys: 10, packets: 10, hashMask: all},
		{name: "active is half a window", aging: aging(4*second, second/2, false, noLimit), keys: 10, packets: 10, hashMask: all},
		{name: "active a nanosecond over a window", aging: aging(4*second, second+1, true, noLimit), keys: 10, packets: 10, hashMask: all},
		{name: "timers are equal", aging: aging(4*second, 4*second, true, noLimit), keys: 10, packets: 10, hashMask: all},
		{name: "active far less than inactive", aging: aging(600*second, 2*second, true, noLimit), keys: 10, packets: 10, hashMask: all},
		{name: "long timers", aging: aging(600*second, 3600*second, true, noLimit), keys: 300, packets: 2, hashMask: all},
		{name: "collisions", aging: aging(4*second, 9*second, true, noLimit), keys: 60, packets: 40, hashMask: 3},
		{name: "collisions at the end of the index", aging: aging(4*second, 9*second, true, noLimit), keys: 60, packets: 40, hashMask: 7 << 29},
		{name: "one hash", aging: aging(2*second, 9*second, true, noLimit), keys: 30, packets: 30, hashMask: 0},
		{name: "late packets", aging: aging(4*second, 9*second, true, noLimit), keys: 15, packets: 10, hashMask: all, late: 30 * second},
		{name: "late packets, no FIN", aging: aging(4*second, 6*second, false, noLimit), keys: 15, packets: 10, hashMask: all, late: 12 * second},
		{name: "very late packets", aging: aging(4*second, 9*second, true, noLimit), keys: 15, packets: 6, hashMask: all, late: 1e6 * second},
		{name: "byte limit", aging: aging(9*second, 60*second, true, 5000), keys: 8, packets: 10, hashMask: all, longPackets: true},
		{name: "byte limit met exactly", aging: aging(9*second, 60*second, false, 300), keys: 5, packets: 8, hashMask: all},
		{name: "byte limit of 0", aging: aging(9*second, 60*second, false, 0), keys: 5, packets: 8, hashMask: all},
		{name: "limit", aging: limited(aging(4*second, 9*second, true, noLimit), 7, Normal), keys: 30, packets: 10, hashMask: all},
		{name: "limit of one flow", aging: limited(aging(4*second, 9*second, false, noLimit), 1, Normal), keys: 9, packets: 10, hashMask: all},
		{name: "limit, collisions, late packets", aging: limited(aging(9*second, 20*second, true, noLimit), 11, Normal), keys: 60, packets: 20, hashMask: 3, late: 30 * second},
		{name: "limit, active far less than inactive", aging: limited(aging(600*second, 4*second, true, noLimit), 9, Normal), keys: 40, packets: 12, hashMask: all, late: 9 * second},
		{name: "limit, active far more than inactive", aging: limited(aging(8*second, 600*second, false, noLimit), 40, Normal), keys: 60, packets: 40, hashMask: all},
		{name: "limit, inactive is no number of windows", aging: limited(aging(5*second+second/3, 7*second, false, noLimit), 9, Normal), keys: 40, packets: 12, hashMask: all, late: 2 * second},
		{name: "immediate", aging: limited(aging(4*second, 9*second, true, noLimit), 3, Immediate), keys: 9, packets: 12, hashMask: all, late: 3 * second, weights: sampled},
		{name: "immediate, no FIN", aging: limited(aging(4*second, 9*second, false, noLimit), 3, Immediate), keys: 9, packets: 12, hashMask: 3},
		{name: "permanent", aging: limited(aging(4*second, 9*second, true, 5000), 1000, Permanent), keys: 30, packets: 12, hashMask: all, late: 3 * second},
		{name: "permanent, limit", aging: limited(aging(second, 90*second, true, noLimit), 8, Permanent), keys: 30, packets: 12, hashMask: all, late: 3 * second},
		{name: "synchronized", aging: limited(aging(4*second, 9*second, true, 5000), 1000, Synchronized), keys: 30, packets: 12, hashMask: all, late: 3 * second},
		{name: "synchronized, limit", aging: limited(aging(4*second, 300*second, true, noLimit), 12, Synchronized), keys: 30, packets: 12, hashMask: all},
		{name: "synchronized, no number of windows", aging: limited(aging(4*second, 3*second+second/3, false, noLimit), 1000, Synchronized), keys: 30, packets: 12, hashMask: all},
		{name: "synchronized, less than a window", aging: limited(aging(4*second, second/3, false, noLimit), 1000, Synchronized), keys: 30, packets: 12, hashMask: all},
		{name: "sampled", aging: aging(4*second, 9*second, true, noLimit), keys: 15, packets: 10, hashMask: all, weights: sampled},
		{name: "sampled midway", aging: aging(40*second, 900*second, true, noLimit), keys: 15, packets: 10, hashMask: all, weights: midway, late: 2 * second},
		{name: "sampled, huge weights", aging: aging(9*second, 60*second, true, noLimit), keys: 4, packets: 30, hashMask: all, longPackets: true,
			weights: func(*rand.Rand, int) uint32 { return 1<<32 - 1 }},
	}
}

// TestTableMatchesModel gives the same random packets to the table, in parts, and to the model, and compares the flows
// after each window.
func TestTableMatchesModel(t *testing.T) {
	for _, s := range setups() {
		if s.weights == nil {
			s.weights = unsampled
		}
		if s.windows == 0 {
			s.windows = 2500
		}
		if testing.Short() {
			s.windows /= 10
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(9) {
				rng := rand.New(rand.NewPCG(seed, uint64(len(s.name))))
				switch seed % 3 {
				case 0:
					drive(t, s, rng, false, func(i int) key.IPv4 {
						return key.IPv4{Src: 0x0a000000 + uint32(i), Dst: 7, SrcPort: uint16(i % 3), Protocol: 6}
					})
				case 1:
					drive(t, s, rng, false, func(i int) key.IPv6 {
						return key.IPv6{Dst: [16]byte{15: byte(i), 14: byte(i >> 8)}, FlowLabel: uint32(i % 5), Protocol: 6}
					})
				case 2:
					drive(t, s, rng, seed > 2, func(i int) key.Wide {
						return key.Wide{SrcMAC: 0x020000000000 + uint64(i), Label: [key.Labels]uint32{2: uint32(i % 3)}, VRF: uint32(i % 2)}
					})
				}
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

// drive gives random windows to both.
func drive[K key.Key[K]](t *testing.T, s setup, rng *rand.Rand, collects bool, keyOf func(int) K) {
	m, table := newModel[K](s.aging, collects), New[K](s.aging, collects)
	starts := []int64{0, -20 * second, 1_800_000_000 * second, -3_000_000_000 * second}
	ws := starts[rng.IntN(len(starts))]
	reasons := [8]int{}
	for w := range s.windows {
		busy := rng.IntN(4) != 0
		if rng.IntN(100) == 0 {
			idle(t, rng, m, table, &ws, &reasons)
		}
		if busy {
			for range rng.IntN(s.packets + 1) {
				m.window = append(m.window, packetOf[K]{s.packet(rng, ws, w), keyOf(rng.IntN(s.keys))})
			}
			for _, u := range parts(rng, m.window, ws, s.aging.Cache == Immediate) {
				table.Merge(&u.row, u.row.Key.Hash(0)&s.hashMask, u.sampled)
			}
		}
		m.close(ws)
		table.Close(ws)
		same(t, m, table, fmt.Sprintf("window %d at %d", w, ws), &reasons)
		if t.Failed() {
			return
		}
		ws += second
		if rng.IntN(60) == 0 {
			force(t, rng, m, table, fmt.Sprintf("forced after window %d", w), &reasons)
		}
		if rng.IntN(400) == 0 { // the source ends; another begins on the same table
			m.endAll()
			table.End()
			same(t, m, table, fmt.Sprintf("end after window %d", w), &reasons)
		}
		if t.Failed() {
			return
		}
	}
	if reasons[flow.Inactive]+reasons[flow.Active]+reasons[flow.FIN]+reasons[flow.Bytes] == 0 || s.aging.FlowLimit < 100 && s.aging.Cache != Immediate && reasons[flow.Table] == 0 {
		t.Errorf("nothing happened: reasons %v", reasons)
	}
}

// idle lets time pass without packets: window after window as long as there are flows, then a jump of any size.
func idle[K key.Key[K]](t *testing.T, rng *rand.Rand, m *model[K], table *Table[K], ws *int64, reasons *[8]int) {
	for len(m.live) > 0 && !t.Failed() {
		m.close(*ws)
		table.Close(*ws)
		same(t, m, table, fmt.Sprintf("idle at %d", *ws), reasons)
		*ws += second
	}
	*ws += rng.Int64N(1<<rng.IntN(20)) * second
}

// packet makes one for the window that begins at ws. Many stand on its edges.
func (s setup) packet(rng *rand.Rand, ws int64, window int) sample {
	p := sample{
		time: ws + rng.Int64N(second), length: 40 + rng.Uint32N(100), weight: s.weights(rng, window),
		ttl: uint8(rng.IntN(256)), vlan: uint16(rng.IntN(4)),
	}
	switch rng.IntN(8) {
	case 0:
		p.time = ws
	case 1:
		p.time = ws + second - 1
	case 2, 3: // a late packet is filed under a later window than its own time
		if s.late > 0 {
			p.time = ws - rng.Int64N(s.late)
		}
	case 4:
		if s.late > 0 {
			p.time = ws - rng.Int64N(s.late/second)*second
		}
	case 5:
		if s.late > 0 {
			p.time = ws - min(s.late, [...]int64{s.aging.Inactive, s.aging.Active}[rng.IntN(2)]+int64(rng.IntN(3))-1)
		}
	}
	if s.longPackets {
		p.length = rng.Uint32N(2500)
	}
	switch rng.IntN(12) {
	case 0:
		p.flags = tcpSYN
	case 1:
		p.flags = tcpFIN | tcpACK
	case 2:
		p.flags = tcpRST
	case 3:
		p.flags = tcpSYN | tcpFIN
	default:
		p.flags = tcpACK
	}
	return p
}

// part is what arrives at the table.
type part[K any] struct {
	row     update.Row[K]
	sampled bool
}

// parts cuts the packets of a window as flow caches might: a flow's packets stay in order, those of different flows mix
// freely. A part ends wherever a hand-over falls, and at every SYN that might begin a new flow as far as the part can
// know; sometimes at others too.
func parts[K key.Key[K]](rng *rand.Rand, packets []packetOf[K], ws int64, single bool) []part[K] {
	var out []part[K]
	open := map[K]int{}
	for _, p := range packets {
		if single || rng.IntN(10) == 0 {
			clear(open) // a hand-over
		}
		i, ok := open[p.key]
		syn := p.flags&tcpSYN != 0
		if ok && syn {
			sure := out[i].row.StartsSYN && out[i].row.TCPFlags&(tcpFIN|tcpRST) == 0
			ok = sure && rng.IntN(4) != 0
		}
		if !ok {
			i = len(out)
			open[p.key] = i
			out = append(out, part[K]{row: update.Row[K]{Key: p.key, Window: ws, First: p.time, Last: p.time, StartsSYN: syn}})
		}
		u := &out[i].row
		if v := collect.Packet(key.Wide{VLAN: p.vlan}, p.time, p.length, p.ttl); u.Values == nil {
			u.Values = &v
		} else {
			u.Values.Add(&v)
		}
		u.First, u.Last = min(u.First, p.time), max(u.Last, p.time)
		u.Packets++
		u.Bytes += uint64(p.length)
		u.TCPFlags |= p.flags
		u.Sums.AddPacket(p.weight, p.length)
		out[i].sampled = out[i].sampled || p.weight != 1
	}
	return out
}

// equal compares flows whole, values and not their places.
func equal[K comparable](a, b flow.Row[K]) bool {
	if (a.Values == nil) != (b.Values == nil) || a.Values != nil && *a.Values != *b.Values {
		return false
	}
	a.Values, b.Values = nil, nil
	return a == b
}

// same compares the flows that ended, whole and in canonical order, and the number of those alive.
func same[K key.Key[K]](t *testing.T, m *model[K], table *Table[K], when string, reasons *[8]int) {
	t.Helper()
	got := table.Ended()
	want := m.ended
	for _, f := range want {
		reasons[f.Reason]++
	}
	slices.SortFunc(want, canonical)
	if !slices.EqualFunc(got, want, equal) {
		t.Errorf("%s (-want +got):\n%s", when, gocmp.Diff(want, got))
	}
	m.ended = m.ended[:0]
	if table.Len() != len(m.live) {
		t.Errorf("%s: %d flows alive, want %d", when, table.Len(), len(m.live))
	}
}
