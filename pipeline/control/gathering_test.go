package control

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMissing names the shards that haven't answered, and keeps what the others said.
func TestMissing(t *testing.T) {
	g := gathering{shards: map[int]int{}}
	for _, a := range []string{`{"id":"x","shard":1,"flows":3}`, `{"id":"x","sequence":7,"shards":4}`, `{"id":"x","shard":3,"flows":2}`} {
		if g.complete() {
			t.Error("complete too early")
		}
		if err := g.take([]byte(a)); err != nil {
			t.Fatal(err)
		}
	}
	want := Result{ID: "x", Sequence: 7, Flows: 5, Shards: []Shard{{1, 3}, {3, 2}}}
	if diff := cmp.Diff(want, g.result()); diff != "" || g.complete() {
		t.Errorf("complete %v (-want +got):\n%s", g.complete(), diff)
	}
	if err := g.missing(); !errors.Is(err, ErrUnanswered) || !strings.Contains(err.Error(), "of flow shard 0, 2 to message 7 of the updates stream; 5 flows") {
		t.Errorf("error %v", err)
	}
}
