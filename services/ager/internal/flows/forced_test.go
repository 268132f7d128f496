package flows

import (
	"math/rand/v2"
	"testing"

	"netstream/schemas/flow"
	"netstream/schemas/key"
)

// force ends all flows of both, or about half of them.
func force[K key.Key[K]](t *testing.T, rng *rand.Rand, m *model[K], table *Table[K], when string, reasons *[8]int) {
	t.Helper()
	match := func(k *K) bool { return (*k).Hash(1)%2 == 0 }
	if rng.IntN(3) == 0 {
		match = nil
	}
	want := 0
	for k, f := range m.live {
		if match == nil || match(&k) {
			m.end(f, flow.Forced)
			want++
		}
	}
	if got := table.Force(match); got != want {
		t.Errorf("%s: %d flows, want %d", when, got, want)
	}
	same(t, m, table, when, reasons)
}
