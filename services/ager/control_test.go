package ager_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/control"
	"netstream/schemas/commit"
	decision "netstream/schemas/control"
	"netstream/schemas/flow"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
)

// decide writes decisions to the log, as the owner of flow shard 0 does, and returns their sequence.
func (l *line) decide(rows ...decision.Row) uint64 {
	l.t.Helper()
	h, body, err := decision.Write(rows)
	if err != nil {
		l.t.Fatal(err)
	}
	return l.forge(h, body)
}

func (l *line) forge(h message.Header, body []byte) uint64 {
	l.t.Helper()
	w, _, err := l.Writer(l.ctx, l.Pipeline.UpdatesStream(), l.Pipeline.Control())
	if err != nil {
		l.t.Fatal(err)
	}
	if err := w.Publish(l.ctx, h, body); err != nil {
		l.t.Fatal(err)
	}
	return w.Sequence()
}

func force(source, monitor, filter string) decision.Row {
	return decision.Row{Action: decision.Force, Source: source, Monitor: monitor, Filter: filter, Time: commit.NoTime}
}

func idle(source string, to int64) decision.Row {
	return decision.Row{Action: decision.Idle, Source: source, Time: start + to}
}

// live is a watermark of a live source.
func (h *handOver) live(source string, time int64) *handOver {
	h.marks.Append(commit.Watermark{Source: source, Time: time, Live: true})
	return h
}

// forced is a flow of one packet that was ended by force.
func forced(number uint64, source, monitor string, n int, at int64) ended {
	f := one(number, n, at, at, 1, flow.Forced)
	f.Source, f.Monitor = source, monitor
	if monitor == "ipv6" {
		f.Flags = 0
	}
	return f
}

// alive lets sources tap and b have flows 1 and 2 each, and tap an IPv6 flow 3 as well; flow 4 is in a window still open.
func (l *line) alive() {
	l.t.Helper()
	b := up(1, 0)
	b.Source = 1
	b2 := up(2, 0)
	b2.Source = 1
	l.publish(0, newHandOver("tap", "b").add(up(1, 0), up(2, 0), b, b2, up(4, 2*second)).add6(up6(3, 0)).
		mark("tap", start+2*second).mark("b", start+2*second))
	l.publish(1, newHandOver().mark("tap", start+2*second).mark("b", start+2*second))
}

// TestForce asks for forced aging in all ways: each ends its flows once, numbered as a step of their own, and whoever asked
// is told when they are published.
func TestForce(t *testing.T) {
	for name, test := range map[string]struct {
		request control.Request
		want    []ended
	}{
		"all": {control.Request{}, []ended{
			forced(1, "tap", "ipv4", 1, 0), forced(2, "tap", "ipv4", 2, 0), forced(3, "b", "ipv4", 1, 0), forced(4, "b", "ipv4", 2, 0), forced(5, "tap", "ipv6", 3, 0),
		}},
		"a source":            {control.Request{Source: "b"}, []ended{forced(1, "b", "ipv4", 1, 0), forced(2, "b", "ipv4", 2, 0)}},
		"a monitor":           {control.Request{Monitor: "ipv6"}, []ended{forced(1, "tap", "ipv6", 3, 0)}},
		"a filter":            {control.Request{Filter: `src_addr == "0.0.0.2"`}, []ended{forced(1, "tap", "ipv4", 2, 0), forced(2, "b", "ipv4", 2, 0)}},
		"all of these":        {control.Request{Source: "tap", Monitor: "ipv4", Filter: "dst_port == 80 && src_addr in ['0.0.0.1']"}, []ended{forced(1, "tap", "ipv4", 1, 0)}},
		"a filter by monitor": {control.Request{Filter: `monitor == "ipv6" && kind == "ipv6" && source == "tap"`}, []ended{forced(1, "tap", "ipv6", 3, 0)}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			r := l.start(quick(), prometheus.NewRegistry(), 0, 1)
			l.alive()
			result := l.ask(test.request)
			got := l.read()
			if diff := cmp.Diff(test.want, got.Flows); diff != "" {
				t.Errorf("flows (-want +got):\n%s", diff)
			}
			wantResult := control.Result{Sequence: got.Position, Flows: len(test.want), Shards: []control.Shard{{Shard: 0, Flows: len(test.want)}, {Shard: 1}}}
			if diff := cmp.Diff(wantResult, result, cmpopts.IgnoreFields(control.Result{}, "ID", "Seconds")); diff != "" || result.ID == "" {
				t.Errorf("answer of request %q (-want +got):\n%s", result.ID, diff)
			}
			l.closes(got)
			// The rest ends by its own rules, and no packet is lost: the update of flow 4 waited in its window.
			for _, source := range []string{"tap", "b"} {
				l.publish(0, newHandOver().end(source, start+2*second))
				l.publish(1, newHandOver().end(source, start+2*second))
			}
			rest := []ended{}
			for over := false; !over; {
				m := l.read()
				rest = append(rest, m.Flows...)
				over = m.Ledger[ledger.Key{Source: "b", Hop: ledger.Ager, Name: ledger.Ended}].Name != ""
				l.closes(m)
			}
			if len(rest)+len(test.want) != 6 {
				t.Errorf("%d flows afterwards, want %d:\n%+v", len(rest), 6-len(test.want), rest)
			}
			for _, f := range rest {
				if f.Reason == flow.Forced || f.Packets != 1 {
					t.Errorf("flow afterwards: %+v", f)
				}
			}
			r.stop(t)
		})
	}
}

