package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"netstream/pipeline/bus"
	"netstream/schemas/message"
)

// open makes a bus on an embedded JetStream of its own.
func open(t testing.TB, layout bus.Layout) *bus.Bus {
	t.Helper()
	b, err := bus.New(connect(t), "live", layout)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func header(position string) message.Header {
	h := message.Header{}
	h.Set(message.Position, position)
	return h
}

func TestPublishIsFenced(t *testing.T) {
	ctx, b := context.Background(), open(t, bus.DefaultLayout())
	stream, subject := b.Pipeline.FlowsStream(), b.Pipeline.Flows(0)
	old, last, err := b.Writer(ctx, stream, subject)
	if err != nil || last != nil {
		t.Fatalf("writer on an empty subject: last %v, error %v", last, err)
	}
	if err := old.Publish(ctx, header("a"), []byte("1")); err != nil {
		t.Fatal(err)
	}
	owner, last, err := b.Writer(ctx, stream, subject)
	if err != nil || last == nil || last.Header.Get(message.Position) != "a" {
		t.Fatalf("resumed at %v, error %v; want position a", last, err)
	}
	if err := owner.Publish(ctx, header("b"), []byte("2")); err != nil {
		t.Fatal(err)
	}
	if err := old.Publish(ctx, header("stale"), []byte("3")); !errors.Is(err, bus.ErrFenced) {
		t.Fatalf("a writer that lost its subject published: error %v, want ErrFenced", err)
	}
	if err := owner.Publish(ctx, header("c"), nil); err != nil {
		t.Fatalf("the owner can't go on: %v", err)
	}
}

func TestBatchIsAllOrNothing(t *testing.T) {
	ctx, b := context.Background(), open(t, bus.DefaultLayout())
	stream, commits := b.Pipeline.UpdatesStream(), b.Pipeline.Commits(0)
	parts := func(tag string) []bus.Part {
		return []bus.Part{
			{Subject: b.Pipeline.Updates(0, 0), Header: header(tag), Body: []byte(tag)},
			{Subject: b.Pipeline.Updates(1, 0), Header: header(tag), Body: []byte(tag)},
		}
	}
	old, _, err := b.Writer(ctx, stream, commits)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"a", "b"} {
		if err := old.PublishBatch(ctx, parts(tag), header(tag), []byte(tag)); err != nil {
			t.Fatal(err)
		}
	}
	owner, _, err := b.Writer(ctx, stream, commits)
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.PublishBatch(ctx, parts("c"), header("c"), nil); err != nil {
		t.Fatal(err)
	}
	if err := old.PublishBatch(ctx, parts("stale"), header("stale"), nil); !errors.Is(err, bus.ErrFenced) {
		t.Fatalf("error %v, want ErrFenced", err)
	}
	if err := owner.PublishBatch(ctx, nil, header("d"), nil); err != nil {
		t.Fatalf("a batch without parts: %v", err)
	}
	got := ""
	for _, m := range readAll(t, b, stream, []string{"ns.live.updates.0.>", "ns.live.commits.*"}, 0) {
		got += fmt.Sprintf("%s=%s ", m.Subject[len("ns.live."):], m.Header.Get(message.Position))
	}
	want := "updates.0.0=a commits.0=a updates.0.0=b commits.0=b updates.0.0=c commits.0=c commits.0=d "
	if got != want {
		t.Errorf("stream holds %s\nwant %s", got, want)
	}
}

// readAll reads what is there, however long a slow machine takes for it.
func readAll(t testing.TB, b *bus.Bus, stream string, subjects []string, after uint64) []*bus.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := b.Reader(ctx, stream, subjects, after)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	last := uint64(0)
	for _, s := range subjects {
		m, err := b.Last(ctx, stream, s)
		if err != nil {
			t.Fatal(err)
		}
		if m != nil {
			last = max(last, m.Sequence)
		}
	}
	var out []*bus.Message
	for after < last {
		m, err := r.Next(ctx, time.Second)
		if err != nil {
			t.Fatalf("after %d of %d messages of %s: %v", len(out), last, stream, err)
		}
		if m != nil {
			out, after = append(out, m), m.Sequence
		}
	}
	return out
}

