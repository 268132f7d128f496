package crash

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// summary is what `netstream run --json` prints, as far as it must not depend on crashes.
type summary struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
	Flows   uint64 `json:"flows"`
	Digest  string `json:"digest"`
	Closed  bool   `json:"closed"`
}

// undisturbed is a run that nobody touched, and how long it took.
type undisturbed struct {
	summary
	facts
	took time.Duration
}

// job is the command `netstream run` on some captures, whose data is in a directory of its own.
type job struct {
	program  string
	captures []string
	data     string
	lives    int
}

// launch starts the command. It is the same every time.
func (j *job) launch(t *testing.T) *process {
	t.Helper()
	j.lives++
	args := append([]string{"run"}, j.captures...)
	return launch(t, j.log(), j.program, append(args, "--data", j.data, "--json")...)
}

func (j *job) log() string { return j.data + ".log" }

// finish lets the command come to its end.
func (j *job) finish(t *testing.T) *summary {
	t.Helper()
	p := j.launch(t)
	p.wait(t)
	return j.ended(t, p)
}

// ended is the summary of a process that came to its end. It is nil when the life before was killed between its end and
// its summary, for then there was nothing left to do.
func (j *job) ended(t *testing.T, p *process) *summary {
	t.Helper()
	if p.code() == 1 && p.out.Len() == 0 && strings.Contains(tail(p.log, 3), "has been run before") {
		return nil
	}
	return j.summary(t, p)
}

// summary reads what a process has printed.
func (j *job) summary(t *testing.T, p *process) *summary {
	t.Helper()
	if p.code() != 0 {
		t.Fatalf("%s: %v\n%s", p.cmd.Args, p.err, tail(p.log, 100))
	}
	var s summary
	if err := json.Unmarshal(p.out.Bytes(), &s); err != nil {
		t.Fatalf("%s: %v\n%s", p.cmd.Args, err, p.out.String())
	}
	return &s
}

// check compares what a job has left with an undisturbed run. printed is nil when there is no summary.
func (j *job) check(t *testing.T, printed *summary, want undisturbed) {
	t.Helper()
	if printed != nil && *printed != want.summary {
		t.Errorf("summary %+v, of an undisturbed run %+v\n%s", *printed, want.summary, tail(j.log(), 30))
	}
	same(t, j.data, want.facts)
	audit(t, j.program, j.data, 0)
}

// audit closes the books and wants an exit code. It returns what the command said last.
func audit(t *testing.T, program, data string, code int) string {
	t.Helper()
	p := launch(t, data+".audit.log", program, "audit", "--data", data)
	p.wait(t)
	books, said := p.out.String(), lastLine(p.log)
	if p.code() != code || !strings.Contains(books, "ager -> database") {
		t.Errorf("netstream audit exits %d, want %d, and the books:\n%s\n%s", p.code(), code, books, said)
	}
	return said
}

// reference runs captures undisturbed, and checks that the result is one: that the books close.
func reference(t *testing.T, program, dir string, captures ...string) undisturbed {
	t.Helper()
	j := &job{program: program, captures: captures, data: filepath.Join(dir, "undisturbed")}
	begin := time.Now()
	p := j.launch(t)
	p.wait(t)
	u := undisturbed{took: time.Since(begin)}
	u.summary = *j.summary(t, p)
	u.facts = look(t, j.data)
	if !u.Closed || u.summary.Packets == 0 || u.Flows != u.Rows {
		t.Fatalf("an undisturbed run is not what it should be: %+v", u)
	}
	audit(t, program, j.data, 0)
	t.Logf("undisturbed: %s, %d packets, %d flows, digest %s", u.took.Round(time.Millisecond), u.summary.Packets, u.Flows, u.Digest)
	return u
}

// moment is a way to choose when to kill, as a fraction of the undisturbed duration. A run that is killed early goes
// through its start often, one that is killed late through its end.
type moment struct {
	name string
	draw func(*rand.Rand) float64
}

// often makes one run of so many lives; various makes many runs of a few.
func often(kills int) []moment {
	return []moment{{"soon again", func(r *rand.Rand) float64 { return 2.5 * r.Float64() / float64(kills) }}}
}