// ask asks for forced aging until the ager is there to take it.
func (l *line) ask(r control.Request) control.Result {
	l.t.Helper()
	for {
		result, err := control.Force(l.ctx, l.Bus, r)
		if err == nil && result.Flows > 0 {
			return result
		}
		if err != nil && !errors.Is(err, control.ErrNobody) && !strings.Contains(err.Error(), "isn't alive") {
			l.t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

// closes checks the ager's books in a message: in is out and what is held.
func (l *line) closes(m received) {
	l.t.Helper()
	for k, in := range m.Ledger {
		if k.Hop != ledger.Ager || k.Name != ledger.In {
			continue
		}
		k.Name = ledger.Out
		out := m.Ledger[k]
		k.Name = ledger.Held
		held := m.Ledger[k]
		if in.Packets == 0 || in.Packets != out.Packets+held.Packets || in.Bytes != out.Bytes+held.Bytes {
			l.t.Errorf("books of %s, %s: in %+v, out %+v, held %+v", k.Source, k.Monitor, in, out, held)
		}
	}
}

// TestForceIsReplayed restarts the ager after a force: its flows aren't ended a second time, nor numbered anew.
func TestForceIsReplayed(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	l.alive()
	position := l.decide(force("tap", "", `src_addr == "0.0.0.1"`), force("b", "", ""))
	before := l.read()
	r.stop(t)
	want := []ended{forced(1, "tap", "ipv4", 1, 0), forced(2, "b", "ipv4", 1, 0), forced(3, "b", "ipv4", 2, 0)}
	if diff := cmp.Diff(want, before.Flows); diff != "" || before.Position != position {
		t.Errorf("position %d, want %d; flows before (-want +got):\n%s", before.Position, position, diff)
	}
	reg := prometheus.NewRegistry()
	r = l.start(quick(), reg, 0)
	l.decide(force("tap", "", ""))
	after := l.read()
	r.stop(t)
	if diff := cmp.Diff([]ended{forced(4, "tap", "ipv4", 2, 0), forced(5, "tap", "ipv6", 3, 0)}, after.Flows); diff != "" {
		t.Errorf("flows after (-want +got):\n%s", diff)
	}
	l.closes(after)
	if m := gather(t, reg); m["ager_replayed_flows_total"] != 3 || m["ager_flows_total "+flow.Forced.String()] != 2 {
		t.Errorf("%v flows replayed and %v published, want 3 and 2", m["ager_replayed_flows_total"], m["ager_flows_total "+flow.Forced.String()])
	}
}

// TestControlIsReplayedFromAnyMessage writes forced aging and idle times among the lives of many sources: whichever message
// the ager died before, the flows from there on are the same.
func TestControlIsReplayedFromAnyMessage(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			l := newLine(t)
			publishControlled(l, rand.New(rand.NewPCG(seed, 2)))
			reg := prometheus.NewRegistry()
			first := l.life(l.start(quick(), reg, 0))
			m := gather(t, reg)
			if len(first) < 5 || m["ager_late_updates_total"] == 0 || m["ager_flows_total "+flow.Forced.String()] == 0 {
				t.Fatalf("%d messages, metrics %v; want several, late updates and forced flows", len(first), m)
			}
			packets := uint64(0)
			for _, r := range first {
				l.closes(r)
				for _, f := range r.Flows {
					packets += f.Packets
				}
			}
			if packets != uint64(m["ager_updates_total"]) { // each has one packet
				t.Errorf("%d packets in the flows, %v in the updates", packets, m["ager_updates_total"])
			}
			for cut := len(first) - 1; cut >= 0; cut -= 1 + cut/8 {
				for _, m := range first[cut:] {
					l.forget(m.Sequence)
				}
				l.rewind()
				again := l.life(l.start(quick(), prometheus.NewRegistry(), 0))
				if diff := cmp.Diff(first, again, cmpopts.IgnoreFields(received{}, "Sequence", "Ledger", "body")); diff != "" {
					t.Fatalf("died before message %d of %d (-first +again):\n%s", cut, len(first), diff)
				}
				first = again
			}
		})
	}
}

