package ager_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/schemas/columns"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/update"
	"netstream/services/ager"
)

// TestClockIsTheLowestWatermark closes a window only when both packet shards have passed its end.
func TestClockIsTheLowestWatermark(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	l.publish(0, newHandOver("tap").add(up(1, 0)).mark("tap", start+100*second))
	l.quiet() // nothing is known of shard 1
	l.publish(1, newHandOver("tap").add(up(1, second/2)).mark("tap", start+4*second-1))
	l.quiet()                                                // the flow would be over at 3.5 s, which is looked at when the window ends at 4 s
	l.publish(0, newHandOver().mark("tap", start+50*second)) // a clock never goes back
	position := l.publish(1, newHandOver().mark("tap", start+4*second))
	got := l.read()
	r.stop(t)
	if diff := cmp.Diff([]ended{one(1, 1, 0, second/2, 2, flow.Inactive)}, got.Flows); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
	if got.Position != position {
		t.Errorf("position %d, want that of the commit that moved the clock, %d", got.Position, position)
	}
}

// TestSourcesHaveClocksOfTheirOwn runs two sources at once; what one that is idle holds waits for its own watermarks.
func TestSourcesHaveClocksOfTheirOwn(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	other := up(1, second)
	other.Source = 1
	l.publish(0, newHandOver("tap", "idle").add(up(1, 0), other).mark("tap", start+9*second).mark("idle", start+second))
	l.publish(1, newHandOver().mark("tap", start+9*second).mark("idle", start+second))
	got := l.read()
	for at := int64(10); at < 20; at++ {
		l.publish(0, newHandOver().mark("tap", start+at*second))
		l.publish(1, newHandOver().mark("tap", start+at*second).mark("idle", start+second))
	}
	l.quiet()
	l.publish(0, newHandOver().mark("idle", start+4*second))
	l.publish(1, newHandOver().mark("idle", start+4*second))
	late := l.read()
	r.stop(t)
	if diff := cmp.Diff([]ended{one(1, 1, 0, 0, 1, flow.Inactive)}, got.Flows); diff != "" {
		t.Errorf("flows of tap (-want +got):\n%s", diff)
	}
	want := one(2, 1, second, second, 1, flow.Inactive)
	want.Source = "idle"
	if diff := cmp.Diff([]ended{want}, late.Flows); diff != "" {
		t.Errorf("flows of the idle source (-want +got):\n%s", diff)
	}
}

// TestOrderOfNumbers ends many flows in one step: source by source in the order they came, window by window, IPv4 before
// IPv6, then last, first, key.
func TestOrderOfNumbers(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	second2 := up(1, 0)
	second2.Source = 1
	fin := up(8, 5*second)
	fin.TCPFlags |= 1
	l.publish(0, newHandOver("tap", "b").
		add(up(9, 2), second2, up(4, 2), up(5, 1), up(3, 2), fin).add6(up6(7, 1)).
		mark("tap", start+30*second).mark("b", start+30*second))
	l.publish(1, newHandOver("tap").
		add(up(4, 1)). // the first of flow 4
		mark("tap", start+30*second).mark("b", start+30*second))
	got := l.read()
	r.stop(t)
	six := one(7, 7, 1, 1, 1, flow.Inactive)
	six.Monitor, six.Flags = "ipv6", 0
	b := one(6, 1, 0, 0, 1, flow.Inactive)
	b.Source = "b"
	f := one(5, 8, 5*second, 5*second, 1, flow.FIN)
	f.Flags = 0x11
	want := []ended{
		one(1, 5, 1, 1, 1, flow.Inactive), one(2, 4, 1, 2, 2, flow.Inactive), one(3, 3, 2, 2, 1, flow.Inactive), one(4, 9, 2, 2, 1, flow.Inactive),
		f, b, six, // a message has IPv4 before IPv6 as a whole
	}
	if diff := cmp.Diff(want, got.Flows); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
}

