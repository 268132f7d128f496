package stage

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
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
