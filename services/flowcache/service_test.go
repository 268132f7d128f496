package flowcache_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/schemas/columns"
	"netstream/schemas/commit"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/monitor"
	"netstream/schemas/packet"
)

func entry(source, name string, packets uint64) ledger.Entry {
	return ledger.Entry{Source: source, Hop: ledger.Sampler, Shard: ledger.Whole, Name: name, Packets: packets, Bytes: 100 * packets, Rows: packets}
}

// inOut is what a packet shard took in of a source and what its monitors, each of which takes other packets, handed over.
func (c last) inOut(source string, shard uint16) (in, out ledger.Entry) {
	at := ledger.Key{Source: source, Hop: ledger.FlowCache, Shard: shard, Name: ledger.In}
	in = c.Ledger[at]
	at.Name = ledger.Out
	for _, d := range monitor.Default() {
		at.Monitor = d.Name
		e := c.Ledger[at]
		out.Packets, out.Bytes, out.Rows = out.Packets+e.Packets, out.Bytes+e.Bytes, out.Rows+e.Rows
	}
	return in, out
}

// TestResume stops a flow cache and starts another: what was held is taken in again, what was handed over is not, and
// watermarks and counters go on, those of a source that has said nothing since too.
func TestResume(t *testing.T) {
	l := newLine(t)
	l.publish(0, "silent", newPackets("silent", start).ipv4(at(7, start)).ledger(entry("silent", ledger.In, 1)))
	l.publish(0, "tap", newPackets("tap", start).ipv4(at(1, start), at(1, start+1), at(2, start+2)))
	first := l.start(quick(), prometheus.NewRegistry(), 0)
	l.commit(0, 2)
	first.stop(t)

	// What the second life takes in it only holds.
	patient := quick()
	patient.HandOver = time.Minute
	reg := prometheus.NewRegistry()
	l.publish(0, "tap", newPackets("tap", start+second).ipv4(at(1, start+3)))
	again := l.start(patient, reg, 0)
	for gather(t, reg)["flowcache_messages_total"] == 0 {
		time.Sleep(time.Millisecond)
	}
	if held := gather(t, reg)["flowcache_updates_held"]; held != 1 {
		t.Errorf("%v updates are held, want 1", held)
	}
	again.stop(t)
	if c := l.commit(0, 2); c.Position != 2 {
		t.Fatalf("a stop handed over: position %d", c.Position)
	}

	l.publish(0, "tap", newPackets("tap", start+2*second).ipv4(at(2, start+second)))
	third := l.start(quick(), prometheus.NewRegistry(), 0)
	got := l.commit(0, 4)
	third.stop(t)
	want := map[string]counted{
		fmt.Sprintf("silent %v window 0", flowKey(7)): {1, 100, 1},
		fmt.Sprintf("tap %v window 0", flowKey(1)):    {3, 300, 2},
		fmt.Sprintf("tap %v window 0", flowKey(2)):    {1, 100, 1},
		fmt.Sprintf("tap %v window 1", flowKey(2)):    {1, 100, 1},
	}
	if diff := cmp.Diff(want, l.updates()); diff != "" {
		t.Errorf("updates (-want +got):\n%s", diff)
	}
	marks := map[string]commit.Watermark{"silent": {Source: "silent", Time: start}, "tap": {Source: "tap", Time: start + 2*second}}
	if diff := cmp.Diff(marks, got.Marks); diff != "" {
		t.Errorf("watermarks (-want +got):\n%s", diff)
	}
	in, out := got.inOut("tap", 0)
	if in.Packets != 5 || in.Bytes != 500 || in.Rows != 5 || out.Packets != 5 || out.Bytes != 500 || out.Rows != 4 {
		t.Errorf("tap: in %+v, out %+v", in, out)
	}
	if e := got.Ledger[ledger.Key{Source: "silent", Hop: ledger.Sampler, Shard: ledger.Whole, Name: ledger.In}]; e.Packets != 1 {
		t.Errorf("the sampler's counter of the silent source is %+v", e)
	}
}

