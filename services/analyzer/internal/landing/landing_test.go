package landing_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netstream/pipeline/bus"
	"netstream/schemas/message"
	"netstream/services/analyzer/internal/landing"
	"netstream/services/analyzer/internal/linetest"
	"netstream/services/analyzer/internal/store"
)

var quiet = slog.New(slog.DiscardHandler)

func openStore(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Path: path, Threads: 2, MemoryLimit: 512 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run lands until the returned function is called.
func run(t testing.TB, b *bus.Bus, s *store.Store) (*landing.Landing, func() error) {
	t.Helper()
	l, err := landing.Open(context.Background(), landing.Config{Interval: 10 * time.Millisecond}, b, s, linetest.Metrics(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return l, func() error { cancel(); return <-done }
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// Messages that can't be used stop their shard with an error that names the message; the other shard goes on.
func TestAMessageThatCannotBeUsedStopsItsShardAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, c := range []struct {
		name  string
		spoil func(h message.Header, body []byte) (message.Header, []byte)
		want  error
	}{
		{"another version", func(h message.Header, b []byte) (message.Header, []byte) {
			h.Set(message.Streams, strings.Replace(h.Get(message.Streams), "flow.ipv4/1", "flow.ipv4/2", 1))
			return h, b
		}, message.ErrVersion},
		{"cut short", func(h message.Header, b []byte) (message.Header, []byte) { return h, b[:len(b)-1] }, message.ErrBody},
		{"flipped bytes", func(h message.Header, b []byte) (message.Header, []byte) {
			for i := 8; i < 40; i++ {
				b[i] ^= 0xff
			}
			return h, b
		}, nil},
		{"a gap", func(h message.Header, b []byte) (message.Header, []byte) {
			first, n, _ := h.Pair(message.Numbers)
			h.SetPair(message.Numbers, first+1, n)
			return h, b
		}, landing.ErrGap},
		{"another count", func(h message.Header, b []byte) (message.Header, []byte) {
			first, n, _ := h.Pair(message.Numbers)
			h.SetPair(message.Numbers, first, n+1)
			return h, b
		}, message.ErrBody},
		{"no numbers", func(h message.Header, b []byte) (message.Header, []byte) {
			delete(h, message.Numbers)
			return h, b
		}, message.ErrHeader},
		{"a source outside the list", func(h message.Header, b []byte) (message.Header, []byte) {
			h.Set(message.Sources, "")
			return h, b
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := linetest.Bus(t, 2)
			s := openStore(t, filepath.Join(t.TempDir(), "test.duckdb"))
			defer s.Close()
			bad, good := linetest.NewAger(t, b, 0), linetest.NewAger(t, b, 1)
			bad.Publish(linetest.Random(rng, 10, false, "a"))
			bad.Raw(c.spoil(bad.Build(linetest.Random(rng, 40, false, "a"))))
			bad.Publish(linetest.Random(rng, 10, false, "a"))
			good.Publish(linetest.Random(rng, 20, true, "b"))
			good.Publish(linetest.Message{Sources: []string{"b"}, End: true})
			l, stop := run(t, b, s)
			_, err := l.Wait(deadline(t), "a")
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			for _, part := range []string{"live-FLOWS", "message 2", "ns.live.flows.0"} {
				if err != nil && !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not name %s", err, part)
				}
			}
			for ctx := deadline(t); l.Source("b").Rows < 20 && ctx.Err() == nil; {
				time.Sleep(time.Millisecond)
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if a, b := l.Source("a"), l.Source("b"); a.Rows != 10 || b.Rows != 20 {
				t.Errorf("landed %d rows of a and %d of b, want 10 and 20", a.Rows, b.Rows)
			}
			if n := count(t, s); n != 30 {
				t.Errorf("%d rows in the database, want 30", n)
			}
		})
	}
}

func count(t testing.TB, s *store.Store) (n int) {
	t.Helper()
	conn, err := s.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.QueryRowContext(context.Background(), "SELECT count(*) FROM flow_numbers").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestADatabaseAheadOfTheStreamIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.duckdb")
	s := openStore(t, path)
	defer s.Close()
	first := linetest.Bus(t, 1)
	linetest.NewAger(t, first, 0).Publish(linetest.Message{Sources: []string{"a"}, End: true})
	linetest.Land(t, first, s, "a")
	_, err := landing.Open(t.Context(), landing.Config{}, linetest.Bus(t, 1), s, linetest.Metrics(), quiet)
	if !errors.Is(err, landing.ErrAhead) {
		t.Errorf("error %v, want ErrAhead", err)
	}
}

// A transaction that fails at any statement leaves nothing, and the next one lands it all.
func TestAFailedTransactionLeavesNothing(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "test.duckdb"))
	defer s.Close()
	b := store.NewBatch()
	id, err := s.SourceID("a")
	if err != nil {
		t.Fatal(err)
	}
	b.Rows.Source.Append(id)
	b.Rows.Kind.Append(store.IPv4)
	b.Rows.First.Append(1)
	b.Rows.Last.Append(2)
	b.Rows.Packets.Append(1)
	b.Rows.Bytes.Append(40)
	b.Rows.Complete()
	b.Positions[store.Shard{Stream: "s"}] = store.Position{Sequence: 1, Number: 1}
	b.Also = func(context.Context, store.Execer) error { return errors.New("no") }
	if err := s.Land(t.Context(), b); err == nil {
		t.Fatal("landed")
	}
	if p, err := s.Positions(t.Context()); err != nil || len(p) != 0 || count(t, s) != 0 {
		t.Fatalf("left %v and %d rows, %v", p, count(t, s), err)
	}
	b.Also = nil
	if err := s.Land(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Positions(t.Context()); err != nil || len(p) != 1 || count(t, s) != 1 {
		t.Fatalf("landed %v and %d rows, %v", p, count(t, s), err)
	}
}

func TestTheSameMessagesAgainChangeNothing(t *testing.T) {
	b := linetest.Bus(t, 2)
	s := openStore(t, filepath.Join(t.TempDir(), "test.duckdb"))
	defer s.Close()
	rng := rand.New(rand.NewPCG(13, 14))
	for shard := range 2 {
		a := linetest.NewAger(t, b, shard)
		a.Publish(linetest.Random(rng, 50, false, "a"))
		a.Publish(linetest.Message{Sources: []string{"a"}, End: true})
	}
	for i := range 3 {
		linetest.Land(t, b, s, "a")
		if n := count(t, s); n != 100 {
			t.Fatalf("run %d: %d rows, want 100", i, n)
		}
	}
}

func BenchmarkLand(b *testing.B) {
	rng := rand.New(rand.NewPCG(15, 16))
	for _, rows := range []int{1_000, 10_000, store.RowGroup} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			s := openStore(b, filepath.Join(b.TempDir(), "test.duckdb"))
			defer s.Close()
			line := linetest.Bus(b, 1)
			a := linetest.NewAger(b, line, 0)
			batch, after := store.NewBatch(), uint64(0)
			h, body := a.Build(linetest.Random(rng, rows, false, "a"))
			m := &bus.Message{Sequence: 1, Header: h, Body: body}
			b.ReportAllocs()
			for b.Loop() {
				batch.Reset()
				h.SetPair(message.Numbers, after+1, uint64(rows))
				var err error
				if after, err = landing.Add(batch, s, m, after); err != nil {
					b.Fatal(err)
				}
				batch.Positions[store.Shard{Stream: "s"}] = store.Position{Sequence: 1, Number: after}
				if err := s.Land(context.Background(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
