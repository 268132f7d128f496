package members

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDealIsFixed: programs of different versions must deal alike.
func TestDealIsFixed(t *testing.T) {
	want := []string{"b", "c", "c", "c", "b", "a", "a", "b"}
	for range 10 {
		ids := []string{"a", "b", "c"}
		rand.Shuffle(3, func(i, k int) { ids[i], ids[k] = ids[k], ids[i] })
		if diff := cmp.Diff(want, deal(ids, 8)); diff != "" {
			t.Fatalf("%v (-want +got):\n%s", ids, diff)
		}
	}
	if diff := cmp.Diff([]string{"", ""}, deal(nil, 2)); diff != "" {
		t.Errorf("without members (-want +got):\n%s", diff)
	}
}

// crew is a set of members that no other test has.
func crew(tag, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("host-%d-%d", tag, i))
	}
	return ids
}

func loads(ids, owners []string) (least, most int) {
	least = len(owners)
	for _, id := range ids {
		n := 0
		for _, o := range owners {
			if o == id {
				n++
			}
		}
		least, most = min(least, n), max(most, n)
	}
	return least, most
}

// TestDealIsBalanced: shares differ by one at most, and each shard has an owner.
func TestDealIsBalanced(t *testing.T) {
	for _, shards := range []int{1, 2, 7, 8, 64, 256} {
		for members := 1; members <= 12; members++ {
			for tag := range 20 {
				ids := crew(tag, members)
				owners := deal(ids, shards)
				if least, most := loads(ids, owners); most-least > 1 || slices.Contains(owners, "") {
					t.Fatalf("%d shards among %d members: from %d to %d each: %v", shards, members, least, most, owners)
				}
			}
		}
	}
}

// TestFewShardsMove: when a member goes, its own shards must move, and of the others a few do for the balance; the same
// when it comes back. Dealing by turns (shard mod members) would move two of three shards and more.
func TestFewShardsMove(t *testing.T) {
	for _, c := range []struct {
		shards, members int
		most            float64 // moved for each of the gone member's
	}{
		{2, 2, 1}, {8, 2, 1}, {8, 3, 1.25}, {8, 4, 1.6}, {64, 3, 1.15}, {64, 4, 1.3}, {64, 8, 1.6}, {256, 3, 1.1}, {256, 8, 1.4},
	} {
		lost, moved := 0, 0
		for tag := range 200 {
			ids := crew(tag, c.members)
			before, gone := deal(ids, c.shards), ids[tag%c.members]
			after := deal(slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == gone }), c.shards)
			for n := range c.shards {
				if before[n] == gone {
					lost++
				}
				if before[n] != after[n] {
					moved++
				}
			}
		}
		t.Logf("%d shards, %d members: %.2f move when a member with %.2f goes", c.shards, c.members, float64(moved)/200, float64(lost)/200)
		if by := float64(moved) / float64(lost); by > c.most {
			t.Errorf("%d shards, %d members: %.2f shards move for each that has to, want at most %.2f", c.shards, c.members, by, c.most)
		}
	}
}
