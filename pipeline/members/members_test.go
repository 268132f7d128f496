package members

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"netstream/pipeline/bus"
)

// TestJoinAndLeave: shards move as members come and go, nobody begins before the one before has ended, and nothing waits
// for a timeout.
func TestJoinAndLeave(t *testing.T) {
	t.Parallel()
	n, c := newNode(t), newCensus()
	a := n.join(8, c)
	eventually(t, "one member has all", func() bool { return a.owned() == 8 })
	b := n.join(8, c)
	eventually(t, "two members have half each", func() bool { return a.owned() == 4 && b.owned() == 4 })
	if moved := b.takeovers(reasonMove); moved != 4 {
		t.Errorf("%d shards have moved, want 4", moved)
	}
	d := n.join(8, c)
	eventually(t, "three members share", func() bool {
		return a.owned()+b.owned()+d.owned() == 8 && min(a.owned(), b.owned(), d.owned()) == 2
	})
	progress(t, a.bus)
	has := b.owned()
	b.stop(t)
	eventually(t, "two members have half each again", func() bool { return a.owned() == 4 && d.owned() == 4 })
	if got := a.takeovers(reasonLeave) + d.takeovers(reasonLeave); got != has {
		t.Errorf("%d shards were taken over from a member that left, want its %d", got, has)
	}
	progress(t, a.bus)
	a.stop(t)
	eventually(t, "one member has all again", func() bool { return d.owned() == 8 })
	progress(t, d.bus)
	d.stop(t)
	c.check(t)
	inOrder(t, n.puppet(8).bus)
	for _, m := range []*crewman{a, b, d} {
		if m.takeovers(reasonDeath) > 0 || testutil.ToFloat64(m.metrics.fenced) > 0 {
			t.Errorf("somebody was taken for dead or fenced:\n%s", m.said)
		}
	}
	if left := n.puppet(8).keys(); len(left) > 0 {
		t.Errorf("all have left, and keys are still there: %v", left)
	}
}

// TestDeath: a member that works falls silent, without a goodbye. Its shards are taken over, and the fence stops what it
// still publishes.
func TestDeath(t *testing.T) {
	t.Parallel()
	n, c := newNode(t), newCensus()
	a := n.join(4, c)
	eventually(t, "one member has all", func() bool { return a.owned() == 4 })
	p := n.puppet(4)
	p.live()
	eventually(t, "a second one is dealt half", func() bool { return a.owned() == 2 })
	eventually(t, "the first one has stopped half", func() bool { return len(idle(c, 4)) == 2 })
	holds := idle(c, 4)
	p.say(holds)
	var writers []*bus.Writer
	for _, shard := range holds {
		w, last, err := p.bus.Writer(t.Context(), p.bus.Pipeline.FlowsStream(), p.bus.Pipeline.Flows(shard))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Publish(t.Context(), numbered(number(last)+1), nil); err != nil {
			t.Fatal(err)
		}
		writers = append(writers, w)
	}
	beats := testutil.ToFloat64(a.metrics.missed)
	p.die()
	eventually(t, "the first one has all again", func() bool { return a.owned() == 4 })
	progress(t, a.bus)
	for _, w := range writers {
		if err := w.Publish(t.Context(), numbered(0), nil); !errors.Is(err, bus.ErrFenced) {
			t.Errorf("the dead publishes: %v, want ErrFenced", err)
		}
	}
	if got := a.takeovers(reasonDeath); got != 2 {
		t.Errorf("%d shards were taken over from a dead member, want 2", got)
	}
	if said := a.said.String(); !strings.Contains(said, `msg="a member is dead" stage=ager who=`+p.id+" silent=1.") ||
		strings.Count(said, `msg="shard is taken over"`) != 2 || !strings.Contains(said, "from="+p.id+" reason=death silent=1.") {
		t.Errorf("the log doesn't tell of the death and two takeovers:\n%s", said)
	}
	if missed := testutil.ToFloat64(a.metrics.missed); missed != beats {
		t.Errorf("%v heartbeats have failed", missed-beats)
	}
	eventually(t, "the living delete the key of the dead", func() bool { return len(p.keys()) == 1 })
	p.live() // it stood still
	eventually(t, "the silent one is a member again", func() bool { return a.owned() == 2 })
	p.die()
	a.stop(t)
	c.check(t)
	inOrder(t, p.bus)
	eventually(t, "the server forgets who died last", func() bool { return len(p.keys()) == 0 })
}

