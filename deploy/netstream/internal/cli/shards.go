package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"netstream/deploy/netstream/internal/line"
)

// errShards tells what a list of shards looks like.
var errShards = errors.New("want numbers and ranges such as 0,2-3")

// parseShards reads a list such as "0,2-3" of count shards; an empty one is all of them.
func parseShards(list string, count int) ([]int, error) {
	if list == "" {
		return line.Shards(count), nil
	}
	var shards []int
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || a < 0 || b < a {
			return nil, fmt.Errorf("%q: %w", part, errShards)
		}
		if b >= count {
			return nil, fmt.Errorf("%q: there are shards 0 to %d", part, count-1)
		}
		for n := a; n <= b; n++ {
			shards = append(shards, n)
		}
	}
	slices.Sort(shards)
	return slices.Compact(shards), nil
}
