package bus_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"netstream/pipeline/bus"
	"netstream/pipeline/config"
	"netstream/pipeline/embedded/embeddedtest"
	"netstream/schemas/message"
)

// connect connects to an embedded JetStream of its own.
func connect(t testing.TB) *nats.Conn {
	t.Helper()
	_, conn := embeddedtest.Connect(t)
	return conn
}

func TestOtherShardCountsAreRefused(t *testing.T) {
	conn, layout := connect(t), bus.DefaultLayout()
	for range 2 {
		if _, err := bus.New(conn, "live", layout); err != nil {
			t.Fatal(err)
		}
	}
	layout.FlowShards++
	if _, err := bus.New(conn, "live", layout); !errors.Is(err, bus.ErrLayout) || !strings.Contains(err.Error(), "flow_shards 2") {
		t.Errorf("another shard count: %v, want ErrLayout", err)
	}
	if _, err := bus.New(conn, "other", layout); err != nil {
		t.Errorf("another pipeline beside it: %v", err)
	}
}

func TestTheLimitCanBeSetAnew(t *testing.T) {
	conn, layout := connect(t), bus.DefaultLayout()
	for _, size := range []config.Size{config.GiB, 2 * config.GiB, 512 * config.MiB} {
		layout.MaxBytes = size
		b, err := bus.New(conn, "live", layout)
		if err != nil {
			t.Fatal(err)
		}
		js, err := jetstream.New(conn)
		if err != nil {
			t.Fatal(err)
		}
		s, err := js.Stream(t.Context(), b.Pipeline.FlowsStream())
		if err != nil {
			t.Fatal(err)
		}
		if got := s.CachedInfo().Config.MaxBytes; got != int64(size) {
			t.Errorf("max_bytes %d, want %d", got, size)
		}
	}
}

// TestAMissingStreamIsNotMadeAnew deletes a stream of a pipeline that has been used, as a server does that can't read it.
func TestAMissingStreamIsNotMadeAnew(t *testing.T) {
	conn, layout := connect(t), bus.DefaultLayout()
	b, err := bus.New(conn, "live", layout)
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	remove := func() {
		t.Helper()
		if err := js.DeleteStream(t.Context(), b.Pipeline.FlowsStream()); err != nil {
			t.Fatal(err)
		}
	}
	remove()
	if b, err = bus.New(conn, "live", layout); err != nil {
		t.Fatalf("creation that was cut short can't go on: %v", err)
	}
	w, _, err := b.Writer(t.Context(), b.Pipeline.PacketsStream(), b.Pipeline.Packets(0, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Publish(t.Context(), message.Header{}, nil); err != nil {
		t.Fatal(err)
	}
	flows, _, err := b.Writer(t.Context(), b.Pipeline.FlowsStream(), b.Pipeline.Flows(0))
	if err != nil {
		t.Fatal(err)
	}
	reader, err := b.Reader(t.Context(), b.Pipeline.FlowsStream(), []string{"ns.live.flows.*"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	remove()
	if _, err := bus.New(conn, "live", layout); !errors.Is(err, bus.ErrLayout) || !strings.Contains(err.Error(), "live-FLOWS is missing") {
		t.Errorf("error %v, want ErrLayout and the stream's name", err)
	}
	if err := flows.Publish(t.Context(), message.Header{}, nil); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("publish into a stream that is gone: %v", err)
	}
	for err = nil; err == nil && t.Context().Err() == nil; {
		_, err = reader.Next(t.Context(), 1e9)
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("read a stream that is gone: %v", err)
	}
}