// TestFenced: somebody outside publishes on a shard. Its worker stands down and begins again, from what is there then.
func TestFenced(t *testing.T) {
	t.Parallel()
	n, c := newNode(t), newCensus()
	a := n.join(2, c)
	eventually(t, "it works on all", func() bool { return a.owned() == 2 })
	outside, _ := n.connect(2)
	fenced := func() float64 { return testutil.ToFloat64(a.metrics.fenced) }
	for times := 1; times <= 3; times++ {
		eventually(t, "the shard is worked on", func() bool { return a.called(1) == times })
		eventually(t, "an outsider gets in between", func() bool {
			w, last, err := outside.Writer(t.Context(), outside.Pipeline.FlowsStream(), outside.Pipeline.Flows(1))
			if err == nil {
				err = w.Publish(t.Context(), numbered(number(last)+1), nil)
			}
			if err != nil && !errors.Is(err, bus.ErrFenced) {
				t.Fatal(err)
			}
			return fenced() == float64(times)
		})
	}
	eventually(t, "the shard is worked on again", func() bool { return a.called(1) == 4 })
	progress(t, a.bus)
	if fenced() != 3 || a.called(0) != 1 {
		t.Errorf("fenced %v times, want 3; the other shard was begun %d times, want 1", fenced(), a.called(0))
	}
	a.stop(t)
	c.check(t)
	inOrder(t, outside)
}

// TestServerAway: while the server is away for longer than a dead member is silent, nobody is taken for dead and no
// worker is stopped.
func TestServerAway(t *testing.T) {
	t.Parallel()
	n, c := newNode(t), newCensus()
	a, b := n.join(4, c), n.join(4, c)
	eventually(t, "both have half", func() bool { return a.owned() == 2 && b.owned() == 2 })
	progress(t, a.bus)
	calls := a.total() + b.total()
	n.stop()
	missed := func(m *crewman) float64 { return testutil.ToFloat64(m.metrics.missed) }
	eventually(t, "heartbeats fail", func() bool { return missed(a) >= 3 && missed(b) >= 3 })
	n.restart()
	progress(t, a.bus)
	again := func(m *crewman) bool { return strings.Contains(m.said.String(), "heartbeats are taken again") }
	eventually(t, "heartbeats are taken again", func() bool { return again(a) && again(b) })
	d := n.join(4, c) // they hear again
	eventually(t, "a third one is dealt its share", func() bool { return a.owned()+b.owned()+d.owned() == 4 && d.owned() > 0 })
	if got := a.total() + b.total() - calls; got > 1 { // the deal among three may move one shard between the two
		t.Errorf("%d workers were begun anew", got)
	}
	for _, m := range []*crewman{a, b} {
		if m.takeovers(reasonDeath) > 0 {
			t.Errorf("somebody was taken for dead:\n%s", m.said)
		}
		m.stop(t)
	}
	d.stop(t)
	c.check(t)
	inOrder(t, n.puppet(4).bus)
}

// TestTheBucketIsMadeAnew: without the bucket there is no talk, but the work goes on; a new one takes its place.
func TestTheBucketIsMadeAnew(t *testing.T) {
	t.Parallel()
	n, c := newNode(t), newCensus()
	a, b := n.join(4, c), n.join(4, c)
	eventually(t, "both have half", func() bool { return a.owned() == 2 && b.owned() == 2 })
	js, err := jetstream.New(a.conn)
	if err != nil {
		t.Fatal(err)
	}
	progress(t, a.bus)
	calls := a.total() + b.total()
	if err := js.DeleteKeyValue(t.Context(), a.bus.Pipeline.MembersBucket()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are in a new bucket", func() bool {
		_, err := js.KeyValue(t.Context(), a.bus.Pipeline.MembersBucket())
		return err == nil && len(n.puppet(4).keys()) == 2
	})
	if got := a.total() + b.total(); got != calls {
		t.Errorf("%d workers were begun anew", got-calls)
	}
	d := n.join(4, c)
	eventually(t, "a third one is dealt its share", func() bool { return a.owned()+b.owned()+d.owned() == 4 && d.owned() > 0 })
	progress(t, a.bus)
	c.check(t)
}

