package encode

import (
	"math/rand/v2"
	"slices"
	"testing"

	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/services/exporter/internal/clock"
)

const start = 1_700_000_000 * int64(1e9)

// wanting are monitors, some of them wanted.
func wanting(wanted ...bool) (ms []Monitor) {
	for _, w := range wanted {
		ms = append(ms, Monitor{Definition: monitor.New("m", monitor.IPv4), Wanted: w, Why: ReasonMonitor})
	}
	return ms
}

// flows makes IPv4 and IPv6 flows and a clock that covers them.
func flows(ipv4, ipv6 int) (*Flows, *clock.Clock) {
	rnd := rand.New(rand.NewPCG(1, 2))
	f := &Flows{Sources: []string{"tap"}, IPv4: flow.NewIPv4(), IPv6: flow.NewIPv6(), Wide: flow.NewWide()}
	for range ipv4 {
		f.IPv4.Append(&flow.Row[key.IPv4]{
			Key:   key.IPv4{Src: rnd.Uint32(), Dst: rnd.Uint32(), SrcPort: 1024, DstPort: 443, Protocol: 6, Interface: 1},
			First: start, Last: start + rnd.Int64N(60e9), Packets: 10, Bytes: 6000, TCPFlags: 0x1b,
		}, false)
	}
	for range ipv6 {
		f.IPv6.Append(&flow.Row[key.IPv6]{
			Key:   key.IPv6{Src: [16]byte{0x20, 1, 15: byte(rnd.Uint32())}, SrcPort: 1024, DstPort: 443, Protocol: 6, Interface: 1},
			First: start, Last: start + rnd.Int64N(60e9), Packets: 10, Bytes: 6000, TCPFlags: 0x1b,
		}, false)
	}
	now := &clock.Clock{}
	now.Cover(start, start+60e9)
	return f, now
}

var encoders = []struct {
	name       string
	ipv4, ipv6 int
	make       func() Encoder
}{
	{"v5", 4096, 0, func() Encoder { return NewV5(Options{Limit: 1472}, Cursor{}) }},
	{"v9 ipv4", 4096, 0, func() Encoder { return newV9(1472, 1000) }},
	{"v9 ipv6", 0, 4096, func() Encoder { return newV9(1472, 0) }},
	{"v9 ipv4 narrow", 4096, 0, func() Encoder {
		return NewV9(Options{Limit: 1472, Widths: Widths{Index: 16, AS: 16, Counter: 32}, RefreshDatagrams: 20, RefreshSeconds: 60}, Cursor{})
	}},
	{"ipfix ipv4", 4096, 0, func() Encoder { return newIPFIX(1472, 1000) }},
	{"ipfix ipv6", 0, 4096, func() Encoder { return newIPFIX(1472, 0) }},
	{"ipfix ipv4 introduced", 4096, 0, func() Encoder {
		return NewIPFIX(Options{Limit: 1 << 14, Sampling: 1000, Introduce: true, Once: true}, Cursor{})
	}},
	{"ipfix ipv4 shared", 4096, 0, func() Encoder {
		return NewIPFIX(Options{Limit: 1472, Share: NewShare([]string{"a", "b"}, 0), RefreshDatagrams: 20, RefreshSeconds: 60}, Cursor{})
	}},
}

func newV9(limit int, sampling uint32) *V9 {
	return NewV9(Options{Limit: limit, Sampling: sampling, RefreshDatagrams: 20, RefreshSeconds: 60}, Cursor{})
}

func newIPFIX(limit int, sampling uint32) *IPFIX {
	return NewIPFIX(Options{Limit: limit, Sampling: sampling, RefreshDatagrams: 20, RefreshSeconds: 60}, Cursor{})
}

// TestEncodeDoesNotAllocate holds once the memory of a batch has grown.
func TestEncodeDoesNotAllocate(t *testing.T) {
	for _, tt := range encoders {
		t.Run(tt.name, func(t *testing.T) {
			f, now := flows(tt.ipv4, tt.ipv6)
			var b Batch
			e := tt.make()
			e.Define(wanting(true))
			n := testing.AllocsPerRun(20, func() {
				if err := e.Encode(&b, now, f); err != nil {
					t.Fatal(err)
				}
				b.Datagrams()
			})
			if n != 0 {
				t.Errorf("%v allocations for %d flows, want 0", n, f.Len())
			}
		})
	}
}

// TestEveryLimit cuts the same flows into datagrams of any size.
func TestEveryLimit(t *testing.T) {
	f, now := flows(100, 100)
	for limit := MinLimit; limit < 2000; limit += 7 {
		for name, e := range map[string]Encoder{
			"v5": NewV5(Options{Limit: limit}, Cursor{}), "v9": newV9(limit, 0), "v9 with options": newV9(limit, 1000),
			"ipfix": newIPFIX(limit, 0), "ipfix with options": newIPFIX(limit, 1000),
		} {
			var b Batch
			e.Define(wanting(true))
			if err := e.Encode(&b, now, f); err != nil {
				t.Fatalf("%s, %d bytes: %v", name, limit, err)
			}
			records := uint64(200)
			if name == "v5" {
				records = 100
			}
			if got := b.Total(); got.Records != records || got.Flows != records {
				t.Errorf("%s, %d bytes: %+v, want %d records", name, limit, got, records)
			}
			for i, d := range b.Datagrams() {
				if len(d) > limit || b.Tally(i).Records == 0 {
					t.Errorf("%s, %d bytes: datagram %d has %d bytes and %d records", name, limit, i, len(d), b.Tally(i).Records)
				}
			}
		}
	}
}