// TestSecondOwnerIsFenced runs two flow caches of one shard: one stands down, and nothing is handed over twice.
func TestSecondOwnerIsFenced(t *testing.T) {
	l := newLine(t)
	a, b := l.start(quick(), prometheus.NewRegistry(), 0), l.start(quick(), prometheus.NewRegistry(), 0)
	want := map[string]counted{}
	send := func() {
		i := len(want)
		l.publish(0, "tap", newPackets("tap", start).ipv4(at(i, start)))
		want[fmt.Sprintf("tap %v window 0", flowKey(i))] = counted{1, 100, 1}
	}
	var err error
	owner := b
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
	wantError(t, err, bus.ErrFenced, "flowcache: packet shard 0: ", "ns."+string(l.Pipeline)+".commits.0")
	send()
	l.commit(0, uint64(len(want)))
	owner.stop(t)
	if diff := cmp.Diff(want, l.updates()); diff != "" {
		t.Errorf("updates (-want +got):\n%s", diff)
	}
}

// TestBadMessageStopsTheShard lets a message come that can't be right: the flow cache names it and stops, hands nothing
// of it over, and does the same when it is started again.
func TestBadMessageStopsTheShard(t *testing.T) {
	good := func() *packets { return newPackets("tap", start).ipv4(at(1, start)) }
	for _, c := range []struct {
		name string
		bad  *packets
		torn int // bytes that the body lacks
		is   error
		says string
	}{
		{"version", newPackets("tap", start).ipv4(at(1, start)).set(message.Streams, "packet.ipv4/2:0"), 0, message.ErrVersion, "packet.ipv4/2"},
		{"schema", good().add("packet.layer2/1", packet.NewIPv4().Columns()), 0, message.ErrVersion, "packet.layer2/1"},
		{"torn", good(), 1, message.ErrBody, "packet.ipv4/1"},
		{"torn behind a whole stream", good().ipv6(at6(1, start)), 9, message.ErrBody, "packet.ipv6/1"},
		{"more than announced", good().set(message.Streams, ""), 0, message.ErrBody, "beyond"},
		{"length is no number", good().set(message.Streams, "packet.ipv4/1:x"), 0, message.ErrBody, `"x"`},
		{"column is missing", newPackets("tap", start).add(packet.SchemaIPv4, packet.NewIPv4().Columns()[1:]), 0, columns.ErrSchema, "packet.ipv4/1"},
		{"stream of another kind", newPackets("tap", start).add(packet.SchemaIPv4, packet.NewIPv6().Columns()), 0, columns.ErrSchema, "packet.ipv4/1"},
		{"ledger is a lie", good().add(ledger.Schema, packet.NewIPv4().Columns()), 0, columns.ErrSchema, ledger.Schema},
		{"two streams of a schema", good().ledger().ipv4(at(2, start)), 0, message.ErrBody, "two streams of packet.ipv4/1"},
		{"no source", good().set(message.Source, ""), 0, message.ErrHeader, message.Source},
		{"source is two words", good().set(message.Source, "tap tap"), 0, message.ErrHeader, message.Source},
		{"no watermark", good().set(message.Watermark, ""), 0, message.ErrHeader, message.Watermark},
		{"watermark is no number", good().set(message.Watermark, "soon"), 0, message.ErrHeader, `"soon"`},
		{"watermark at the end of time", good().set(message.Watermark, "9223372036854775807"), 0, message.ErrHeader, message.Watermark},
		{"packet after its window", good().ipv6(packet.Row[key.IPv6]{Time: start + second, Window: start, Bytes: 1, Weight: 1}), 0, message.ErrBody, "packet.ipv6/1 row 0"},
		{"window is none", newPackets("tap", start).ipv4(at(1, start), packet.Row[key.IPv4]{Time: start, Window: start + 1, Bytes: 1, Weight: 1}), 0, message.ErrBody, "packet.ipv4/1 row 1"},
		{"wide packet after its window", newPackets("tap", start).wide(packet.WideRow{Time: start + second, Window: start, Weight: 1}), 0, message.ErrBody, "packet.wide/1 row 0"},
		{"wide columns are missing", newPackets("tap", start).add(packet.SchemaWide, packet.NewIPv4().Columns()), 0, columns.ErrSchema, "packet.wide/1"},
		{"no monitors", good().set(message.Monitors, ""), 0, message.ErrHeader, message.Monitors},
		{"monitors without definition", good().set(message.Monitors, "ipv4 ipv6"), 0, message.ErrHeader, "bad monitor definition"},
		{"two monitors of a name", good().set(message.Monitors, "m=ipv4 m=ipv6"), 0, message.ErrHeader, "two monitors named m"},
		{"time before 1970", newPackets("tap", start).ipv4(at(1, -1)), 0, message.ErrBody, "time -1"},
		{"time at the end of time", newPackets("tap", start).ipv4(at(1, 1<<63-1)), 0, message.ErrBody, "row 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t)
			l.publish(0, "tap", newPackets("tap", start).ipv4(at(5, start)))
			first := l.start(quick(), prometheus.NewRegistry(), 0)
			before := l.commit(0, 1)
			if c.name == "version" {
				c.bad.header.Set(message.Streams, strings.Replace(good().body.Streams(), "/1:", "/2:", 1))
			}
			l.send(0, "tap", c.bad.header, c.bad.body.Bytes()[:c.bad.body.Len()-c.torn])
			says := []string{"flowcache: packet shard 0: ", "message 2 on ns." + string(l.Pipeline) + ".packets.0.tap: ", c.says}
			wantError(t, <-first.done, c.is, says...)
			wantError(t, <-l.start(quick(), prometheus.NewRegistry(), 0).done, c.is, says...)
			if diff := cmp.Diff(before, l.commit(0, 1)); diff != "" {
				t.Errorf("something was handed over (-before +after):\n%s", diff)
			}
			if got := l.updates(); len(got) != 1 {
				t.Errorf("updates of %v, want of the first message alone", got)
			}
		})
	}
}