// publishControlled publishes what two flow caches hand over of two live sources, and decisions between.
func publishControlled(l *line, rng *rand.Rand) {
	const steps = 40
	sources := []string{"tap", "b"}
	done := [2]int{-1, -1} // last step committed by each packet shard
	for done[0] < steps || done[1] < steps {
		shard := rng.IntN(2)
		if done[shard] == steps {
			continue
		}
		from, to := done[shard]+1, min(steps, done[shard]+1+rng.IntN(4))
		done[shard] = to
		h := newHandOver(sources...)
		for i, source := range sources {
			for step := from; step <= to; step++ {
				for n := range 5 {
					if (step+n+shard)%3 != 0 {
						u := up(n, int64(step)*second+int64(n))
						u.Source = uint16(i)
						h.add(u)
					}
				}
			}
			if to == steps {
				h.end(source, start+steps*second+9)
			} else {
				h.live(source, start+int64(to)*second+9)
			}
		}
		l.publish(shard, h)
		switch rng.IntN(6) {
		case 0:
			l.decide(force("", "", fmt.Sprintf("in_net(src_addr, '0.0.0.%d/31')", rng.IntN(5))))
		case 1:
			l.decide(force(sources[rng.IntN(2)], "ipv4", ""), idle("b", int64(min(done[0], done[1])+rng.IntN(3))*second))
		case 2:
			l.decide(idle(sources[rng.IntN(2)], int64(max(done[0], done[1])+rng.IntN(4))*second+second/2))
		}
	}
}

// TestBadControl passes over rows that can't be acted on, and acts on what stands beside them.
func TestBadControl(t *testing.T) {
	l := newLine(t)
	reg := prometheus.NewRegistry()
	r := l.start(quick(), reg, 0)
	l.alive()
	l.decide(
		force("", "", "dst_prt == 443"), force("", "", "1 +"), decision.Row{Action: 7, Time: commit.NoTime}, decision.Row{Action: decision.Force, Time: 5},
		idle("tap", 100*second), // it is a file
		decision.Row{Action: decision.Idle, Source: "b", Time: 1<<63 - 1}, idle("", 0),
		idle("unknown", 100*second), // has ended meanwhile, perhaps: that is nothing bad
		force("", "ipv6", ""),
	)
	if diff := cmp.Diff([]ended{forced(1, "tap", "ipv6", 3, 0)}, l.read().Flows); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
	if n := gather(t, reg)["ager_control_refused_total"]; n != 7 {
		t.Errorf("%v rows refused, want 7", n)
	}
	r.stop(t)
	h, body, err := decision.Write([]decision.Row{force("", "", "")})
	if err != nil {
		t.Fatal(err)
	}
	h.Set(message.Streams, strings.Replace(h.Get(message.Streams), decision.Schema, "control/2", 1))
	l.forge(h, body)
	r = l.start(quick(), prometheus.NewRegistry(), 0)
	wantError(t, <-r.done, message.ErrVersion, "control/2", l.Pipeline.Control())
}

