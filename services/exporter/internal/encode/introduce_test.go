package encode

import (
	"math/rand/v2"
	"slices"
	"testing"

	"netstream/schemas/wire/nsv9"
)

// TestIntroduction reads each batch as a collector does that has seen none before: the introduction and the first datagram together
// define all templates, and the sequence has no gap. The datagrams are those of an encoder without introductions.
func TestIntroduction(t *testing.T) {
	for _, tt := range []struct {
		name     string
		ipfix    bool
		sampling uint32
		once     bool
		all      bool // other options, too
	}{
		{"v9", false, 0, false, false}, {"v9 with options", false, 1000, false, false},
		{"ipfix", true, 0, false, false}, {"ipfix with options", true, 1000, false, false},
		{"ipfix once", true, 0, true, false}, {"ipfix once with options", true, 1000, true, false},
		{"v9 with all options", false, 0, false, true}, {"ipfix with all options", true, 0, false, true}, {"ipfix once with all options", true, 0, true, true},
	} {
		for _, limit := range []int{MinLimit, 1472, 1 << 14} {
			t.Run(tt.name, func(t *testing.T) {
				o := Options{Limit: limit, Sampling: tt.sampling, RefreshDatagrams: 7, RefreshSeconds: 60}
				if tt.all {
					o = optionsOf(limit)
					o.RefreshDatagrams = 7
				}
				with := o
				with.Introduce, with.Once = true, tt.once
				var plain, e Encoder = NewV9(o, Cursor{}), NewV9(with, Cursor{})
				open := openV9
				if tt.ipfix {
					plain, e, open = NewIPFIX(o, Cursor{}), NewIPFIX(with, Cursor{}), openIPFIX
				}
				rnd := rand.New(rand.NewPCG(3, 4))
				empty := 0
				for _, names := range [][]string{wideMonitors, wideMonitors[:3], wideMonitors} {
					ms := defined(t, names...)
					plain.Define(ms)
					e.Define(ms)
					for range 10 {
						flows, now := flows(0, 0)
						rows := wideFlows(rnd, ms, 5)
						for i := range rows {
							flows.Wide.Append(&rows[i], false)
						}
						var b, want Batch
						if err := e.Encode(&b, now, flows); err != nil {
							t.Fatal(err)
						}
						if err := plain.Encode(&want, now, flows); err != nil {
							t.Fatal(err)
						}
						if !tt.once && !slices.EqualFunc(b.Datagrams(), want.Datagrams(), slices.Equal) {
							t.Fatal("with introductions the datagrams are others")
						}
						if b.Total() != want.Total() || b.Total().Records != 5 {
							t.Fatalf("%+v in the datagrams, want %+v", b.Total(), want.Total())
						}
						if len(b.Introduction()) == 0 {
							empty++
						}
						readAlone(t, &b, limit, tt.once, open)
					}
				}
				if tt.once && empty > 0 || !tt.once && (empty < 3 || empty == 30) {
					t.Errorf("%d of 30 batches have no introduction", empty)
				}
			})
		}
	}
}

// readAlone reads a batch with its introduction.
func readAlone(t *testing.T, b *Batch, limit int, once bool, open func(*testing.T, []byte, map[uint16]*nsv9.Layout) (uint32, uint32, []set)) {
	t.Helper()
	layouts, expected := map[uint16]*nsv9.Layout{}, uint32(0)
	for i, d := range slices.Concat(b.Introduction(), b.Datagrams()) {
		sequence, units, sets := open(t, d, layouts)
		if i > 0 && sequence != expected || len(d) > limit {
			t.Fatalf("datagram %d has sequence %d and %d bytes, want %d and at most %d", i, sequence, len(d), expected, limit)
		}
		expected = sequence + units
		if i < len(b.Introduction()) && len(sets) == 0 {
			t.Errorf("datagram %d of the introduction is empty", i)
		}
		for _, s := range sets {
			if once && i >= len(b.Introduction()) && len(s.templates) > 0 {
				t.Errorf("datagram %d has templates that belong into the introduction", i)
			}
			for _, l := range s.templates {
				layouts[l.Template().ID] = l
			}
			if s.id >= nsv9.MinDataID && layouts[s.id] == nil {
				t.Fatalf("datagram %d has data before template %d", i, s.id)
			}
		}
	}
}
