package bus_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"netstream/pipeline/bus"
	"netstream/schemas/message"
)

// kills and perWriter are the size of the crash tests; a long run is for a quiet machine.
const (
	kills     = 8
	writers   = 6
	perWriter = 300
)

// TestKilledServerLosesAndDoublesNothing kills the server with SIGKILL while writers publish messages and batches and a
// reader follows. In the end every message is there once, in order, and the reader has seen each once.
func TestKilledServerLosesAndDoublesNothing(t *testing.T) {
	srv := newProcess(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	b := dial(t, srv.addr(), 2*time.Second)

	var work sync.WaitGroup
	var sent atomic.Int64
	for i := range writers {
		own := dial(t, srv.addr(), 2*time.Second)
		work.Go(func() {
			if err := publishNumbers(ctx, own, i, &sent); err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	seen := map[string]int{}
	work.Go(func() {
		if err := follow(ctx, b, seen); err != nil {
			t.Errorf("reader: %v", err)
		}
	})
	r := rand.New(rand.NewPCG(1, 2))
	for k := range kills {
		// Spread over the work, whatever the machine: the k-th kill comes when that share is done.
		for share := int64((k + 1) * writers * perWriter / (kills + 1)); sent.Load() < share && ctx.Err() == nil; {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond)
		srv.kill()
		time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
		srv.start()
	}
	work.Wait()
	if t.Failed() {
		return
	}
	stored := map[string]int{}
	for _, m := range readAll(t, b, b.Pipeline.UpdatesStream(), []string{"ns.live.>"}, 0) {
		count(t, "stored", stored, m)
	}
	for i := range writers {
		for _, subject := range []string{b.Pipeline.Commits(i), b.Pipeline.Updates(0, i), b.Pipeline.Updates(1, i)} {
			if stored[subject] != perWriter || seen[subject] != perWriter {
				t.Errorf("%s: %d stored, %d read on the way, want %d", subject, stored[subject], seen[subject], perWriter)
			}
		}
	}
}

// publishNumbers publishes 0, 1, 2, … on a commits subject, each with two parts that carry the same number. It resumes
// from what is stored when it is told to stand down.
func publishNumbers(ctx context.Context, b *bus.Bus, shard int, sent *atomic.Int64) error {
	w, last, err := b.Writer(ctx, b.Pipeline.UpdatesStream(), b.Pipeline.Commits(shard))
	if err != nil || last != nil {
		return fmt.Errorf("last %v: %w", last, err)
	}
	for n := range perWriter {
		h, body := header(strconv.Itoa(n)), []byte(strconv.Itoa(n))
		parts := []bus.Part{
			{Subject: b.Pipeline.Updates(0, shard), Header: h, Body: body},
			{Subject: b.Pipeline.Updates(1, shard), Header: h, Body: body},
		}
		if err := w.PublishBatch(ctx, parts, h, body); err != nil {
			return err
		}
		sent.Add(1)
	}
	return nil
}

// follow reads until it has seen all that the writers publish.
func follow(ctx context.Context, b *bus.Bus, seen map[string]int) error {
	r, err := b.Reader(ctx, b.Pipeline.UpdatesStream(), []string{"ns.live.updates.>", "ns.live.commits.*"}, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	for total := 0; total < 3*writers*perWriter; {
		m, err := r.Next(ctx, time.Second)
		if err != nil {
			return err
		}
		if m == nil {
			continue
		}
		if string(m.Body) != strconv.Itoa(seen[m.Subject]) {
			return fmt.Errorf("%s is %q, want %d", m.Where(), m.Body, seen[m.Subject])
		}
		seen[m.Subject]++
		total++
	}
	return nil
}

// count checks that a subject's messages carry 0, 1, 2, ….
func count(t *testing.T, what string, counts map[string]int, m *bus.Message) {
	t.Helper()
	if string(m.Body) != strconv.Itoa(counts[m.Subject]) {
		t.Fatalf("%s: %s is %q, want %d", what, m.Where(), m.Body, counts[m.Subject])
	}
	counts[m.Subject]++
}

// TestLostAcknowledgements sends through a proxy that loses acknowledgements, holds messages back, and cuts connections.
func TestLostAcknowledgements(t *testing.T) {
	for _, c := range []struct {
		name     string
		faults   faults
		patience time.Duration // of the writer
	}{
		{"acknowledgements lost", faults{lose: 0.2}, 200 * time.Millisecond},
		{"cut in place of an acknowledgement", faults{cut: 0.1}, 10 * time.Second},
		{"messages held back longer than the writer waits", faults{hold: 0.05}, 200 * time.Millisecond},
		{"messages held back longer than the server keeps a batch", faults{hold: 0.05}, 10 * time.Second},
		{"all of it", faults{lose: 0.05, cut: 0.05, hold: 0.03}, 200 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			srv := newProcess(t)
			p := newProxy(t, srv.addr(), c.faults)
			far, near := dial(t, p.addr(), c.patience), dial(t, srv.addr(), 10*time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()

			w, _, err := far.Writer(ctx, far.Pipeline.FlowsStream(), far.Pipeline.Flows(0))
			if err != nil {
				t.Fatal(err)
			}
			batches, _, err := far.Writer(ctx, far.Pipeline.UpdatesStream(), far.Pipeline.Commits(0))
			if err != nil {
				t.Fatal(err)
			}
			p.on.Store(true)
			for n := range 60 {
				h, body := header(strconv.Itoa(n)), []byte(strconv.Itoa(n))
				if err := w.Publish(ctx, h, body); err != nil {
					t.Fatalf("message %d: %v", n, err)
				}
				parts := []bus.Part{{Subject: far.Pipeline.Updates(0, 0), Body: body}, {Subject: far.Pipeline.Updates(1, 0), Body: body}}
				if err := batches.PublishBatch(ctx, parts, h, body); err != nil {
					t.Fatalf("batch %d: %v", n, err)
				}
			}
			p.on.Store(false)
			if p.faulted.Load() == 0 {
				t.Fatal("the proxy let everything pass: the test tests nothing")
			}
			time.Sleep(2 * held) // what is still held back arrives now, and must be refused
			counts := map[string]int{}
			for stream, subjects := range map[string]string{near.Pipeline.FlowsStream(): "ns.live.flows.*", near.Pipeline.UpdatesStream(): "ns.live.>"} {
				for _, m := range readAll(t, near, stream, []string{subjects}, 0) {
					count(t, "stored", counts, m)
				}
			}
			for subject, n := range counts {
				if n != 60 {
					t.Errorf("%s: %d messages, want 60", subject, n)
				}
			}
			if len(counts) != 4 {
				t.Errorf("subjects %v, want 4", counts)
			}
		})
	}
}

// TestTwoWritersCompete lets two owners of a wrong belief publish on one subject: each message is the successor of the
// one before, whoever wrote it.
func TestTwoWritersCompete(t *testing.T) {
	b := open(t, bus.DefaultLayout())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream, subject := b.Pipeline.FlowsStream(), b.Pipeline.Flows(0)
	var published, fenced atomic.Int64
	more := func() bool { return (published.Load() < 500 || fenced.Load() < 10) && ctx.Err() == nil }
	var work sync.WaitGroup
	for range 2 {
		work.Go(func() {
			for more() {
				w, last, err := b.Writer(ctx, stream, subject)
				if err != nil {
					t.Error(err)
					return
				}
				n := 0
				if last != nil {
					n, _ = strconv.Atoi(string(last.Body))
					n++
				}
				for ; more(); n++ {
					if err = w.Publish(ctx, message.Header{}, []byte(strconv.Itoa(n))); err != nil {
						break
					}
					published.Add(1)
				}
				if err != nil && !errors.Is(err, bus.ErrFenced) {
					t.Error(err)
					return
				}
				if err != nil {
					fenced.Add(1)
				}
			}
		})
	}
	work.Wait()
	counts := map[string]int{}
	for _, m := range readAll(t, b, stream, []string{subject}, 0) {
		count(t, "stored", counts, m)
	}
	if got := int64(counts[subject]); got != published.Load() {
		t.Errorf("%d messages stored, %d acknowledged", got, published.Load())
	}
	if ctx.Err() != nil {
		t.Errorf("%d messages, %d times fenced, and no end", published.Load(), fenced.Load())
	}
}
