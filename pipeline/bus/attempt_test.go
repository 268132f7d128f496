package bus

import (
	"context"
	"errors"
	"testing"
	"time"

	"netstream/pipeline/embedded/embeddedtest"
	"netstream/schemas/message"
)

// line opens a bus on an embedded JetStream of its own, and a writer.
func line(t *testing.T) (*Bus, *Writer) {
	t.Helper()
	_, conn := embeddedtest.Connect(t)
	b, err := New(conn, "live", DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	w, _, err := b.Writer(t.Context(), b.Pipeline.FlowsStream(), b.Pipeline.Flows(0))
	if err != nil {
		t.Fatal(err)
	}
	return b, w
}

var errLost = errors.New("no answer")

// TestAttempts walks through what can become of a try: its answer, and what the subject's last message then tells.
func TestAttempts(t *testing.T) {
	for _, c := range []struct {
		name string
		// try is the first try; later ones send as usual. send stores the message under the attempt's name.
		try    func(t *testing.T, b *Bus, send func() (uint64, error)) (uint64, error)
		fenced bool
		tries  int
		stored uint64 // messages in the end
	}{
		{"acknowledged", func(_ *testing.T, _ *Bus, send func() (uint64, error)) (uint64, error) { return send() }, false, 1, 2},
		{"lost on the way there", func(*testing.T, *Bus, func() (uint64, error)) (uint64, error) { return 0, errLost }, false, 2, 2},
		{"lost on the way back", func(_ *testing.T, _ *Bus, send func() (uint64, error)) (uint64, error) {
			_, _ = send()
			return 0, errLost
		}, false, 1, 2},
		{"stored between the look and the next try", func(t *testing.T, _ *Bus, send func() (uint64, error)) (uint64, error) {
			stored := make(chan struct{})
			t.Cleanup(func() { <-stored })
			time.AfterFunc(5*time.Millisecond, func() { _, _ = send(); close(stored) })
			return 0, errLost
		}, false, 2, 2},
		{"another writer was first", func(t *testing.T, b *Bus, _ func() (uint64, error)) (uint64, error) {
			other, _, err := b.Writer(t.Context(), b.Pipeline.FlowsStream(), b.Pipeline.Flows(0))
			if err != nil {
				t.Fatal(err)
			}
			if err := other.Publish(t.Context(), message.Header{}, []byte("other")); err != nil {
				t.Fatal(err)
			}
			return 0, errLost
		}, true, 1, 2},
		{"another writer was after", func(t *testing.T, b *Bus, send func() (uint64, error)) (uint64, error) {
			_, _ = send()
			other, _, err := b.Writer(t.Context(), b.Pipeline.FlowsStream(), b.Pipeline.Flows(0))
			if err != nil {
				t.Fatal(err)
			}
			if err := other.Publish(t.Context(), message.Header{}, []byte("other")); err != nil {
				t.Fatal(err)
			}
			return 0, errLost
		}, true, 1, 3},
		{"the subject was emptied", func(t *testing.T, b *Bus, _ func() (uint64, error)) (uint64, error) {
			s, err := b.js.Stream(t.Context(), b.Pipeline.FlowsStream())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			return 0, errLost
		}, true, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, w := line(t)
			if err := w.Publish(t.Context(), message.Header{}, []byte("before")); err != nil {
				t.Fatal(err)
			}
			tries := 0
			err := w.attempt(t.Context(), func(_ context.Context, attempt string) (uint64, error) {
				tries++
				fence := w.fenced(message.Header{}, attempt)
				send := func() (uint64, error) { return w.send(context.Background(), w.subject, fence, []byte("x")) }
				if tries == 1 {
					return c.try(t, b, send)
				}
				if tries == 2 {
					time.Sleep(30 * time.Millisecond) // let a late one be stored first
				}
				return send()
			})
			if errors.Is(err, ErrFenced) != c.fenced || (err != nil) != c.fenced || tries != c.tries {
				t.Errorf("%d tries, error %v; want %d, fenced %v", tries, err, c.tries, c.fenced)
			}
			s, err := b.js.Stream(t.Context(), b.Pipeline.FlowsStream())
			if err != nil {
				t.Fatal(err)
			}
			if got := s.CachedInfo().State.Msgs; got != c.stored {
				t.Errorf("%d messages stored, want %d", got, c.stored)
			}
			if c.fenced {
				return
			}
			if err := w.Publish(t.Context(), message.Header{}, nil); err != nil {
				t.Errorf("the writer can't go on: %v", err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		err  *apiError
		want bool
	}{
		{&apiError{Code: 400, ErrCode: wrongLastSequence}, false},
		{&apiError{Code: 400, ErrCode: incompleteBatch}, false},
		{&apiError{Code: 400, ErrCode: accountFull}, false},
		{&apiError{Code: 503, ErrCode: 10077}, false}, // the stream is full
		{&apiError{Code: 500, ErrCode: 10047}, false}, // no space on the server
		{&apiError{Code: 429, ErrCode: 10210}, false}, // too many batches at once
		{&apiError{Code: 400, ErrCode: 10054}, true},  // message too large
		{&apiError{Code: 400, ErrCode: 10174}, true},  // no atomic batches here
	} {
		if got := hopeless(c.err); got != c.want {
			t.Errorf("%d: hopeless %v, want %v", c.err.ErrCode, got, c.want)
		}
	}
	if hopeless(errLost) || hopeless(context.DeadlineExceeded) || !hopeless(errors.Join(errLost, &apiError{Code: 400})) {
		t.Error("other errors")
	}
}