var various = []moment{
	{"start-up", func(r *rand.Rand) float64 { return r.Float64() / 6 }},
	{"any moment", func(r *rand.Rand) float64 { return r.Float64() }},
	{"most of it", func(r *rand.Rand) float64 { return 0.5 + r.Float64()/2 }},
}

func TestRunIsKilledAndResumed(t *testing.T) {
	f, chance := start(t)
	dir := folder(t)
	program := program(t, netstream)
	path := capture(t, dir, f.packets)
	want := reference(t, program, dir, path)
	report := newReport("process", "kills", "lives", "wall time", "rows", "digest")
	defer report.print(t)

	round := 0
	for _, moments := range [][]moment{often(f.kills), various} {
		for left := f.kills; left > 0 && !t.Failed(); {
			round++
			j := &job{program: program, captures: []string{path}, data: filepath.Join(dir, fmt.Sprint("killed-", round))}
			begin := time.Now()
			kills, printed := j.disturb(t, left, func(p *process) (over bool) {
				when := moments[chance.IntN(len(moments))]
				delay := time.Duration(when.draw(chance) * float64(want.took))
				t.Logf("round %d, life %d: to be killed after %s (%s)", round, j.lives, delay.Round(time.Millisecond), when.name)
				return p.ended(delay)
			})
			left -= kills
			j.check(t, printed, want)
			report.add("run", kills, j.lives, time.Since(begin), look(t, j.data).Rows, digest(printed))
		}
	}
}

// disturb kills the command, at most so many times, and then lets it finish. moment waits for the moment to kill; it
// returns true when the process came to its end before. disturb returns how often it killed, and what was printed.
func (j *job) disturb(t *testing.T, most int, moment func(*process) (over bool)) (kills int, printed *summary) {
	t.Helper()
	for ; kills < most; kills++ {
		p := j.launch(t)
		if moment(p) {
			return kills, j.ended(t, p)
		}
		p.kill()
	}
	return kills, j.finish(t)
}

// When the capture is read, flows are still on their way: in a flow cache, in an ager, in a transaction.
func TestRunIsKilledWhileLanding(t *testing.T) {
	f, chance := start(t)
	dir := folder(t)
	program := program(t, netstream)
	path := capture(t, dir, f.packets/3)
	want := reference(t, program, dir, path)
	report := newReport("process", "kills", "lives", "wall time", "rows", "digest")
	defer report.print(t)

	round := 0
	for left := f.late; left > 0 && !t.Failed(); {
		round++
		j := &job{program: program, captures: []string{path}, data: filepath.Join(dir, fmt.Sprint("late-", round))}
		begin := time.Now()
		kills, printed := j.disturb(t, min(left, 4), func(p *process) (over bool) {
			if !published(t, p, j.data) {
				return true
			}
			delay := time.Duration(chance.Float64() * float64(1300*time.Millisecond))
			t.Logf("round %d, life %d: to be killed %s after the capture was read", round, j.lives, delay.Round(time.Millisecond))
			return p.ended(delay)
		})
		left -= kills
		j.check(t, printed, want)
		report.add("run, landing", kills, j.lives, time.Since(begin), look(t, j.data).Rows, digest(printed))
	}
}

func TestInterruptedRunGoesOn(t *testing.T) {
	f, chance := start(t)
	dir := folder(t)
	program := program(t, netstream)
	path := capture(t, dir, f.packets)
	want := reference(t, program, dir, path)
	j := &job{program: program, captures: []string{path}, data: filepath.Join(dir, "interrupted")}
	for range 3 {
		p := j.launch(t)
		delay := time.Duration((0.2 + 0.3*chance.Float64()) * float64(want.took))
		if p.ended(delay) {
			j.check(t, j.ended(t, p), want)
			return
		}
		begin := time.Now()
		p.signal(syscall.SIGINT)
		const guard = 20 * time.Second // against hanging; the aim is 3 s
		if !p.ended(guard) {
			t.Fatalf("SIGINT after %s: still there %s later\n%s", delay, guard, tail(p.log, 50))
		}
		t.Logf("SIGINT after %s: ended %s later, exit code %d: %s", delay.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond), p.code(), lastLine(p.log))
		if p.killed() {
			t.Errorf("SIGINT killed it: %v", p.err)
		}
	}
	j.check(t, j.finish(t), want)
}

func digest(s *summary) string {
	if s == nil {
		return "(killed before it was printed)"
	}
	return s.Digest
}