// TestAShardMovesAwayAndBack while its worker takes long to end: the next one waits for it.
func TestAShardMovesAwayAndBack(t *testing.T) {
	t.Parallel()
	n, c := newNode(t), newCensus()
	a := n.member(2, c)
	release := make(chan struct{})
	stopping := atomic.Int32{}
	a.begin(t, func(ctx context.Context, _ int) error {
		<-ctx.Done()
		stopping.Add(1)
		<-release
		stopping.Add(-1)
		return nil
	})
	eventually(t, "it works on both", func() bool { return a.total() == 2 })
	p := n.puppet(2)
	p.live()
	eventually(t, "one shard is to move", func() bool { return stopping.Load() == 1 })
	p.die()
	if err := p.bucket.Delete(t.Context(), "ager."+p.id); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it moves back", func() bool { return strings.Contains(a.said.String(), "a member left") })
	q := n.puppet(2) // heartbeats still say that both shards are worked on
	if got := a.owned(); got != 2 || len(q.keys()) != 1 {
		t.Errorf("works on %d shards, want 2 until the worker has ended", got)
	}
	close(release)
	eventually(t, "the shard is begun again", func() bool { return a.total() == 3 })
	a.stop(t)
	c.check(t)
}

// TestAMemberThatHangsIsNotWaitedFor: it lives, was dealt other shards, and doesn't give one up.
func TestAMemberThatHangsIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	n, c := newNode(t), newCensus()
	p := n.puppet(2)
	p.say([]int{0, 1})
	p.live()
	a := n.member(2, c)
	a.timing.wait = usual.beat
	a.begin(t, a.publish)
	eventually(t, "it begins all the same", func() bool { return a.owned() == 1 })
	if said := a.said.String(); !strings.Contains(said, "doesn't give up a shard") || !strings.Contains(said, p.id) {
		t.Errorf("it doesn't say who hangs:\n%s", said)
	}
	a.stop(t)
}

// TestAnErrorEndsRun and names the shard; the other shards are stopped and given up.
func TestAnErrorEndsRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ends error
		says string
	}{{errBoom, "shard 1: boom"}, {nil, "shard 1: ended without being asked to stop"}} {
		n := newNode(t)
		a := n.member(3, newCensus())
		fail := make(chan struct{})
		var stopped atomic.Int32
		a.begin(t, func(ctx context.Context, shard int) error {
			if shard == 1 {
				<-fail
				return c.ends
			}
			<-ctx.Done()
			stopped.Add(1)
			return ctx.Err()
		})
		eventually(t, "it works on all", func() bool { return a.owned() == 3 })
		close(fail)
		if err := <-a.done; err == nil || err.Error() != c.says || c.ends != nil && !errors.Is(err, c.ends) {
			t.Errorf("ends with %v, want %s", err, c.says)
		}
		if stopped.Load() != 2 {
			t.Errorf("%d others were stopped, want 2", stopped.Load())
		}
		if left := n.puppet(3).keys(); len(left) > 0 {
			t.Errorf("it didn't say goodbye: %v", left)
		}
	}
}

// TestWhatCantBeReadDoesNotCount: a heartbeat of no known form is passed over.
func TestWhatCantBeReadDoesNotCount(t *testing.T) {
	t.Parallel()
	n, c := newNode(t), newCensus()
	a := n.join(2, c)
	eventually(t, "it works on all", func() bool { return a.owned() == 2 })
	p := n.puppet(2)
	for _, value := range []string{"", "x", `{"count":1,"holds":[2]}`, `{"count":1,"holds":[-1]}`, `{"count":-1}`} {
		if err := p.bucket.Put(t.Context(), "ager."+p.id, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.bucket.Delete(t.Context(), "ager."+p.id); err != nil {
		t.Fatal(err)
	}
	p.live()
	eventually(t, "one that can be read counts", func() bool { return a.owned() == 1 })
	if refused := strings.Count(a.said.String(), "can't be read"); refused == 0 {
		t.Errorf("it doesn't say what it passes over:\n%s", a.said)
	}
	if strings.Count(a.said.String(), "a member joined") != 1 {
		t.Errorf("what can't be read has joined:\n%s", a.said)
	}
	a.stop(t)
}

// TestEachStartIsAnotherMember, even of the same process.
func TestEachStartIsAnotherMember(t *testing.T) {
	if a, b := newID(), newID(); a == b || strings.ContainsAny(a, ". *>") || len(a) > 64 {
		t.Errorf("%s and %s", a, b)
	}
}

// TestRunNeedsItsServer: joining fails with a reason.
func TestRunNeedsItsServer(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	a := n.member(2, newCensus())
	a.conn.Close()
	a.begin(t, a.publish)
	select {
	case err := <-a.done:
		if err == nil || !strings.Contains(err.Error(), "join the members of ager: create bucket live-members") {
			t.Errorf("error %v, want one that names stage and bucket", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for a closed connection")
	}
}