// TestSourceEnds ends its flows when it has ended on all packet shards, and says so once.
func TestSourceEnds(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	upstream := ledger.Entry{Source: "tap", Hop: ledger.Sampler, Shard: ledger.Whole, Name: ledger.In, Packets: 9}
	l.publish(0, newHandOver("tap").add(up(1, 0), up(1, 5*second), up(2, 5*second)).end("tap", start+5*second).count(upstream))
	l.quiet()
	upstream.Packets = 7 // an older count comes later from another shard
	position := l.publish(1, newHandOver().end("tap", start+5*second).count(upstream))
	got := l.read()
	want := []ended{one(1, 1, 0, 0, 1, flow.Inactive), one(2, 1, 5*second, 5*second, 1, flow.End), one(3, 2, 5*second, 5*second, 1, flow.End)}
	if diff := cmp.Diff(want, got.Flows); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
	entries := map[string]ledger.Entry{}
	for k, e := range got.Ledger {
		e.Digest.Hi, e.Digest.Lo = 0, 0
		if k.Source == "tap" {
			entries[k.Hop+" "+k.Name] = e
		}
	}
	if diff := cmp.Diff(map[string]ledger.Entry{
		"sampler in": {Source: "tap", Hop: ledger.Sampler, Shard: ledger.Whole, Name: ledger.In, Packets: 9},
		"ager in":    {Source: "tap", Hop: ledger.Ager, Monitor: "ipv4", Name: ledger.In, Packets: 3, Bytes: 300, Rows: 3},
		"ager out":   {Source: "tap", Hop: ledger.Ager, Monitor: "ipv4", Name: ledger.Out, Packets: 3, Bytes: 300, Rows: 3},
		"ager held":  {Source: "tap", Hop: ledger.Ager, Monitor: "ipv4", Name: ledger.Held},
		"ager ended": {Source: "tap", Hop: ledger.Ager, Name: ledger.Ended},
	}, entries); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	if got.Position != position {
		t.Errorf("position %d, want %d", got.Position, position)
	}
	l.quiet()
	r.stop(t)
}

// TestLedgerOnly is a source that had no packets: no flows, and still the books and its end.
func TestLedgerOnly(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	drops := ledger.Entry{Source: "tap", Hop: ledger.Sampler, Shard: ledger.Whole, Name: ledger.Drop + "not_ip", Packets: 12}
	const never = -1 << 63 // the watermark of a source without packets
	l.publish(0, newHandOver().end("tap", never).count(drops))
	l.publish(1, newHandOver().end("tap", never).count(drops))
	got := l.read()
	if len(got.Flows) != 0 || got.Ledger[drops.Key()].Packets != 12 || got.Ledger[ledger.Key{Source: "tap", Hop: ledger.Ager, Name: ledger.Ended}].Name == "" {
		t.Errorf("got %+v, want no flows, the drops and the end", got)
	}
	// The next flow is number 1 all the same, and the end isn't told again after a restart.
	r.stop(t)
	r = l.start(quick(), prometheus.NewRegistry(), 0)
	l.publish(0, newHandOver("b").add(up(1, 0)).end("b", start))
	l.publish(1, newHandOver().end("b", start))
	got = l.read()
	r.stop(t)
	if len(got.Flows) != 1 || got.Flows[0].Number != 1 || got.Flows[0].Reason != flow.End {
		t.Errorf("got %+v, want flow 1", got)
	}
	for k := range got.Ledger {
		if k.Source == "tap" {
			t.Errorf("the ledger tells of tap again: %v", k)
		}
	}
}