func TestRequestsThatAreRefused(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0, 1)
	l.alive()
	l.ask(control.Request{Monitor: "ipv6"})
	for body, want := range map[string]string{
		`{"filter":"dst_prt == 443"}`: "column 1: unknown name dst_prt",
		`{"source":"edge"}`:           `source "edge" isn't alive, want one of b, tap`,
		`{"source":"a b"}`:            `name "a b"`,
		`{"monitor":"l2"}`:            `monitor "l2" isn't configured, want one of ipv4, ipv6`,
		`{"filters":"true"}`:          `unknown field "filters"`,
		`{} {}`:                       "something follows",
		``:                            "want a JSON object",
		`7`:                           "want a JSON object",
		`{"filter":"` + strings.Repeat(" ", 5000) + `"}`: "want at most 4096",
	} {
		text := l.request(body)
		for strings.Contains(body, "edge") && !strings.Contains(text, "error") {
			text = l.request(body) // a source isn't known for sure until the ager has read all
		}
		if !strings.Contains(text, want) || !strings.HasPrefix(text, `{"id":"","error":`) {
			t.Errorf("%.40s: %s; want %q", body, text, want)
		}
	}
	r.stop(t)
	if _, err := control.Force(l.ctx, l.Bus, control.Request{}); !errors.Is(err, control.ErrNobody) {
		t.Errorf("without an ager: %v, want ErrNobody", err)
	}
}

// request sends a request as it stands and returns the first answer, without the quotes' backslashes.
func (l *line) request(body string) string {
	l.t.Helper()
	asked, err := l.Ask(l.Pipeline.RequestAge(), []byte(body))
	if err != nil {
		l.t.Fatal(err)
	}
	defer asked.Close()
	answer, err := asked.Next(l.ctx)
	if err != nil {
		l.t.Fatalf("%.40s: %v", body, err)
	}
	return strings.ReplaceAll(string(answer), `\"`, `"`)
}

// TestForceAfterAnotherWriter has the control subject written by another process meanwhile.
func TestForceAfterAnotherWriter(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0, 1)
	l.alive()
	l.ask(control.Request{Monitor: "ipv6"})
	l.decide(force("b", "", ""))
	if result := l.ask(control.Request{}); result.Flows != 2 {
		t.Errorf("%d flows, want the 2 of tap", result.Flows)
	}
	r.stop(t)
}

// TestAShardThatIsDown says which shard doesn't answer.
func TestAShardThatIsDown(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	l.alive()
	ctx, cancel := context.WithCancel(l.ctx)
	asked := make(chan error, 1)
	go func() {
		err := control.ErrNobody
		for errors.Is(err, control.ErrNobody) {
			_, err = control.Force(ctx, l.Bus, control.Request{})
		}
		asked <- err
	}()
	for len(l.read().Flows) == 0 { // what shard 0 ended is published
	}
	cancel()
	if err := <-asked; !errors.Is(err, control.ErrUnanswered) {
		t.Errorf("error %v, want ErrUnanswered", err)
	}
	r.stop(t)
}

