package traffic

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The queue against a slice that is searched: same operations, same minimum.
func TestQueueMatchesModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var q queue
	var model []int64
	for op := range 20_000 {
		at := rng.Int64N(1000)
		switch least := 0; {
		case len(model) == 0 || rng.IntN(5) < 2:
			q.push(entry{at: at})
			model = append(model, at)
		default:
			least = slices.Index(model, slices.Min(model))
			if rng.IntN(2) == 0 {
				q.replaceMin(entry{at: at})
				model[least] = at
			} else {
				q.popMin()
				model = slices.Delete(model, least, least+1)
			}
		}
		if len(q) != len(model) || len(q) > 0 && q[0].at != slices.Min(model) {
			t.Fatalf("after operation %d: %d entries, want %d with the same minimum", op, len(q), len(model))
		}
	}
}