func TestReaderStartsAfterAPosition(t *testing.T) {
	ctx, b := context.Background(), open(t, bus.DefaultLayout())
	stream, subject := b.Pipeline.FlowsStream(), b.Pipeline.Flows(1)
	w, _, err := b.Writer(ctx, stream, subject)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if err := w.Publish(ctx, message.Header{}, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	got := readAll(t, b, stream, []string{subject}, 20)
	if len(got) != 30 || got[0].Sequence != 21 || got[0].Body[0] != 20 {
		t.Errorf("read %d messages after 20, the first %+v; want 30 from 21 on", len(got), got[0])
	}
}

func TestAFullStreamMakesTheWriterWait(t *testing.T) {
	layout := bus.DefaultLayout()
	layout.MaxBytes = 64 << 10
	b := open(t, layout)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w, _, err := b.Writer(ctx, b.Pipeline.FlowsStream(), b.Pipeline.Flows(0))
	if err != nil {
		t.Fatal(err)
	}
	waits := 0
	w.OnWait(func(error) {
		if waits++; waits == 3 {
			cancel()
		}
	})
	for range 100 {
		if err = w.Publish(ctx, message.Header{}, make([]byte, 4<<10)); err != nil {
			break
		}
	}
	if waits != 3 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d waits, error %v; want to wait until cancelled", waits, err)
	}
}

func TestAFullStreamTakesABatchWholeOrWaits(t *testing.T) {
	layout := bus.DefaultLayout()
	layout.MaxBytes = 64 << 10
	b := open(t, layout)
	stream, commits := b.Pipeline.UpdatesStream(), b.Pipeline.Commits(0)
	w, _, err := b.Writer(t.Context(), stream, commits)
	if err != nil {
		t.Fatal(err)
	}
	waits, published := 0, 0
	w.OnWait(func(error) {
		waits++ // make room: all but the last of each subject goes
		for _, subject := range []string{b.Pipeline.Updates(0, 0), b.Pipeline.Updates(1, 0), commits} {
			if err := b.Purge(t.Context(), stream, subject, 1<<40); err != nil {
				t.Error(err)
			}
		}
	})
	for waits < 3 && published < 1000 {
		parts := []bus.Part{{Subject: b.Pipeline.Updates(0, 0), Body: make([]byte, 8<<10)}, {Subject: b.Pipeline.Updates(1, 0), Body: make([]byte, 8<<10)}}
		if err := w.PublishBatch(t.Context(), parts, header("x"), nil); err != nil {
			t.Fatal(err)
		}
		published++
		if last := readAll(t, b, stream, []string{"ns.live.>"}, 0); last[len(last)-1].Subject != commits || last[len(last)-2].Subject != parts[1].Subject {
			t.Fatalf("after batch %d the stream ends with %s", published, last[len(last)-1].Subject)
		}
	}
	if waits < 3 {
		t.Error("the stream was never full")
	}
}

func TestWhatCanNeverBePublishedIsRefusedAtOnce(t *testing.T) {
	b := open(t, bus.DefaultLayout())
	w, _, err := b.Writer(t.Context(), b.Pipeline.UpdatesStream(), b.Pipeline.Commits(0))
	if err != nil {
		t.Fatal(err)
	}
	w.OnWait(func(err error) { t.Errorf("waits: %v", err) })
	if err := w.Publish(t.Context(), message.Header{}, make([]byte, b.MaxBody()+(32<<10))); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("a body over the limit: %v", err)
	}
	if err := w.PublishBatch(t.Context(), make([]bus.Part, 1000), message.Header{}, nil); err == nil {
		t.Error("a batch of 1,001 messages was taken")
	}
	if err := w.Publish(t.Context(), message.Header{}, make([]byte, b.MaxBody())); err != nil {
		t.Errorf("the largest body: %v", err)
	}
}

// TestBodiesAreAligned looks at where bodies lie after the way over the bus, with headers of any length.
func TestBodiesAreAligned(t *testing.T) {
	b := open(t, bus.DefaultLayout())
	stream := b.Pipeline.UpdatesStream()
	w, _, err := b.Writer(t.Context(), stream, b.Pipeline.Commits(0))
	if err != nil {
		t.Fatal(err)
	}
	for n := range 17 {
		h := header(strings.Repeat("x", n))
		if err := w.PublishBatch(t.Context(), []bus.Part{{Subject: b.Pipeline.Updates(0, 0), Header: h, Body: make([]byte, 100)}}, h, make([]byte, 50)); err != nil {
			t.Fatal(err)
		}
		if len(h) != 1 {
			t.Fatalf("the caller's header was changed: %v", h)
		}
	}
	for _, m := range readAll(t, b, stream, []string{"ns.live.>"}, 0) {
		if at := uintptr(unsafe.Pointer(&m.Body[0])); at%8 != 0 {
			t.Errorf("%s: body at %#x, header %v", m.Where(), at, m.Header)
		}
	}
}

