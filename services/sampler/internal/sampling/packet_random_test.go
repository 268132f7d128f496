package sampling

import "testing"

func TestPacketRandomTakesOneOfEachInterval(t *testing.T) {
	for _, n := range []uint32{1, 2, 10, 100, 65535} {
		s := NewPacketRandom(n, 1)
		const intervals = 50
		for interval := range intervals {
			taken := 0
			for range n {
				switch w := s.Select(3); w {
				case 0:
				case n:
					taken++
				default:
					t.Fatalf("1:%d: weight %d", n, w)
				}
			}
			if taken != 1 {
				t.Fatalf("1:%d took %d packets of interval %d", n, taken, interval)
			}
		}
	}
}

// TestPacketRandomDrawsEvenly counts which place in the interval is drawn. With 20,000 draws of 10 places the standard
// deviation of a count is 42; five of them either way never happen by chance.
func TestPacketRandomDrawsEvenly(t *testing.T) {
	const n, intervals = 10, 20_000
	s := NewPacketRandom(n, 42)
	var places [n]int
	for range intervals {
		for place := range places {
			if s.Select(0) != 0 {
				places[place]++
			}
		}
	}
	for place, count := range places {
		if count < intervals/n-215 || count > intervals/n+215 {
			t.Errorf("place %d was drawn %d times of %d, want about %d", place, count, intervals, intervals/n)
		}
	}
}

func TestPacketRandomIsReproducible(t *testing.T) {
	a, b, other := NewPacketRandom(100, 7), NewPacketRandom(100, 7), NewPacketRandom(100, 8)
	differs := false
	for i := range 10_000 {
		iface := uint32(i % 3)
		x, y, z := a.Select(iface), b.Select(iface), other.Select(iface)
		if x != y {
			t.Fatalf("packet %d: the same seed chose differently", i)
		}
		differs = differs || x != z
	}
	if !differs {
		t.Error("another seed chose the same packets")
	}
}

// TestPacketRandomCountsEachInterfaceAlone interleaves two interfaces: each has its own intervals.
func TestPacketRandomCountsEachInterfaceAlone(t *testing.T) {
	alone, mixed := NewPacketRandom(10, 5), NewPacketRandom(10, 5)
	for i := range 1000 {
		for range i % 4 {
			mixed.Select(1)
		}
		if alone.Select(0) != mixed.Select(0) {
			t.Fatalf("packet %d of interface 0 depends on interface 1", i)
		}
	}
}

func BenchmarkPacketRandom(b *testing.B) {
	s := NewPacketRandom(1000, 1)
	b.ReportAllocs()
	for b.Loop() {
		s.Select(0)
	}
}
