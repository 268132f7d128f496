package columns_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"netstream/schemas/columns"
)

// TestSparseMatchesModel holds a sparse column to a slice with all its values.
func TestSparseMatchesModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := []uint16{}
	for range 500 {
		s = s[:0] // what is left in its memory must not come back
		n, rare := r.IntN(40), r.IntN(10)
		var model []uint16
		for i := range n {
			v := uint16(0)
			if r.IntN(10) < rare {
				v = 1 + uint16(r.IntN(3))
			}
			model = append(model, v)
			s = columns.AppendSparse(s, i, v)
		}
		any := slices.ContainsFunc(model, func(v uint16) bool { return v != 0 })
		for range 2 { // Pad changes nothing that At sees, and nothing the second time
			for i, want := range model {
				if got := columns.At(s, i); got != want {
					t.Fatalf("%v: value %d is %d, want %d of %v", s, i, got, want, model)
				}
			}
			if columns.Pad(&s, n); any && !slices.Equal(s, model) || !any && len(s) > 0 {
				t.Fatalf("padded %v, want %v", s, model)
			}
		}
	}
}
