package control_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netstream/pipeline/bus"
	"netstream/pipeline/control"
	"netstream/pipeline/embedded/embeddedtest"
)

func open(t *testing.T) *bus.Bus {
	t.Helper()
	_, conn := embeddedtest.Connect(t)
	b, err := bus.New(conn, "live", bus.DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestForce gives answers as agers may: in any order, twice, not at all.
func TestForce(t *testing.T) {
	b := open(t)
	const accepted = `{"id":"x","sequence":7,"shards":2}`
	for name, test := range map[string]struct {
		answers []string
		ends    bool // ctx, when they are given
		want    control.Result
		is      error
		says    string
	}{
		"in order": {
			[]string{accepted, `{"id":"x","shard":0,"flows":3}`, `{"id":"x","shard":1,"flows":4}`}, false,
			control.Result{ID: "x", Sequence: 7, Flows: 7, Shards: []control.Shard{{0, 3}, {1, 4}}}, nil, "",
		},
		"shards first, and one twice": {
			[]string{`{"id":"x","shard":1,"flows":0}`, `{"id":"x","shard":1,"flows":0}`, `{"id":"x","shard":0,"flows":2}`, accepted}, false,
			control.Result{ID: "x", Sequence: 7, Flows: 2, Shards: []control.Shard{{0, 2}, {1, 0}}}, nil, "",
		},
		"refused":        {[]string{`{"error":"no source x"}`}, false, control.Result{Shards: []control.Shard{}}, control.ErrRefused, "no source x"},
		"all are silent": {[]string{}, true, control.Result{Shards: []control.Shard{}}, control.ErrUnanswered, "hasn't written it"},
		"not an answer":  {[]string{"what?"}, false, control.Result{Shards: []control.Shard{}}, nil, "can't be read"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			owner, err := b.Requests(b.Pipeline.RequestAge())
			if err != nil {
				t.Fatal(err)
			}
			defer owner.Close()
			asked := make(chan string, 1)
			go func() {
				r, err := owner.Next(ctx, 10*time.Second)
				if err != nil || r == nil {
					asked <- "nothing"
					return
				}
				for _, a := range test.answers {
					b.Answer(r.Reply, []byte(a))
				}
				asked <- string(r.Body)
				if test.ends {
					cancel()
				}
			}()
			got, err := control.Force(ctx, b, control.Request{Source: "tap", Filter: "vlan == 7"})
			if body := <-asked; body != `{"source":"tap","filter":"vlan == 7"}` {
				t.Errorf("asked %s", body)
			}
			if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("error %v, want %q", err, test.says)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("error %v, want %v", err, test.is)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(control.Result{}, "Seconds")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNobody(t *testing.T) {
	_, err := control.Force(t.Context(), open(t), control.Request{})
	if !errors.Is(err, control.ErrNobody) || !strings.Contains(err.Error(), "ns.live.request.age") {
		t.Errorf("error %v, want ErrNobody with the subject", err)
	}
}
