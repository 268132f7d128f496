package janitor

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netstream/pipeline/bus"
	"netstream/pipeline/positions"
	"netstream/schemas/message"
)

// reading is a reader of a shard of a stream.
type reading struct {
	stream string
	shard  int
	reader string
}

// model is what must be left, told by a map of what each reader has said.
type model struct {
	left map[string][]uint64 // sequences by subject
	said map[reading]uint64
}

// readings lists who must be done with a subject.
func readings(b *bus.Bus, subject string) (out []reading) {
	p := b.Pipeline
	for shard := range 2 {
		if slices.Contains([]string{p.Packets(shard, "a"), p.Packets(shard, "b")}, subject) {
			return []reading{{p.PacketsStream(), shard, "flowcache"}}
		}
		if slices.Contains([]string{p.Updates(shard, 0), p.Updates(shard, 1)}, subject) {
			return []reading{{p.UpdatesStream(), shard, "ager"}}
		}
		if subject == p.Flows(shard) {
			return []reading{{p.FlowsStream(), shard, "analyzer"}, {p.FlowsStream(), shard, "exporter"}}
		}
		if subject == p.Datagrams(shard, "c") {
			return []reading{{p.DatagramsStream(), shard, "analyzer"}}
		}
	}
	return []reading{{p.UpdatesStream(), 0, "ager"}, {p.UpdatesStream(), 1, "ager"}} // commits and control
}

// sweep deletes from the model what all are done with, and never the last message of a subject.
func (m *model) sweep(b *bus.Bus) {
	for subject, left := range m.left {
		released := ^uint64(0)
		for _, r := range readings(b, subject) {
			released = min(released, m.said[r])
		}
		kept := left[:0]
		for i, seq := range left {
			if seq > released || i == len(left)-1 {
				kept = append(kept, seq)
			}
		}
		m.left[subject] = kept
	}
}

// TestNothingThatIsNeededIsDeleted lets readers say anything, true or not of this stream, and writers write, at random.
func TestNothingThatIsNeededIsDeleted(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			b := open(t, 0)
			j := tidy(t, b, 1)
			p, rng := b.Pipeline, rand.New(rand.NewPCG(seed, 1))
			streams := map[string]string{}
			for shard := range 2 {
				streams[p.Packets(shard, "a")], streams[p.Packets(shard, "b")] = p.PacketsStream(), p.PacketsStream()
				streams[p.Updates(shard, 0)], streams[p.Updates(shard, 1)], streams[p.Commits(shard)] = p.UpdatesStream(), p.UpdatesStream(), p.UpdatesStream()
				streams[p.Flows(shard)], streams[p.Datagrams(shard, "c")] = p.FlowsStream(), p.DatagramsStream()
			}
			streams[p.Control()] = p.UpdatesStream()
			subjects := slices.Sorted(func(yield func(string) bool) {
				for s := range streams {
					if !yield(s) {
						return
					}
				}
			})
			m := &model{map[string][]uint64{}, map[reading]uint64{}}
			last := map[string]uint64{} // of the streams
			deleted := 0
			for round := range uint64(60) {
				for range rng.IntN(12) {
					subject := subjects[rng.IntN(len(subjects))]
					w, _, err := b.Writer(t.Context(), streams[subject], subject)
					if err == nil {
						err = w.Publish(t.Context(), message.Header{}, make([]byte, 100))
					}
					if err != nil {
						t.Fatal(err)
					}
					last[streams[subject]]++
					m.left[subject] = append(m.left[subject], last[streams[subject]])
				}
				if rng.IntN(2) == 0 {
					rs := readings(b, subjects[rng.IntN(len(subjects))])
					r := rs[rng.IntN(len(rs))]
					say(t, b, r, m, last[r.stream], rng)
				}
				hear(t, b, j.table, round+1)
				before := count(m.left)
				m.sweep(b)
				deleted += before - count(m.left)
				for _, s := range streamsOf(j) {
					delete(j.swept, s.name) // due
					if err := j.sweep(t.Context(), s); err != nil {
						t.Fatal(err)
					}
				}
				for _, subject := range subjects {
					if diff := cmp.Diff(m.left[subject], stored(t, b, streams[subject], subject)); diff != "" {
						t.Fatalf("%s (-want +got):\n%s", subject, diff)
					}
				}
			}
			if deleted < 20 {
				t.Errorf("%d messages were deleted: the test tests little", deleted)
			}
		})
	}
}