// TestBadMessageStopsTheProcess checks that the other shards stop too, so that whoever runs the service notices.
func TestBadMessageStopsTheProcess(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0, 1)
	l.publish(1, "tap", newPackets("tap", start).set(message.Watermark, ""))
	wantError(t, <-r.done, message.ErrHeader, "flowcache: packet shard 1: ", "message 1 on ")
}

// TestUnreadableCommit starts on a last commit that can't be resumed from.
func TestUnreadableCommit(t *testing.T) {
	for _, c := range []struct {
		name     string
		position string
		streams  string
		is       error
	}{
		{"position", "PACKETS", "", nil},
		{"version", "", "watermark/2:0", message.ErrVersion},
		{"torn", "", "watermark/1:7", message.ErrBody},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t)
			w, _, err := l.Writer(l.ctx, l.Pipeline.UpdatesStream(), l.Pipeline.Commits(0))
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Publish(l.ctx, message.Header{message.Position: {c.position}, message.Streams: {c.streams}}, nil); err != nil {
				t.Fatal(err)
			}
			wantError(t, <-l.start(quick(), prometheus.NewRegistry(), 0).done, c.is,
				"flowcache: packet shard 0: resume from message 1 on ns."+string(l.Pipeline)+".commits.0")
		})
	}
}

// TestLedgerOnly passes counters and watermark on when there are no packets.
func TestLedgerOnly(t *testing.T) {
	l := newLine(t)
	l.publish(0, "tap", newPackets("tap", start+5*second).ledger(entry("tap", ledger.In, 70), entry("tap", ledger.Drop+"not_ip", 70)))
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	got := l.commit(0, 1)
	l.publish(0, "tap", newPackets("tap", start+4*second).ledger(entry("tap", ledger.In, 80))) // a watermark never goes back
	then := l.commit(0, 2)
	r.stop(t)
	if len(l.updates()) != 0 {
		t.Error("there are updates")
	}
	if e := got.Ledger[ledger.Key{Source: "tap", Hop: ledger.Sampler, Shard: ledger.Whole, Name: ledger.Drop + "not_ip"}]; e.Packets != 70 {
		t.Errorf("counter of drops: %+v", e)
	}
	if e := then.Ledger[ledger.Key{Source: "tap", Hop: ledger.Sampler, Shard: ledger.Whole, Name: ledger.In}]; e.Packets != 80 {
		t.Errorf("counter: %+v", e)
	}
	if in, out := then.inOut("tap", 0); in.Packets != 0 || out.Packets != 0 || len(then.Ledger) != 9 {
		t.Errorf("in %+v, out %+v, %d counters, want 0, 0, 9", in, out, len(then.Ledger))
	}
	want := map[string]commit.Watermark{"tap": {Source: "tap", Time: start + 5*second}}
	if diff := cmp.Diff(want, then.Marks); diff != "" {
		t.Errorf("watermarks (-want +got):\n%s", diff)
	}
}

