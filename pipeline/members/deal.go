package members

import (
	"cmp"
	"slices"
	"strconv"

	"netstream/schemas/key"
)

// bid is what a member would give for a shard: a hash of both.
type bid struct {
	hash  uint64
	id    string
	shard int
}

// deal says which member owns each shard: rendezvous hashing with a bound. The highest bids win, until a member has its
// share; shares differ by one at most. Everybody who knows the same members deals alike, in whatever order it learned of
// them.
//
// Without the bound a few shards are dealt badly: 8 over 3 members give the busiest one 4 on average. The bound's price is
// that some shards move between members that stay: when one of 3 goes, 3.0 of 8 shards move instead of its own 2.7.
func deal(ids []string, shards int) []string {
	owners := make([]string, shards)
	if len(ids) == 0 {
		return owners
	}
	bids := make([]bid, 0, len(ids)*shards)
	for _, id := range ids {
		for n := range shards {
			bids = append(bids, bid{key.Seed(id + "/" + strconv.Itoa(n)), id, n})
		}
	}
	slices.SortFunc(bids, func(a, b bid) int {
		return cmp.Or(cmp.Compare(b.hash, a.hash), cmp.Compare(a.id, b.id), cmp.Compare(a.shard, b.shard))
	})
	share, larger := shards/len(ids), shards%len(ids) // so many members may have one more
	has := make(map[string]int, len(ids))
	for _, b := range bids {
		switch {
		case owners[b.shard] != "" || has[b.id] > share:
			continue
		case has[b.id] == share:
			if larger == 0 {
				continue
			}
			larger--
		}
		has[b.id]++
		owners[b.shard] = b.id
	}
	return owners
}