// TestResume stops an ager and starts another: it replays, publishes no flow twice, and those that were alive live on.
func TestResume(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	l.publish(0, newHandOver("tap").add(up(1, 0), up(2, 3*second)).mark("tap", start+4*second))
	l.publish(1, newHandOver().mark("tap", start+4*second))
	before := l.read()
	r.stop(t)
	// While it is down, flow 2 goes on.
	l.publish(0, newHandOver("tap").add(up(2, 5*second)).mark("tap", start+6*second))
	l.publish(1, newHandOver().mark("tap", start+6*second))
	reg := prometheus.NewRegistry()
	r = l.start(quick(), reg, 0)
	l.publish(0, newHandOver().mark("tap", start+8*second))
	l.publish(1, newHandOver().mark("tap", start+8*second))
	after := l.read()
	r.stop(t)
	if diff := cmp.Diff([]ended{one(1, 1, 0, 0, 1, flow.Inactive)}, before.Flows); diff != "" {
		t.Errorf("flows before (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]ended{one(2, 2, 3*second, 5*second, 2, flow.Inactive)}, after.Flows); diff != "" {
		t.Errorf("flows after (-want +got):\n%s", diff)
	}
	in, out := ledger.Key{Source: "tap", Hop: ledger.Ager, Monitor: "ipv4", Name: ledger.In}, ledger.Key{Source: "tap", Hop: ledger.Ager, Monitor: "ipv4", Name: ledger.Out}
	if after.Ledger[in].Packets != 3 || after.Ledger[out].Packets != 3 || after.Ledger[out].Rows != 2 {
		t.Errorf("counters after replay: in %+v, out %+v", after.Ledger[in], after.Ledger[out])
	}
	if n := gather(t, reg)["ager_replayed_flows_total"]; n != 1 {
		t.Errorf("%v flows were replayed, want 1", n)
	}
}

// TestCrashBetweenMessages ends more flows in one step than a message holds, and takes the last messages away as if the
// ager had died before them: they come again byte for byte.
func TestCrashBetweenMessages(t *testing.T) {
	for _, lost := range []int{0, 1, 2, 3} {
		t.Run(fmt.Sprint(lost, " lost"), func(t *testing.T) {
			l := newLine(t)
			const flows = 10_000
			h := newHandOver("tap")
			for i := range flows {
				h.add(up(i, 0)).add6(up6(byte(i), int64(i)))
			}
			l.publish(0, h.end("tap", start))
			l.publish(1, newHandOver().end("tap", start))
			first := l.life(l.start(quick(), prometheus.NewRegistry(), 0))
			if len(first) < 3 {
				t.Fatalf("%d messages, want several", len(first))
			}
			for _, m := range first[len(first)-lost:] {
				l.forget(m.Sequence)
			}
			l.rewind()
			again := l.life(l.start(quick(), prometheus.NewRegistry(), 0))
			for i := range again {
				again[i].Sequence = first[i].Sequence
			}
			if diff := cmp.Diff(first, again, cmp.AllowUnexported(received{})); diff != "" {
				t.Errorf("messages (-first +again):\n%s", diff)
			}
		})
	}
}

// life reads all messages up to the end of source tap and stops the ager.
func (l *line) life(r running) (out []received) {
	l.t.Helper()
	for {
		m := l.read()
		out = append(out, m)
		if m.Ledger[ledger.Key{Source: "tap", Hop: ledger.Ager, Name: ledger.Ended}].Name != "" {
			r.stop(l.t)
			return out
		}
	}
}

// forget deletes a message of flows.
func (l *line) forget(sequence uint64) {
	l.t.Helper()
	reply, err := conn.Request("$JS.API.STREAM.MSG.DELETE."+l.Pipeline.FlowsStream(), fmt.Appendf(nil, `{"seq":%d}`, sequence), 5*time.Second)
	if err != nil || strings.Contains(string(reply.Data), "error") {
		l.t.Fatalf("delete message %d: %v", sequence, err)
	}
}

// TestReplayBeginsWhereNothingWasHeld starts again after all sources ended: nothing is read twice, and other settings are
// welcome. With a source alive they are refused.
func TestReplayBeginsWhereNothingWasHeld(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	l.publish(0, newHandOver("old").add(up(1, 0)).end("old", start))
	l.publish(1, newHandOver().end("old", start))
	if got := l.read(); len(got.Flows) != 1 {
		t.Fatalf("%d flows, want 1", len(got.Flows))
	}
	r.stop(t)

	slower := quick()
	slower.Inactive, slower.Active = 30*time.Second, time.Minute
	reg := prometheus.NewRegistry()
	r = l.start(slower, reg, 0)
	l.publish(0, newHandOver("new").add(up(2, 0), up(3, 40*second)).mark("new", start+40*second))
	l.publish(1, newHandOver().mark("new", start+40*second))
	got := l.read()
	r.stop(t)
	if diff := cmp.Diff([]ended{{Number: 2, Source: "new"}}, got.Flows, cmp.Comparer(func(a, b ended) bool {
		return a.Number == b.Number && a.Source == b.Source
	})); diff != "" {
		t.Errorf("flows after the restart (-want +got):\n%s", diff)
	}
	if m := gather(t, reg); m["ager_replayed_flows_total"] != 0 || m["ager_updates_total"] != 2 {
		t.Errorf("%v flows and %v updates, want no replay and the 2 new updates", m["ager_replayed_flows_total"], m["ager_updates_total"])
	}

	r = l.start(quick(), prometheus.NewRegistry(), 0) // flow 3 is alive
	if err := <-r.done; !errors.Is(err, ager.ErrSettings) {
		t.Errorf("other settings with a flow alive: %v, want ErrSettings", err)
	}
}

// TestSecondOwnerIsFenced runs two agers of one shard: one stands down, and each flow comes once.
func TestSecondOwnerIsFenced(t *testing.T) {
	l := newLine(t)
	a, b := l.start(quick(), prometheus.NewRegistry(), 0), l.start(quick(), prometheus.NewRegistry(), 0)
	var err error
	owner, sent := b, 0
	send := func() {
		at := int64(sent) * 10 * second
		l.publish(0, newHandOver("tap").add(up(sent, at)).mark("tap", start+at+9*second))
		l.publish(1, newHandOver().mark("tap", start+at+9*second))
		sent++
	}
	for err == nil {
		send()
		select {
		case err = <-a.done:
		case err = <-b.done:
			owner = a
		case <-time.After(5 * time.Millisecond):
		case <-l.ctx.Done():
			t.Fatal("both go on")
		}
	}
	wantError(t, err, bus.ErrFenced, "ager: flow shard 0: ", "ns."+string(l.Pipeline)+".flows.0")
	send()
	var got []ended
	for len(got) < sent {
		got = append(got, l.read().Flows...)
	}
	owner.stop(t)
	for i, f := range got {
		at := int64(i) * 10 * second
		if diff := cmp.Diff(one(uint64(i)+1, i, at, at, 1, flow.Inactive), f); diff != "" {
			t.Errorf("flow %d (-want +got):\n%s", i, diff)
		}
	}
}

// TestBadMessageStopsTheShard lets a message come that can't be right: the ager names it and stops, and no flow of it or
// of what follows is published, in this life or the next.
func TestBadMessageStopsTheShard(t *testing.T) {
	// spoil publishes one hand-over of packet shard 0, of which something is wrong.
	type spoil func(header, last message.Header, body, lastBody []byte) ([]byte, []byte)
	set := func(name, value string) spoil {
		return func(h, _ message.Header, body, last []byte) ([]byte, []byte) {
			h.Set(name, value)
			return body, last
		}
	}
	torn := func(_, _ message.Header, body, last []byte) ([]byte, []byte) { return body[:len(body)-5], last }
	fine := func(_, _ message.Header, body, last []byte) ([]byte, []byte) { return body, last }
	rename := func(from, to string) spoil {
		return func(h, c message.Header, body, last []byte) ([]byte, []byte) {
			h.Set(message.Streams, strings.Replace(h.Get(message.Streams), from, to, 1))
			c.Set(message.Streams, strings.Replace(c.Get(message.Streams), from, to, 1))
			return body, last
		}
	}
	whole := func() *handOver { return newHandOver("tap").add(up(1, 10*second)).mark("tap", start+30*second) }
	with := func(change func(*update.Row[key.IPv4])) *handOver {
		u := up(1, 10*second)
		change(&u)
		return newHandOver("tap").add(up(2, 10*second), u).mark("tap", start+30*second)
	}
	partial := whole()
	partial.sampled = true
	partial = partial.add6(up6(1, 10*second))
	partial.ipv6.Sums.VarBytesHi = nil // one of six columns is missing
	for _, c := range []struct {
		name   string
		bad    *handOver
		spoil  spoil
		commit bool // it is the commit that is wrong
		is     error
		says   string
	}{
		{"version", whole(), rename("update.ipv4/1", "update.ipv4/2"), false, message.ErrVersion, "update.ipv4/2"},
		{"packets among updates", whole(), rename("update.ipv4/1", "packet.ipv4/1"), false, message.ErrVersion, "packet.ipv4/1"},
		{"torn", whole(), torn, false, message.ErrBody, "update.ipv4/1"},
		{"torn behind a whole stream", whole().add6(up6(1, 10*second)), torn, false, message.ErrBody, "update.ipv6/1"},
		{"kind", whole(), rename("update.ipv4/1", "update.ipv6/1"), false, columns.ErrSchema, "update.ipv6/1"},
		{"no monitors", whole(), set(message.Monitors, ""), false, message.ErrHeader, message.Monitors},
		{"monitors without definition", whole(), set(message.Monitors, "ipv6 ipv4"), false, message.ErrHeader, "bad monitor definition"},
		{"monitor of another class", whole(), set(message.Monitors, "l2=layer2 ipv6=ipv6"), false, message.ErrBody, "not a record of monitor l2=layer2"},
		{"no sources", whole(), set(message.Sources, ""), false, nil, "source 0 of 0"},
		{"source out of range", with(func(u *update.Row[key.IPv4]) { u.Source = 1 }), fine, false, nil, "row 1: source 1 of 1"},
		{"monitor out of range", with(func(u *update.Row[key.IPv4]) { u.Monitor = 2 }), fine, false, nil, "row 1: source 0 of 1, monitor 2 of 2"},
		{"sums are missing", partial, fine, false, nil, "weighted sums"},
		{"window is closed", with(func(u *update.Row[key.IPv4]) { *u = up(1, second) }), fine, false, nil, "already closed"},
		{"window is none", with(func(u *update.Row[key.IPv4]) { u.Window++ }), fine, false, message.ErrBody, "row 1: window"},
		{"window at the end of time", with(func(u *update.Row[key.IPv4]) { u.Window = (1<<63 - 1) / second * second }), fine, false, message.ErrBody, "row 1: window"},
		{"last is after the window", with(func(u *update.Row[key.IPv4]) { u.Last += second }), fine, false, message.ErrBody, "row 1: 1 packets"},
		{"first is after last", with(func(u *update.Row[key.IPv4]) { u.First++ }), fine, false, message.ErrBody, "row 1: 1 packets"},
		{"first before 1970", with(func(u *update.Row[key.IPv4]) { u.First = -1 }), fine, false, message.ErrBody, "row 1: 1 packets from -1"},
		{"no packets", with(func(u *update.Row[key.IPv4]) { u.Packets = 0 }), fine, false, message.ErrBody, "row 1: 0 packets"},
		{"version of watermarks", whole(), rename("watermark/1", "watermark/9"), true, message.ErrVersion, "watermark/9"},
		{"version of the ledger", whole(), rename(ledger.Schema, "ledger/9"), true, message.ErrVersion, "ledger/9"},
		{"torn commit", whole(), func(_, _ message.Header, body, last []byte) ([]byte, []byte) { return body, last[:len(last)-1] }, true, message.ErrBody, ledger.Schema},
		{"commit without streams", whole(), func(_, c message.Header, body, last []byte) ([]byte, []byte) {
			delete(c, message.Streams)
			return body, last
		}, true, message.ErrBody, "beyond"},
		{"watermark at the end of time", newHandOver("tap").add(up(1, 10*second)).end("tap", 1<<63-1), fine, true, message.ErrBody, "watermark"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t)
			r := l.start(quick(), prometheus.NewRegistry(), 0)
			l.publish(1, newHandOver().mark("tap", start+30*second))
			l.publish(0, newHandOver("tap").add(up(1, 0), up(1, 9*second)).mark("tap", start+10*second))
			l.read()
			header, body := c.bad.body()
			last, lastBody := c.bad.last()
			body, lastBody = c.spoil(header, last, body, lastBody)
			seq := l.send(0, []bus.Part{{Subject: l.Pipeline.Updates(0, 0), Header: header, Body: body}}, last, lastBody)
			subject := "updates.0.0"
			if c.commit {
				subject = "commits.0"
			} else {
				seq--
			}
			says := []string{"ager: flow shard 0: ", fmt.Sprintf("message %d on ns.%s.%s: ", seq, l.Pipeline, subject), c.says}
			wantError(t, <-r.done, c.is, says...)
			l.publish(0, newHandOver().mark("tap", start+60*second))
			wantError(t, <-l.start(quick(), prometheus.NewRegistry(), 0).done, c.is, says...)
			if m, err := l.Last(l.ctx, l.Pipeline.FlowsStream(), l.Pipeline.Flows(0)); err != nil || m.Header.Get(message.Numbers) != "1:1" {
				t.Errorf("last message of flows: %v, error %v; want flow 1 alone", m.Header, err)
			}
		})
	}
}