// TestLateUpdates moves a live source on while it is silent. When it comes back, what belongs in windows closed meanwhile is
// filed under the first one that is open, with its own times; the ager doesn't stop.
func TestLateUpdates(t *testing.T) {
	l := newLine(t)
	reg := prometheus.NewRegistry()
	r := l.start(quick(), reg, 0)
	l.publish(0, newHandOver("tap").add(up(1, 0)).live("tap", start+second))
	l.publish(1, newHandOver().live("tap", start+second))
	position := l.decide(idle("tap", 20*second+second/2))
	got := l.read()
	if diff := cmp.Diff([]ended{one(1, 1, 0, 0, 1, flow.Inactive)}, got.Flows); diff != "" || got.Position != position {
		t.Errorf("position %d, want that of the idle message, %d; flows (-want +got):\n%s", got.Position, position, diff)
	}
	// Nothing is alive: the clock stands where the last flow ended, and a window behind that is open.
	l.publish(0, newHandOver("tap").add(up(2, 10*second)).live("tap", start+second))
	if diff := cmp.Diff([]ended{one(2, 2, 10*second, 10*second, 1, flow.Inactive)}, l.read().Flows); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
	l.publish(0, newHandOver("tap").add(up(3, 19*second)).live("tap", start+second)) // keeps the clock going
	l.publish(1, newHandOver("tap").add(up(4, 2*second), up(4, 18*second), up(5, 20*second)).live("tap", start+2*second))
	l.publish(0, newHandOver().live("tap", start+25*second))
	l.publish(1, newHandOver().live("tap", start+25*second))
	want := []ended{
		one(3, 4, 2*second, 18*second, 2, flow.Active), one(4, 3, 19*second, 19*second, 1, flow.Inactive), one(5, 5, 20*second, 20*second, 1, flow.Inactive),
	}
	var flows []ended
	for len(flows) < len(want) {
		m := l.read()
		l.closes(m)
		flows = append(flows, m.Flows...)
	}
	if diff := cmp.Diff(want, flows); diff != "" {
		t.Errorf("late flows (-want +got):\n%s", diff)
	}
	if n := gather(t, reg)["ager_late_updates_total"]; n != 2 {
		t.Errorf("%v updates were late, want 2", n)
	}
	// It is strict again where watermarks promised.
	l.publish(1, newHandOver("tap").add(up(6, 26*second)).live("tap", start+27*second))
	l.publish(0, newHandOver().live("tap", start+27*second))
	l.publish(0, newHandOver("tap").add(up(6, 5*second)).live("tap", start+27*second))
	wantError(t, <-r.done, nil, "already closed", "source tap")
}

// TestIdleSource lets the ager itself find that a live source is silent.
func TestIdleSource(t *testing.T) {
	l := newLine(t)
	cfg := quick()
	cfg.Idle = 50 * time.Millisecond
	cfg.Inactive = time.Second
	packets, _, err := l.Writer(l.ctx, l.Pipeline.PacketsStream(), l.Pipeline.Packets(1, "lags"))
	if err != nil {
		t.Fatal(err)
	}
	if err := packets.Publish(l.ctx, message.Header{}, nil); err != nil { // its flow cache hasn't taken this
		t.Fatal(err)
	}
	r := l.start(cfg, prometheus.NewRegistry(), 0)
	sources := []string{"tap", "lags", "file"}
	h := newHandOver(sources...)
	for i := range sources {
		u := up(1, 0)
		u.Source = uint16(i)
		h.add(u)
	}
	mark := func(h *handOver) *handOver {
		return h.live("tap", start+second/2).live("lags", start+second/2).mark("file", start+second/2)
	}
	l.publish(0, mark(h))
	l.publish(1, mark(newHandOver()))
	if diff := cmp.Diff([]ended{one(1, 1, 0, 0, 1, flow.Inactive)}, l.read().Flows); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
	r.stop(t)
	newest, err := l.Last(l.ctx, l.Pipeline.UpdatesStream(), l.Pipeline.Control())
	if err != nil || newest == nil {
		t.Fatalf("no control message, error %v", err)
	}
	reader, err := l.Reader(l.ctx, l.Pipeline.UpdatesStream(), []string{l.Pipeline.Control()}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	last := int64(0)
	for reader.After() < newest.Sequence {
		m, err := reader.Next(l.ctx, 10*time.Second)
		if err != nil || m == nil {
			t.Fatalf("control message %v, error %v", m, err)
		}
		rows, err := decision.Read(m.Header, m.Body)
		if err != nil || len(rows) != 1 || rows[0].Action != decision.Idle || rows[0].Source != "tap" || rows[0].Time <= last || rows[0].Time > start+100*second {
			t.Fatalf("%+v, error %v; want tap alone moved on, ever further than %d", rows, err, last)
		}
		last = rows[0].Time
	}
	if last < start+second {
		t.Errorf("tap was moved on to %d, want at least %d", last, start+second)
	}
}
