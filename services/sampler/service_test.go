package sampler

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/embedded/embeddedtest"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/monitor"
	"netstream/schemas/packet"
	"netstream/services/sampler/internal/capture"
)

func openBus(t testing.TB) *bus.Bus {
	t.Helper()
	_, conn := embeddedtest.Connect(t)
	b, err := bus.New(conn, "live", bus.DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func service(cfg Config, b *bus.Bus) *Service {
	return New(cfg, monitor.Default(), b, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
}

// tls is a capture of 206 packets, all IPv4.
var tls = filepath.Join("testdata", "captures", "ipfixprobe", "tls.pcap")

func notLanded(string) (bool, error) { return false, nil }
func landed(string) (bool, error)    { return true, nil }

// published is what stands in the packets stream of a source.
type published struct {
	rows, bytes uint64
	ordinals    []uint64 // of the messages
	ended       int
	books       map[ledger.Key]ledger.Entry
}

func read(t *testing.T, b *bus.Bus, source string) published {
	t.Helper()
	r, err := b.Reader(t.Context(), b.Pipeline.PacketsStream(), []string{b.Pipeline.Packets(0, source), b.Pipeline.Packets(1, source)}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := published{books: map[ledger.Key]ledger.Entry{}}
	for {
		m, err := r.Next(t.Context(), 200*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			return p
		}
		if m.Header.Get(message.End) != "" {
			p.ended++
		}
		_, ordinal, err := m.Header.Pair(message.Ordinal)
		if err != nil {
			t.Fatal(err)
		}
		p.ordinals = append(p.ordinals, ordinal)
		entries, err := lastEntries([]*bus.Message{m})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			p.books[e.Key()] = e
		}
		parts, err := message.Parts(m.Header, m.Body, packet.SchemaIPv4, packet.SchemaIPv6, ledger.Schema)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			switch part.Schema {
			case packet.SchemaIPv4:
				countRows(t, part, packet.NewIPv4(), &p)
			case packet.SchemaIPv6:
				countRows(t, part, packet.NewIPv6(), &p)
			}
		}
	}
}

func countRows[K key.Key[K]](t *testing.T, part message.Part, rows *packet.Rows[K], p *published) {
	t.Helper()
	if err := part.Read(rows.Columns()); err != nil {
		t.Fatal(err)
	}
	p.rows += uint64(rows.Len())
	for _, b := range rows.Bytes {
		p.bytes += uint64(b)
	}
}

func TestFileIsPublishedOnceAndAgain(t *testing.T) {
	b := openBus(t)
	s := service(DefaultConfig(), b)
	f, err := s.Open(t.Context(), tls, false, notLanded)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := read(t, b, f.Source())
	if want.rows != 206 || want.ended != 2 || f.Progress().Packets != 206 {
		t.Errorf("%d rows, %d ends, progress %+v; want 206 rows and an end on each of 2 shards", want.rows, want.ended, f.Progress())
	}

	// Finished here but not yet landed: nothing to do, under the same source.
	same, err := s.Open(t.Context(), tls, false, notLanded)
	if err != nil || same.Source() != f.Source() {
		t.Fatalf("opened again before it landed: %v, %v; want the same source", same, err)
	}
	if err := same.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, b, f.Source()); got.rows != want.rows || len(got.ordinals) != len(want.ordinals) {
		t.Errorf("running it again published %d more messages", len(got.ordinals)-len(want.ordinals))
	}

	if _, err := s.Open(t.Context(), tls, false, landed); !errors.Is(err, ErrFinished) {
		t.Errorf("a landed capture: %v, want ErrFinished", err)
	}
	// With again it is a source of its own.
	first := f.Source()
	second, err := s.Open(t.Context(), tls, true, func(source string) (bool, error) { return source == first, nil })
	if err != nil || second.Source() == first {
		t.Errorf("again: source %v, error %v; want another source", second, err)
	}
}

// cutter is an input that fails after some packets.
type cutter struct {
	*capture.Reader
	left int
}

var errCut = errors.New("cut")

func (c *cutter) Read(dst []Packet) (int, error) {
	if c.left == 0 {
		return 0, errCut
	}
	n, err := c.Reader.Read(dst[:min(len(dst), c.left)])
	c.left -= n
	return n, err
}

func TestFileResumesWhereItStopped(t *testing.T) {
	b := openBus(t)
	cfg := DefaultConfig()
	cfg.MessageRows = 10
	for _, left := range []int{1, 70, 150} {
		src, _, err := openSource(t.Context(), service(cfg, b), "interrupted", nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := capture.Open(tls)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		in := &cutter{r, left}
		if err := src.pump(ctx, inputFunc(func(dst []Packet) (int, error) {
			n, err := in.Read(dst)
			if errors.Is(err, errCut) { // the process stops here
				cancel()
				return 0, nil
			}
			return n, err
		}), true); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		r.Close()
	}
	src, _, err := openSource(t.Context(), service(cfg, b), "interrupted", nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := capture.Open(tls)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := src.pump(t.Context(), r, true); err != nil {
		t.Fatal(err)
	}
	p := read(t, b, "interrupted")
	in := p.books[ledger.Key{Source: "interrupted", Hop: ledger.Sampler, Shard: ledger.Whole, Name: ledger.In}]
	if p.rows != 206 || p.ended != 2 || in.Packets != 206 {
		t.Errorf("%d rows, %d ends, %d observed; want each packet once: 206", p.rows, p.ended, in.Packets)
	}
}

type inputFunc func(dst []Packet) (int, error)

func (f inputFunc) Read(dst []Packet) (int, error) { return f(dst) }

func TestOtherSettingsAreRefused(t *testing.T) {
	b := openBus(t)
	f, err := service(DefaultConfig(), b).Open(t.Context(), tls, false, notLanded)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Sampling.Mode, cfg.Sampling.Interval = PacketRandom, 2
	if _, err := service(cfg, b).Open(t.Context(), tls, false, notLanded); !errors.Is(err, ErrSettings) {
		t.Errorf("resumed with other sampling: %v, want ErrSettings", err)
	}
	// A run that is over has nothing left to mix.
	if _, err := service(cfg, b).Open(t.Context(), tls, false, landed); !errors.Is(err, ErrFinished) {
		t.Errorf("a landed capture with other sampling: %v, want ErrFinished", err)
	}
	again, err := service(cfg, b).Open(t.Context(), tls, true, landed)
	if err != nil || again.Source() == f.Source() {
		t.Errorf("again with other sampling: source %v, error %v; want another source", again, err)
	}
}

// TestUnreadableFileIsNotOver fails as a disk does: what is behind the fault is still to come.
func TestUnreadableFileIsNotOver(t *testing.T) {
	b := openBus(t)
	disk := errors.New("input/output error")
	packets := frames(100)
	for _, fault := range []error{disk, io.EOF} {
		src, _, err := openSource(t.Context(), service(DefaultConfig(), b), "file", nil)
		if err != nil {
			t.Fatal(err)
		}
		left := packets
		if fault == disk {
			left = packets[:60]
		}
		err = src.pump(t.Context(), inputFunc(func(dst []Packet) (int, error) {
			n := copy(dst, left)
			if left = left[n:]; len(left) == 0 {
				return n, fault
			}
			return n, nil
		}), true)
		p := read(t, b, "file")
		switch {
		case fault == disk && (!errors.Is(err, disk) || p.ended != 0):
			t.Errorf("error %v, %d ends; want the fault and no end", err, p.ended)
		case fault == io.EOF && (err != nil || p.ended != 2 || p.rows != 100):
			t.Errorf("read again: error %v, %d ends, %d rows; want the whole file", err, p.ended, p.rows)
		}
	}
}

func TestCutCaptureIsPublishedAsFarAsItGoes(t *testing.T) {
	whole, err := os.ReadFile(tls)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cut.pcap")
	if err := os.WriteFile(path, whole[:len(whole)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	b := openBus(t)
	f, err := service(DefaultConfig(), b).Open(t.Context(), path, false, notLanded)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Run(t.Context()); !errors.Is(err, capture.ErrTruncated) {
		t.Errorf("error %v, want ErrTruncated", err)
	}
	p := read(t, b, f.Source())
	damaged := p.books[ledger.Key{Source: f.Source(), Hop: ledger.Sampler, Shard: ledger.Whole, Name: ledger.Damaged}]
	if p.rows != 205 || p.ended != 2 || damaged.Packets != 1 || damaged.Bytes == 0 {
		t.Errorf("%d rows, %d ends, damaged %+v; want 205 rows, the end, and the broken record counted", p.rows, p.ended, damaged)
	}
}

func TestNothingIsPublishedOfWhatIsNoCapture(t *testing.T) {
	b := openBus(t)
	path := filepath.Join(t.TempDir(), "empty.pcap")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := service(DefaultConfig(), b).Open(t.Context(), path, false, notLanded); !errors.Is(err, capture.ErrNotCapture) {
		t.Errorf("an empty file: %v, want ErrNotCapture", err)
	}
	if p := read(t, b, "*"); len(p.ordinals) != 0 {
		t.Errorf("%d messages were published", len(p.ordinals))
	}
}