// TestUnknownPacketShard refuses a subject that the layout doesn't have.
func TestUnknownPacketShard(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	l.publish(2, newHandOver().mark("tap", start))
	wantError(t, <-r.done, nil, "ager: flow shard 0: message 1 on ns."+string(l.Pipeline)+".commits.2: packet shard 2 of 2")
}

// TestUnreadableFlows starts on a last message of flows that can't be resumed from.
func TestUnreadableFlows(t *testing.T) {
	for name, header := range map[string]message.Header{
		"numbers":  {message.Numbers: {"one"}, message.Position: {"S:1"}},
		"position": {message.Numbers: {"1:1"}, message.Position: {"S"}},
		"nothing":  {},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			if _, err := conn.RequestMsg(&nats.Msg{Subject: l.Pipeline.Flows(0), Header: nats.Header(header)}, 5*time.Second); err != nil {
				t.Fatal(err)
			}
			wantError(t, <-l.start(quick(), prometheus.NewRegistry(), 0).done, nil,
				"ager: flow shard 0: resume from message 1 on "+l.Pipeline.Flows(0))
		})
	}
}

// TestSampledMidway publishes the weighted sums from the first sampled update on.
func TestSampledMidway(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	sampled := newHandOver("tap")
	sampled.sampled = true
	u, v := up(1, second), up(2, second)
	u.Sums, v.Sums = sums(50), sums(1)
	l.publish(1, newHandOver().mark("tap", start+30*second))
	l.publish(0, newHandOver("tap").add(up(1, 0), up(3, 0)).mark("tap", start+second))
	l.publish(0, sampled.add(u, v).mark("tap", start+9*second))
	got := l.read()
	r.stop(t)
	first := one(2, 1, 0, second, 2, flow.Inactive)
	first.Estimate = 51
	want := []ended{one(1, 3, 0, 0, 1, flow.Inactive), first, one(3, 2, second, second, 1, flow.Inactive)}
	if diff := cmp.Diff(want, got.Flows); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
}

