package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"netstream/pipeline/bus"
)

// shards are so many packet shards and so many flow shards.
const shards = 8

// TestShardsAreTakenOver lets flow caches and agers deal the shards among themselves. While captures pass, one of each is
// killed; while others pass, it comes back and a third of each joins, and one leaves; while still others pass, one of each
// stands still until it is taken for dead, and goes on. The flows are those of an undisturbed run each time. It prints how
// soon shards are taken over; the aim is 2 s after a kill.
func TestShardsAreTakenOver(t *testing.T) {
	f, chance := start(t)
	dir := folder(t)
	program, server := program(t, netstream), program(t, natsServer)
	captures := several(t, capture(t, dir, f.packets), 18)
	third := len(captures) / 3
	want := reference(t, program, mkdir(t, dir, "third"), captures[:third]...)
	wantAll := reference(t, program, mkdir(t, dir, "all"), captures...)
	table := newReport("what", "shards that moved", "first taken over after", "last", "while captures passed")
	defer table.print(t)

	layout := bus.DefaultLayout()
	layout.PacketShards, layout.FlowShards = shards, shards
	l := newLine(t, program, server, filepath.Join(dir, "line"), layout)
	stages := map[string][]*member{}
	join := func(stage, name string) {
		m := &member{name: stage + " " + name, command: []string{program, stage, "-c", l.conf}}
		l.keep(t, m)
		stages[stage] = append(stages[stage], m)
	}
	sample := func(name string, captures []string) {
		l.sampler = &member{name: name, finite: true, command: append([]string{program, "sampler", "-c", l.conf}, captures...)}
		l.keep(t, l.sampler)
		flowing(t, l)
		time.Sleep(time.Duration(chance.IntN(300)) * time.Millisecond) // any moment
	}
	// moved waits until so many shards of a stage were taken over since a moment, and reports it.
	moved := func(what, stage, reason string, n int, since time.Time, passing bool) {
		t.Helper()
		var took []time.Duration
		await(t, what+": its shards are taken over", func() bool {
			took = nil
			for _, m := range stages[stage] {
				took = append(took, takeovers(t, m, reason, since)...)
			}
			return len(took) >= n
		})
		slices.Sort(took)
		table.add(what, len(took), took[0], took[len(took)-1], passing)
	}

	l.keep(t, l.server)
	await(t, "the server answers", func() bool {
		_, closeBus, err := connect(l.url, layout)
		if err == nil {
			closeBus()
		}
		return err == nil
	})
	for _, stage := range sharing {
		join(stage, "a")
		join(stage, "b")
	}
	l.keep(t, &member{name: "exporter", command: []string{program, "exporter", "-c", l.conf}}, l.analyzer)
	await(t, "the shards are dealt", func() bool { return dealt(l, 2) })

	sample("sampler 1", captures[:third])
	begin, passing := time.Now(), !l.sampler.idle()
	for _, stage := range sharing {
		stages[stage][0].halt(syscall.SIGKILL)
	}
	for _, stage := range sharing {
		moved(stages[stage][0].name+" was killed", stage, "death", shards/2, begin, passing)
	}
	l.pass(t, third)
	same(t, l.data, want.facts)
	audit(t, program, l.data, 0)
	l.analyzer.revive(t)

	sample("sampler 2", captures[third:2*third])
	begin, passing = time.Now(), !l.sampler.idle()
	for _, stage := range sharing {
		stages[stage][0].revive(t)
		join(stage, "c")
	}
	await(t, "the shards are dealt among three", func() bool { return dealt(l, 3) })
	for _, stage := range sharing {
		moved("two "+stage+"s joined", stage, "move", 1, begin, passing)
	}
	for _, stage := range sharing {
		m, n := stages[stage][1], held(t, stages[stage][1])
		begin, passing = time.Now(), !l.sampler.idle()
		l.stopMember(t, m)
		moved(m.name+" left", stage, "leave", n, begin, passing)
	}

	await(t, "the captures are published", l.sampler.idle)
	sample("sampler 3", captures[2*third:])
	begin, passing = time.Now(), !l.sampler.idle()
	stages["flowcache"][2].stop(func() {
		stages["ager"][2].stop(func() {
			for _, stage := range sharing {
				m := stages[stage][2]
				moved(m.name+" stood still", stage, "death", held(t, m), begin, passing)
			}
		})
	})
	await(t, "the shards are dealt among two again", func() bool { return dealt(l, 2) })
	l.settle(t, len(captures))
	same(t, l.data, wantAll.facts)
	audit(t, program, l.data, 0)
	l.sink.check(t, wantAll.Rows)
	for _, m := range l.members {
		if m.exits > 0 {
			t.Errorf("%s ended by itself %d times: who is fenced stands down and stays", m.name, m.exits)
		}
	}
}

