package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"netstream/pipeline/bus"
	"netstream/pipeline/members"
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

// Shards is who says which shards of a stage this process works on.
type Shards interface {
	// Run calls own for each shard that is this process's, in a goroutine of its own, and returns when all calls have
	// ended. The context of a call ends when its shard goes elsewhere. An error of own names its shard: "shard 3: …".
	Run(ctx context.Context, own func(ctx context.Context, shard int) error) error
}

// Static is a fixed list of shards. Losing the fence of one (bus.ErrFenced) is an error like any other: somebody else was
// given it too, and an operator must say whose it is.
type Static []int

// Run implements Shards.
func (s Static) Run(ctx context.Context, own func(ctx context.Context, shard int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, n := range s {
		g.Go(func() error {
			if err := own(ctx, n); err != nil && ctx.Err() == nil {
				return fmt.Errorf("shard %d: %w", n, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// ShardsFlag is the help of the flag -shards where a process without it joins the members of its stage.
const ShardsFlag = "`shards` that this process owns, such as 0,2-3, and nobody else should " +
	"(default: all processes without this flag deal all shards among themselves)"

// ParseOwner reads the list of the flag -shards; without one the process joins the members of the stage.
func ParseOwner(list, name string, count int) (func(*bus.Bus, prometheus.Registerer, *slog.Logger) Shards, error) {
	shards, err := ParseShards(list, count)
	if err != nil {
		return nil, err
	}
	return func(b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) Shards {
		if list != "" {
			return Static(shards)
		}
		return members.New(b, name, count, log, reg)
	}, nil
}

// AllShards lists the shards 0 to count-1.
func AllShards(count int) []int {
	shards := make([]int, count)
	for i := range shards {
		shards[i] = i
	}
	return shards
}
