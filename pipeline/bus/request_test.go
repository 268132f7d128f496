package bus_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"netstream/pipeline/bus"
)

func TestRequests(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	b := open(t, bus.DefaultLayout())
	on := b.Pipeline.RequestAge()
	asked, err := b.Ask(on, []byte("anyone?"))
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := asked.Next(ctx); !errors.Is(err, bus.ErrNobody) {
		t.Errorf("nobody listens: %q, error %v", answer, err)
	}
	asked.Close()

	var listeners []*bus.Requests
	for range 2 {
		r, err := b.Requests(on)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		listeners = append(listeners, r)
	}
	if r, err := listeners[0].Next(ctx, time.Millisecond); r != nil || err != nil {
		t.Errorf("without a request: %v, error %v", r, err)
	}
	if asked, err = b.Ask(on, []byte("question")); err != nil {
		t.Fatal(err)
	}
	defer asked.Close()
	for _, l := range listeners {
		r, err := l.Next(ctx, 10*time.Second)
		if err != nil || r == nil || string(r.Body) != "question" || !bus.CanAnswer(r.Reply) {
			t.Fatalf("request %+v, error %v", r, err)
		}
		b.Answer(r.Reply, []byte("answer"))
	}
	for range listeners {
		if answer, err := asked.Next(ctx); string(answer) != "answer" || err != nil {
			t.Errorf("%q, error %v; want each listener's answer", answer, err)
		}
	}
	over, stop := context.WithCancel(ctx)
	stop()
	if _, err := asked.Next(over); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: error %v", err)
	}
	if _, err := listeners[0].Next(over, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("listening after the end: error %v", err)
	}
}

// TestAnswersGoToInboxesAlone lets no request make a stage publish anywhere else.
func TestAnswersGoToInboxesAlone(t *testing.T) {
	for subject, want := range map[string]bool{
		"_INBOX.a": true, "_INBOX.a.b": true,
		"": false, "ns.live.flows.0": false, "$JS.API.STREAM.DELETE.live-FLOWS": false, "_INBOX.*": false, "_INBOX.>": false, "_INBOX.a b": false,
		"x_INBOX.a": false,
	} {
		if bus.CanAnswer(subject) != want {
			t.Errorf("%q: %v, want %v", subject, !want, want)
		}
	}
	b := open(t, bus.DefaultLayout())
	heard, err := b.Requests("elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close()
	b.Answer("elsewhere", []byte("x"))
	asked, err := b.Ask("elsewhere", []byte("last"))
	if err != nil {
		t.Fatal(err)
	}
	defer asked.Close()
	if r, err := heard.Next(t.Context(), 10*time.Second); err != nil || string(r.Body) != "last" {
		t.Errorf("heard %+v, error %v; want the request alone", r, err)
	}
}

func TestReaderTellsWhatIsBehind(t *testing.T) {
	ctx, b := t.Context(), open(t, bus.DefaultLayout())
	stream, subject := b.Pipeline.FlowsStream(), b.Pipeline.Flows(0)
	w, _, err := b.Writer(ctx, stream, subject)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.Publish(ctx, header("a"), nil); err != nil {
			t.Fatal(err)
		}
	}
	r, err := b.Reader(ctx, stream, []string{subject}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for want := range 3 {
		m, err := r.Next(ctx, 10*time.Second)
		if err != nil || m == nil || m.Pending != uint64(2-want) {
			t.Fatalf("message %+v, error %v; want %d behind it", m, err, 2-want)
		}
	}
}