// TestLiveSourcesAreNamed tells live sources, each of whose starts is an epoch, from files, and still does after a restart.
func TestLiveSourcesAreNamed(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	l.publish(0, "tap", newPackets("tap", start).ipv4(at(1, start)).set(message.Ordinal, "1:1"))
	l.publish(0, "file", newPackets("file", start).ipv4(at(1, start)).set(message.Ordinal, "0:1"))
	l.commit(0, 2)
	r.stop(t)
	r = l.start(quick(), prometheus.NewRegistry(), 0)
	l.publish(0, "file", newPackets("file", start+second).ipv4(at(1, start+second)).set(message.Ordinal, "0:2"))
	got := l.commit(0, 3)
	r.stop(t)
	want := map[string]commit.Watermark{"tap": {Source: "tap", Time: start, Live: true}, "file": {Source: "file", Time: start + second}}
	if diff := cmp.Diff(want, got.Marks); diff != "" {
		t.Errorf("watermarks (-want +got):\n%s", diff)
	}
}

// TestSourceEnds hands the end over at once, with all that is held, and then forgets the source; another goes on under
// its own name and counters, and so it does after a restart.
func TestSourceEnds(t *testing.T) {
	l := newLine(t)
	slow := quick()
	slow.HandOver = time.Minute
	l.publish(0, "a", newPackets("a", start).ipv4(at(1, start)))
	l.publish(0, "b", newPackets("b", start).ipv4(at(1, start)).ipv6(at6(1, start)))
	r := l.start(slow, prometheus.NewRegistry(), 0)
	l.publish(0, "a", newPackets("a", start+second).ipv4(at(2, start+second)).set(message.End, "1"))
	got := l.commit(0, 3)
	want := map[string]commit.Watermark{"a": {Source: "a", Time: start + second, Ended: true}, "b": {Source: "b", Time: start}}
	if diff := cmp.Diff(want, got.Marks); diff != "" {
		t.Errorf("watermarks (-want +got):\n%s", diff)
	}
	r.stop(t)
	r = l.start(quick(), prometheus.NewRegistry(), 0)
	l.publish(0, "b", newPackets("b", start+2*second).ipv4(at(3, start+2*second)))
	got = l.commit(0, 4)
	l.publish(0, "b", newPackets("b", start+3*second).ipv4(at(3, start+3*second)).set(message.End, "1"))
	end := l.commit(0, 5)
	l.publish(0, "c", newPackets("c", start).ipv4(at(3, start)))
	after := l.commit(0, 6)
	r.stop(t)
	if diff := cmp.Diff(map[string]commit.Watermark{"b": {Source: "b", Time: start + 2*second}}, got.Marks); diff != "" {
		t.Errorf("watermarks after a's end (-want +got):\n%s", diff)
	}
	if in, out := end.inOut("b", 0); in.Packets != 4 || out.Packets != 4 || out.Rows != 4 || !end.Marks["b"].Ended {
		t.Errorf("b at its end: in %+v, out %+v, %+v", in, out, end.Marks["b"])
	}
	if diff := cmp.Diff(map[string]commit.Watermark{"c": {Source: "c", Time: start}}, after.Marks); diff != "" {
		t.Errorf("watermarks after b's end (-want +got):\n%s", diff)
	}
	updates := map[string]counted{
		fmt.Sprintf("a %v window 0", flowKey(1)):    {1, 100, 1},
		fmt.Sprintf("a %v window 1", flowKey(2)):    {1, 100, 1},
		fmt.Sprintf("b %v window 0", flowKey(1)):    {1, 100, 1},
		fmt.Sprintf("b %v window 0", at6(1, 0).Key): {1, 100, 1},
		fmt.Sprintf("b %v window 2", flowKey(3)):    {1, 100, 1},
		fmt.Sprintf("b %v window 3", flowKey(3)):    {1, 100, 1},
		fmt.Sprintf("c %v window 0", flowKey(3)):    {1, 100, 1},
	}
	if diff := cmp.Diff(updates, l.updates()); diff != "" {
		t.Errorf("updates (-want +got):\n%s", diff)
	}
}

