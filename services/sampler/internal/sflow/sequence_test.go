package sflow

import (
	"math/rand/v2"
	"testing"
)

// TestSequenceAgainstSets loses, repeats and delays numbers and compares with sets of those sent and received.
func TestSequenceAgainstSets(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		first := ^uint32(0) - uint32(random.IntN(300)) // goes over the end
		var numbers []uint32
		last := first
		for i := range uint32(500) {
			if n := first + i; i == 0 || random.IntN(10) > 2 {
				numbers = append(numbers, n)
				last = n
				if random.IntN(10) == 0 {
					numbers = append(numbers, n)
				}
			}
		}
		for i := 1; i < len(numbers)-20; i++ { // nothing goes before the first, and nothing comes later than the window
			j := i + random.IntN(20)
			numbers[i], numbers[j] = numbers[j], numbers[i]
			if numbers[i]-first > 1<<31 || late(numbers, i) {
				numbers[i], numbers[j] = numbers[j], numbers[i]
			}
		}
		var s sequence
		seen := map[uint32]bool{}
		var lost uint64
		for _, n := range numbers {
			fresh, l, _ := s.take(n, 0)
			lost += l
			if fresh == seen[n] {
				t.Fatalf("seed %d: number %d is fresh: %v, seen before: %v", seed, n, fresh, seen[n])
			}
			seen[n] = true
		}
		lost += s.settle()
		if want := uint64(last-first) + 1 - uint64(len(seen)); lost != want {
			t.Fatalf("seed %d: %d lost, want %d", seed, lost, want)
		}
	}
}

// late tells whether a number around i comes more than the window behind a higher one.
func late(numbers []uint32, i int) bool {
	for a := max(0, i-30); a < min(len(numbers), i+30); a++ {
		for b := a + 1; b < min(len(numbers), a+40); b++ {
			if d := numbers[a] - numbers[b]; d < 1<<31 && d >= reorderWindow {
				return true
			}
		}
	}
	return false
}

func TestSequenceSteps(t *testing.T) {
	for _, tc := range []struct {
		name    string
		numbers []uint32
		fresh   []bool
		lost    uint64
	}{
		{"a gap of the window", []uint32{100, 164}, []bool{true, true}, 63},
		{"a gap beyond the window", []uint32{100, 1100}, []bool{true, true}, 999},
		{"late, but in the window", []uint32{100, 164, 101}, []bool{true, true, true}, 62},
		{"anew, from a low number", []uint32{1000, 1, 2}, []bool{true, true, true}, 0},
		{"anew, from a number over half of them", []uint32{3_000_000_000, 1}, []bool{true, true}, 0},
		{"anew, far ahead", []uint32{1, 1 << 25}, []bool{true, true}, 0},
	} {
		var s sequence
		var lost uint64
		for i, n := range tc.numbers {
			fresh, l, _ := s.take(n, 0)
			if lost += l; fresh != tc.fresh[i] {
				t.Errorf("%s: number %d is fresh: %v", tc.name, n, fresh)
			}
		}
		if lost += s.settle(); lost != tc.lost {
			t.Errorf("%s: %d lost, want %d", tc.name, lost, tc.lost)
		}
	}
}