// TestReaderOutlivesItsConsumer deletes the server's side of a reader again and again.
func TestReaderOutlivesItsConsumer(t *testing.T) {
	conn := connect(t)
	b, err := bus.New(conn, "live", bus.DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, subject := b.Pipeline.FlowsStream(), b.Pipeline.Flows(0)
	w, _, err := b.Writer(t.Context(), stream, subject)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.Reader(t.Context(), stream, []string{subject}, 0)
	if err != nil {
		t.Fatal(err)
	}
	reopened := 0
	r.OnWait(func(error) { reopened++ })
	for n := range 100 {
		if err := w.Publish(t.Context(), message.Header{}, []byte(strconv.Itoa(n))); err != nil {
			t.Fatal(err)
		}
		if n%20 == 10 {
			s, err := js.Stream(t.Context(), stream)
			if err != nil {
				t.Fatal(err)
			}
			for name := range s.ConsumerNames(t.Context()).Name() {
				if err := js.DeleteConsumer(t.Context(), stream, name); err != nil {
					t.Fatal(err)
				}
			}
		}
		var m *bus.Message
		for m == nil {
			if m, err = r.Next(t.Context(), time.Second); err != nil {
				t.Fatal(err)
			}
		}
		if string(m.Body) != strconv.Itoa(n) {
			t.Fatalf("%s is %q, want %d", m.Where(), m.Body, n)
		}
	}
	if reopened == 0 {
		t.Error("the reader was never cut off: the test tests nothing")
	}
	r.Close()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := s.Info(t.Context()); err != nil || info.State.Consumers != 0 {
		t.Errorf("Close left %d consumers, error %v", info.State.Consumers, err)
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{64 << 10, 512 << 10, 2 << 20} {
		b.Run(fmt.Sprint(size>>10, "KiB"), func(b *testing.B) {
			line := open(b, bus.DefaultLayout())
			w, _, err := line.Writer(b.Context(), line.Pipeline.FlowsStream(), line.Pipeline.Flows(0))
			if err != nil {
				b.Fatal(err)
			}
			body := make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				if err := w.Publish(b.Context(), message.Header{}, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBatch(b *testing.B) {
	for _, size := range []int{64 << 10, 512 << 10, 2 << 20} {
		b.Run(fmt.Sprint("2x", size>>10, "KiB"), func(b *testing.B) {
			line := open(b, bus.DefaultLayout())
			w, _, err := line.Writer(b.Context(), line.Pipeline.UpdatesStream(), line.Pipeline.Commits(0))
			if err != nil {
				b.Fatal(err)
			}
			body := make([]byte, size)
			b.SetBytes(2 * int64(size))
			for b.Loop() {
				parts := []bus.Part{{Subject: line.Pipeline.Updates(0, 0), Body: body}, {Subject: line.Pipeline.Updates(1, 0), Body: body}}
				if err := w.PublishBatch(b.Context(), parts, message.Header{}, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFence is what exactly once costs on the bus: a message under a fence, and an atomic batch of two and a commit, against
// the same messages without.
func BenchmarkFence(b *testing.B) {
	line := open(b, bus.DefaultLayout())
	plain, err := jetstream.New(connect(b))
	if err != nil {
		b.Fatal(err)
	}
	w, _, err := line.Writer(b.Context(), line.Pipeline.FlowsStream(), line.Pipeline.Flows(0))
	if err != nil {
		b.Fatal(err)
	}
	batches, _, err := line.Writer(b.Context(), line.Pipeline.UpdatesStream(), line.Pipeline.Commits(0))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := plain.CreateStream(b.Context(), jetstream.StreamConfig{Name: "plain", Subjects: []string{"plain.>"}, Storage: jetstream.FileStorage}); err != nil {
		b.Fatal(err)
	}
	body := make([]byte, 256<<10)
	send := func(subject string) {
		if _, err := plain.Publish(b.Context(), subject, body); err != nil {
			b.Fatal(err)
		}
	}
	var took [4]time.Duration // a message with and without, a batch with and without
	measure := func(i int, f func()) {
		begin := time.Now()
		f()
		took[i] += time.Since(begin)
	}
	for b.Loop() {
		measure(0, func() { err = w.Publish(b.Context(), message.Header{}, body) })
		measure(1, func() { send("plain.0") })
		parts := []bus.Part{{Subject: line.Pipeline.Updates(0, 0), Body: body}, {Subject: line.Pipeline.Updates(1, 0), Body: body}}
		measure(2, func() { err = errors.Join(err, batches.PublishBatch(b.Context(), parts, message.Header{}, nil)) })
		measure(3, func() {
			send("plain.0")
			send("plain.1")
			send("plain.2")
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(took[0])/float64(took[1]), "fenced/plain")
	b.ReportMetric(float64(took[2])/float64(took[3]), "batch/plain")
}