// TestIdleSource keeps the watermark of a source that says nothing, while another's goes on.
func TestIdleSource(t *testing.T) {
	l := newLine(t)
	r := l.start(quick(), prometheus.NewRegistry(), 0)
	l.publish(0, "idle", newPackets("idle", start).ipv4(at(1, start)))
	for i := range int64(5) {
		l.publish(0, "busy", newPackets("busy", start+i*second).ipv4(at(1, start+i*second)))
		got := l.commit(0, uint64(i)+2)
		want := map[string]commit.Watermark{"idle": {Source: "idle", Time: start}, "busy": {Source: "busy", Time: start + i*second}}
		if diff := cmp.Diff(want, got.Marks); diff != "" {
			t.Errorf("watermarks (-want +got):\n%s", diff)
		}
	}
	r.stop(t)
}

// TestFullTableHandsOver needs no clock: the table is full, so all goes.
func TestFullTableHandsOver(t *testing.T) {
	l := newLine(t)
	cfg := quick()
	cfg.Rows, cfg.HandOver = 10, time.Minute
	r := l.start(cfg, prometheus.NewRegistry(), 0)
	var rows []packet.Row[key.IPv4]
	for i := range 9 {
		rows = append(rows, at(i, start))
	}
	l.publish(0, "tap", newPackets("tap", start).ipv4(rows...))
	l.publish(0, "tap", newPackets("tap", start).ipv4(at(3, start), at(9, start), at(10, start)))
	got := l.commit(0, 2)
	r.stop(t)
	if in, out := got.inOut("tap", 0); in.Packets != 12 || out.Packets != 12 || out.Rows != 11 {
		t.Errorf("in %+v, out %+v; want 12 packets in 11 updates", in, out)
	}
}

// TestLargeHandOver is cut into many parts and still one commit.
func TestLargeHandOver(t *testing.T) {
	l := newLine(t)
	const flows = 60_000
	var rows []packet.Row[key.IPv4]
	for i := range flows {
		rows = append(rows, at(i, start))
	}
	for chunk := range slices.Chunk(rows, 10_000) {
		l.publish(0, "tap", newPackets("tap", start).ipv4(chunk...))
	}
	cfg := quick()
	cfg.Rows, cfg.HandOver = flows, time.Minute
	r := l.start(cfg, prometheus.NewRegistry(), 0)
	l.commit(0, 6)
	r.stop(t)
	got := l.updates()
	for n := range rows {
		if at := fmt.Sprintf("tap %v window 0", flowKey(n)); got[at] != (counted{1, 100, 1}) {
			t.Fatalf("flow %d: %+v", n, got[at])
		}
	}
	m, err := l.Last(l.ctx, l.Pipeline.UpdatesStream(), l.Pipeline.Commits(0))
	if err != nil || m.Sequence < 6 {
		t.Errorf("the commit is message %+v, error %v; want it behind several parts", m, err)
	}
}

// TestMetrics compares all of them after a little work on two shards.
func TestMetrics(t *testing.T) {
	l := newLine(t)
	reg := prometheus.NewRegistry()
	r := l.start(quick(), reg, 0, 1)
	l.publish(0, "tap", newPackets("tap", start).ipv4(at(1, start), at(1, start), at(2, start)).ipv6(at6(1, start)))
	l.publish(1, "tap", newPackets("tap", start).ipv4(at(3, start)))
	l.commit(0, 1)
	l.commit(1, 2)
	l.publish(0, "tap", newPackets("tap", start).ledger(entry("tap", ledger.In, 5)))
	l.commit(0, 3)
	r.stop(t)
	want := map[string]float64{
		"flowcache_packets_total": 5, "flowcache_bytes_total": 500, "flowcache_updates_total": 4,
		"flowcache_hand_overs_total": 3, "flowcache_messages_total": 3, "flowcache_updates_held": 0, "flowcache_waits_total": 0,
	}
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
