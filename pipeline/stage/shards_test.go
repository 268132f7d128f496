package stage

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/pipeline/bus"
)

func TestParseShards(t *testing.T) {
	for list, want := range map[string][]int{
		"": {0, 1, 2, 3}, "0": {0}, "3,1": {1, 3}, "0,2-3": {0, 2, 3}, "1-2,2": {1, 2},
	} {
		got, err := ParseShards(list, 4)
		if err != nil {
			t.Errorf("%q: %v", list, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", list, diff)
		}
	}
	for _, list := range []string{"x", "-1", "2-1", "1,", "1-2-3", " 1"} {
		if _, err := ParseShards(list, 4); !errors.Is(err, ErrShards) {
			t.Errorf("%q: got %v, want %v", list, err, ErrShards)
		}
	}
	if _, err := ParseShards("4", 4); err == nil || err.Error() != `"4": there are shards 0 to 3` {
		t.Errorf("a shard there is none of: %v", err)
	}
}

func TestStaticShards(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	begun, ended := make(chan int), make(chan error)
	go func() {
		ended <- Static{0, 2}.Run(ctx, func(ctx context.Context, shard int) error {
			begun <- shard
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	if a, b := <-begun, <-begun; a+b != 2 || a == b {
		t.Errorf("shards %d and %d, want 0 and 2", a, b)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("stopped: %v", err)
	}
	err := Static{0, 2}.Run(t.Context(), func(ctx context.Context, shard int) error {
		if shard == 2 {
			return bus.ErrFenced
		}
		<-ctx.Done() // the other is stopped
		return ctx.Err()
	})
	if !errors.Is(err, bus.ErrFenced) || err.Error() != "shard 2: "+bus.ErrFenced.Error() {
		t.Errorf("fenced: %v", err)
	}
}
