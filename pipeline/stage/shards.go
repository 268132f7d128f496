package stage

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ErrShards is met when a list of shards can't be read.
var ErrShards = errors.New("want numbers and ranges such as 0,2-3")

// ParseShards reads a list such as "0,2-3" of count shards; an empty one is all of them.
func ParseShards(list string, count int) ([]int, error) {
	if list == "" {
		return AllShards(count), nil
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
			return nil, fmt.Errorf("%q: %w", part, ErrShards)
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

// AllShards lists the shards 0 to count-1.
func AllShards(count int) []int {
	shards := make([]int, count)
	for i := range shards {
		shards[i] = i
	}
	return shards
}