// say lets a reader say something: what is true, what was true, what can't be, what is of another stream, or nonsense.
func say(t *testing.T, b *bus.Bus, r reading, m *model, last uint64, rng *rand.Rand) {
	t.Helper()
	bucket, err := b.Bucket(t.Context(), b.Pipeline.PositionsBucket(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	u, err := b.Usage(t.Context(), r.stream, false)
	if err != nil {
		t.Fatal(err)
	}
	created := u.Created
	at, value := uint64(0), ""
	switch rng.IntN(6) {
	case 0: // it reads on
		at = last
	case 1, 2:
		at = rng.Uint64N(last + 1)
	case 3: // beyond the end
		value = fmt.Sprintf("%d %d", last+1+rng.Uint64N(5), created.UnixNano())
	case 4: // of a stream that was deleted
		value = fmt.Sprintf("%d %d", last, created.UnixNano()-1)
	case 5:
		value = [...]string{"", "7", "x y", "-1 5", fmt.Sprintf("%d %d ", last, created.UnixNano())}[rng.IntN(5)]
	}
	if value == "" {
		value = fmt.Sprintf("%d %d", at, created.UnixNano())
	}
	m.said[r] = at
	if err := bucket.Put(t.Context(), fmt.Sprintf("%s.%d.%s", r.stream, r.shard, r.reader), []byte(value)); err != nil {
		t.Fatal(err)
	}
}

// hear waits until the table knows all that was said so far: changes come in the order in which they were written, so a last one
// tells.
func hear(t *testing.T, b *bus.Bus, table *positions.Table, n uint64) {
	t.Helper()
	bucket, err := b.Bucket(t.Context(), b.Pipeline.PositionsBucket(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := bucket.Put(t.Context(), "last.0.test", fmt.Appendf(nil, "%d 1", n)); err != nil {
		t.Fatal(err)
	}
	for table.Get("last", time.Unix(0, 1), n, 0, "test") != n {
		if err := table.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func streamsOf(j *Janitor) []stream { return streams(j.bus, j.table) }

func count(left map[string][]uint64) (n int) {
	for _, s := range left {
		n += len(s)
	}
	return n
}

// stored lists what is there of a subject.
func stored(t *testing.T, b *bus.Bus, stream, subject string) (out []uint64) {
	t.Helper()
	last, err := b.Last(t.Context(), stream, subject)
	if err != nil {
		t.Fatal(err)
	}
	if last == nil {
		return nil
	}
	r, err := b.Reader(t.Context(), stream, []string{subject}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		m, err := r.Next(t.Context(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if out = append(out, m.Sequence); m.Sequence == last.Sequence {
			return out
		}
	}
}

// TestPositionsOfAReader writes what a reader knows, and reads it as the janitor does.
func TestPositionsOfAReader(t *testing.T) {
	b := open(t, 10) // sequences 1 to 20
	stream := b.Pipeline.FlowsStream()
	s := positions.NewShards(stream, 2)
	s.Set(1, 7)
	end := positions.Keep(t.Context(), b, "analyzer", slog.New(slog.DiscardHandler), s.List)
	s.Set(1, 9)
	end()
	table, err := positions.Open(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	u, err := b.Usage(t.Context(), stream, false)
	if err != nil {
		t.Fatal(err)
	}
	for table.Get(stream, u.Created, u.Last, 1, "analyzer") != 9 {
		if err := table.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		shard  int
		reader string
	}{{0, "analyzer"}, {1, "exporter"}} {
		if got := table.Get(stream, u.Created, u.Last, c.shard, c.reader); got != 0 {
			t.Errorf("shard %d of %s is at %d, which nobody said", c.shard, c.reader, got)
		}
	}
}
