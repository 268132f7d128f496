package store

import (
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"
)

// The column against a slice of pointers, under random operations.
func TestColumnMatchesModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	var c Column[uint32]
	for range 500 {
		c.reset()
		var want []any
		for range rng.IntN(12) {
			v, n := rng.Uint32(), rng.IntN(20)
			switch rng.IntN(5) {
			case 0:
				c.Append(v)
				want = append(want, v)
			case 1:
				c.AppendNull(n)
				for range n {
					want = append(want, nil)
				}
			case 2:
				c.Repeat(v, n)
				for range n {
					want = append(want, v)
				}
			case 3:
				c.AppendAll([]uint32{v, v + 1})
				want = append(want, v, v+1)
			case 4:
				for i, s := 0, c.Extend(n); i < n; i++ {
					s[i] = v + uint32(i)
					want = append(want, v+uint32(i))
				}
			}
		}
		if c.Len() != len(want) {
			t.Fatalf("%d rows, want %d", c.Len(), len(want))
		}
		var got []any
		if c.empty() {
			got = make([]any, c.Len())
		} else {
			a := c.array(arrow.PrimitiveTypes.Uint32).(*array.Uint32)
			for i := range a.Len() {
				if a.IsNull(i) {
					got = append(got, nil)
				} else {
					got = append(got, a.Value(i))
				}
			}
		}
		if len(got)+len(want) > 0 {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		}
	}
}

func TestRowsReuseTheirMemory(t *testing.T) {
	var r Rows
	fill := func() {
		r.Reset()
		first := r.First.Extend(1000)
		for i := range first {
			first[i] = int64(i)
		}
		r.Source.Repeat(1, 1000)
		r.SrcLo.Repeat(7, 500)
		r.OutIf.AppendNull(10)
		r.OutIf.Repeat(3, 500)
		r.VRF.AppendNull(3)
	}
	fill()
	if n := testing.AllocsPerRun(20, fill); n > 2 { // the list of columns that Reset walks, and its type of times
		t.Errorf("%v allocations to fill rows again, want none for the values", n)
	}
}