// sharing are the stages whose processes deal the shards among themselves.
var sharing = []string{"flowcache", "ager"}

func mkdir(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// dealt tells whether so many members of both stages have their shares, as their heartbeats say.
func dealt(l *line, members int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	b, closeBus, err := connect(l.url, l.layout)
	if err != nil {
		return false
	}
	defer closeBus()
	bucket, err := b.Bucket(ctx, b.Pipeline.MembersBucket(), 16, 10*time.Second)
	if err != nil {
		return false
	}
	w, err := bucket.Watch(ctx, ">")
	if err != nil {
		return false
	}
	defer w.Close()
	holds := map[string][]int{}
	for until := time.Now().Add(time.Second); time.Now().Before(until); {
		c, err := w.Next(ctx, 100*time.Millisecond)
		if err != nil {
			return false
		}
		if c == nil {
			continue
		}
		var h struct {
			Holds []int `json:"holds"`
		}
		if delete(holds, c.Key); !c.Deleted && json.Unmarshal(c.Value, &h) == nil {
			holds[c.Key] = h.Holds
		}
	}
	for _, stage := range sharing {
		var all []int
		n := 0
		for key := range holds {
			if strings.HasPrefix(key, stage+".") && len(holds[key]) > 0 {
				n++
				all = append(all, holds[key]...)
			}
		}
		slices.Sort(all)
		if n != members || len(all) != shards || len(slices.Compact(all)) != shards {
			return false
		}
	}
	return true
}

// flowing waits until flows are published that weren't before.
func flowing(t *testing.T, l *line) {
	t.Helper()
	b, closeBus, err := connect(l.url, l.layout)
	if err != nil {
		t.Fatal(err)
	}
	defer closeBus()
	last := func() (sequence uint64) {
		for n := range shards {
			m, err := b.Last(t.Context(), b.Pipeline.FlowsStream(), b.Pipeline.Flows(n))
			if err != nil {
				t.Fatal(err)
			}
			if m != nil {
				sequence = max(sequence, m.Sequence)
			}
		}
		return sequence
	}
	before := last()
	for deadline := time.Now().Add(patience); last() == before && !l.sampler.idle(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no flows within %s", patience)
		}
	}
}

// held is how many shards a member works on, as its log tells of this life.
func held(t *testing.T, m *member) (n int) {
	t.Helper()
	for _, line := range logged(t, m) {
		switch {
		case strings.HasPrefix(line, newLife):
			n = 0
		case strings.Contains(line, `msg="shard is begun"`), strings.Contains(line, `msg="shard is taken over"`):
			n++
		case strings.Contains(line, `msg="shard is given up"`):
			n--
		}
	}
	return n
}

// takeovers are the times since a moment at which a member took over shards for a reason.
func takeovers(t *testing.T, m *member, reason string, since time.Time) (took []time.Duration) {
	t.Helper()
	for _, line := range logged(t, m) {
		if !strings.Contains(line, `msg="shard is taken over"`) || !strings.Contains(line, "reason="+reason) {
			continue
		}
		text, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if at.After(since) {
			took = append(took, at.Sub(since))
		}
	}
	return took
}

func logged(t *testing.T, m *member) (lines []string) {
	t.Helper()
	file, err := os.Open(m.log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return lines
}