// TestCursorResumes encodes a second message with a new encoder from the cursor of the first.
func TestCursorResumes(t *testing.T) {
	f, now := flows(50, 50)
	o := Options{Limit: 1472, RefreshDatagrams: 20, RefreshSeconds: 60}
	for name, make := range map[string]func(Cursor) Encoder{
		"v5":    func(at Cursor) Encoder { return NewV5(o, at) },
		"v9":    func(at Cursor) Encoder { return NewV9(o, at) },
		"ipfix": func(at Cursor) Encoder { return NewIPFIX(o, at) },
	} {
		var one, two Batch
		through := make(Cursor{})
		through.Define(wanting(true))
		for range 10 {
			at := through.Cursor()
			if err := through.Encode(&one, now, f); err != nil {
				t.Fatal(err)
			}
			resumed := make(at)
			resumed.Define(wanting(true))
			if err := resumed.Encode(&two, now, f); err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(one.Datagrams(), two.Datagrams(), slices.Equal) || through.Cursor() != resumed.Cursor() {
				t.Fatalf("%s: other datagrams from %+v on", name, at)
			}
		}
	}
}

// TestShorterRefreshHoldsAtOnce resumes with a smaller setting than the one the cursor was made with.
func TestShorterRefreshHoldsAtOnce(t *testing.T) {
	e := NewV9(Options{Limit: 1472, RefreshDatagrams: 5, RefreshSeconds: 60}, Cursor{Left: 599, At: start / 1e9})
	if left := e.Cursor().Left; left != 4 {
		t.Errorf("%d datagrams left, want 4", left)
	}
}

func TestFlowsOfNoMessage(t *testing.T) {
	for _, tt := range encoders {
		f, now := flows(0, 0)
		var b Batch
		e := tt.make()
		e.Define(wanting(true))
		if err := e.Encode(&b, now, f); err != nil || len(b.Datagrams()) != 0 || e.Cursor() != (Cursor{}) {
			t.Errorf("%s: %d datagrams, cursor %+v, error %v; want none", tt.name, len(b.Datagrams()), e.Cursor(), err)
		}
	}
}

// TestWhatIsNotCarried has flows of three monitors in each class and counts why they are left out.
func TestWhatIsNotCarried(t *testing.T) {
	f, now := flows(3, 3)
	for i := range 3 {
		f.IPv4.Monitor[i], f.IPv6.Monitor[i] = uint8(i), uint8(i)
		f.Wide.Append(&flow.Row[key.Wide]{Monitor: uint8(i), First: start, Last: start, Packets: 10, Bytes: 6000}, false)
	}
	tally := func(n uint64) Tally { return Tally{Flows: n, Packets: 10 * n, Bytes: 6000 * n} }
	for name, tt := range map[string]struct {
		e                         Encoder
		wanted                    []Monitor
		sent, ipv6, kind, monitor uint64
	}{
		"v5, all":  {NewV5(Options{Limit: 1472}, Cursor{}), wanting(true, true, true), 3, 3, 3, 0},
		"v5, two":  {NewV5(Options{Limit: 1472}, Cursor{}), wanting(true, false, true), 2, 2, 2, 3},
		"v9, all":  {newV9(1472, 0), wanting(true, true, true), 6, 0, 3, 0},
		"v9, two":  {newV9(1472, 0), wanting(false, true, true), 4, 0, 2, 3},
		"v9, none": {newV9(1472, 0), wanting(false, false, false), 0, 0, 0, 9},
	} {
		var b Batch
		tt.e.Define(tt.wanted)
		if err := tt.e.Encode(&b, now, f); err != nil {
			t.Fatal(err)
		}
		want := [reasons]Tally{ReasonIPv6: tally(tt.ipv6), ReasonKind: tally(tt.kind), ReasonMonitor: tally(tt.monitor)}
		if sent := b.Total(); sent.Flows != tt.sent || b.NotCarried != want || (len(b.Datagrams()) > 0) != (tt.sent > 0) {
			t.Errorf("%s: %d flows in %d datagrams, not carried %+v; want %d and %+v", name, sent.Flows, len(b.Datagrams()), b.NotCarried, tt.sent, want)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, bb := range encoders {
		b.Run(bb.name, func(b *testing.B) {
			f, now := flows(bb.ipv4, bb.ipv6)
			var batch Batch
			e := bb.make()
			e.Define(wanting(true))
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Encode(&batch, now, f); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*f.Len()), "ns/record")
		})
	}
}
