package flows

import (
	"math/rand/v2"
	"testing"

	"netstream/schemas/key"
)

// TestIndexMatchesMap finds, inserts and removes at random beside a map. Tags of few values make long runs of neighbours,
// those near the top wrap around the end of the slots.
func TestIndexMatchesMap(t *testing.T) {
	for _, c := range []struct {
		name string
		keys uint32
		tag  func(key uint32) uint32
	}{
		{"scattered", 400, func(k uint32) uint32 { return k * 0x9e3779b9 }},
		{"neighbours", 200, func(k uint32) uint32 { return k / 4 }},
		{"one tag", 40, func(uint32) uint32 { return 77 }},
		{"wrap around", 90, func(k uint32) uint32 { return ^uint32(0) - k%7 }},
		{"grows", 20_000, func(k uint32) uint32 { return k * 0x85ebca6b }},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(c.keys)))
			x, want := newIndex(), map[uint32]uint32{}
			keyOf := map[uint32]uint32{} // of the entries
			next := uint32(0)
			for op := range 200_000 {
				k := rng.Uint32N(c.keys)
				at, n := x.find(c.tag(k), func(n uint32) bool { return keyOf[n] == k })
				if n != want[k] {
					t.Fatalf("operation %d: key %d is entry %d, want %d", op, k, n, want[k])
				}
				switch {
				case n == 0:
					next++
					x.insert(at, c.tag(k), next)
					want[k], keyOf[next] = next, k
				case rng.IntN(2) == 0:
					x.remove(c.tag(k), n)
					delete(want, k)
				}
				if x.used != len(want) {
					t.Fatalf("operation %d: %d used, want %d", op, x.used, len(want))
				}
			}
			for k := range c.keys {
				if _, n := x.find(c.tag(k), func(n uint32) bool { return keyOf[n] == k }); n != want[k] {
					t.Fatalf("at the end key %d is entry %d, want %d", k, n, want[k])
				}
			}
			taken := 0
			for _, s := range x.slots {
				if s.entry != 0 {
					taken++
				}
			}
			if taken != len(want) {
				t.Errorf("%d slots are taken, want %d", taken, len(want))
			}
		})
	}
}

// TestSlabMatchesMap takes and releases entries at random: none is given out twice, each comes empty and keeps what is
// written to it, and released ones are used again.
func TestSlabMatchesMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var s slab[key.IPv4]
	var live []uint32
	want := map[uint32]uint64{}
	most := 0
	for op := range 100_000 {
		if grow := op%40_000 < 15_000; len(live) == 0 || grow && rng.IntN(3) > 0 || !grow && rng.IntN(3) == 0 {
			n := s.alloc()
			if _, taken := want[n]; taken || n == 0 {
				t.Fatalf("operation %d: entry %d is given out again", op, n)
			}
			if *s.at(n) != (entry[key.IPv4]{}) {
				t.Fatalf("operation %d: entry %d is not empty: %+v", op, n, *s.at(n))
			}
			want[n] = rng.Uint64()
			s.at(n).bytes = want[n]
			live = append(live, n)
			most = max(most, len(live))
		} else {
			i := rng.IntN(len(live))
			n := live[i]
			live[i] = live[len(live)-1]
			live = live[:len(live)-1]
			if s.at(n).bytes != want[n] {
				t.Fatalf("operation %d: entry %d holds %d, want %d", op, n, s.at(n).bytes, want[n])
			}
			delete(want, n)
			s.release(n)
		}
	}
	if most < chunk || s.len() != most+1 {
		t.Errorf("%d entries were made for %d alive at most, want as many and more than %d", s.len()-1, most, chunk)
	}
}