// TestMetrics compares all of them after a little work.
func TestMetrics(t *testing.T) {
	l := newLine(t)
	reg := prometheus.NewRegistry()
	r := l.start(quick(), reg, 0, 1)
	fin := up(4, 0)
	fin.TCPFlags |= 4
	l.publish(1, newHandOver().mark("tap", start+8*second))
	l.publish(0, newHandOver("tap").add(up(1, 0), up(2, 0), fin, up(1, second), up(3, 7*second)).mark("tap", start+8*second))
	l.read()
	live := func() float64 { return gather(t, reg)["ager_live_flows"] }
	for live() != 1 {
		time.Sleep(time.Millisecond)
	}
	l.publish(0, newHandOver().end("tap", start+8*second))
	l.publish(1, newHandOver().end("tap", start+8*second))
	l.read()
	other, err := l.Reader(l.ctx, l.Pipeline.FlowsStream(), []string{l.Pipeline.Flows(1)}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if m, err := other.Next(l.ctx, 10*time.Second); err != nil || m == nil {
		t.Fatalf("flow shard 1 does not tell of the end: %v", err)
	}
	r.stop(t)
	want := map[string]float64{
		"ager_waits_total": 0, "ager_updates_total": 5, "ager_messages_total": 3, "ager_live_flows": 0, "ager_replayed_flows_total": 0,
		"ager_checkpoint_bytes": 0, "ager_checkpoint_pause_seconds": 0, "ager_checkpoint_seconds": 0, "ager_checkpoints_failed_total": 0,
		"ager_checkpoints_refused_total": 0, "ager_recovery_seconds": 0,
		"ager_late_updates_total": 0, "ager_control_refused_total": 0,
	}
	for _, reason := range flow.Reasons {
		want["ager_flows_total "+reason.String()] = 0
	}
	want["ager_flows_total "+flow.FIN.String()] = 1
	want["ager_flows_total "+flow.Inactive.String()] = 2
	want["ager_flows_total "+flow.End.String()] = 1
	if diff := cmp.Diff(want, gather(t, reg)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// gather reads all metrics.
func gather(t testing.TB, reg prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			out[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return out
}
