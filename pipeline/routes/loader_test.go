package routes

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/osrg/gobgp/v4/pkg/packet/mrt"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// runLoader runs a loader until the test ends; what it takes in use comes on the channel.
func runLoader(t *testing.T, cfg Config) (*Loader, <-chan *Table) {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	changed := make(chan *Table, 100)
	l := NewLoader(cfg, slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry()), func(table *Table) { changed <- table })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("it ends with %v", err)
		}
	})
	return l, changed
}

// origin awaits the next table, and tells the origin of 192.0.2.1 in it.
func origin(t *testing.T, changed <-chan *Table) uint32 {
	t.Helper()
	select {
	case table := <-changed:
		r, _ := table.Lookup(netip.MustParseAddr("192.0.2.1"))
		return r.Origin
	case <-time.After(20 * time.Second):
		t.Fatal("no other table")
		return 0
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// TestReload: a file that has changed is read; one that is broken changes nothing.
func TestReload(t *testing.T) {
	cfg := DefaultConfig()
	csv := filepath.Join(t.TempDir(), "routes.csv")
	cfg.Files, cfg.Check = []string{csv}, time.Second
	write(t, csv, "prefix,origin_as\n192.0.2.0/24,1\n")
	l, changed := runLoader(t, cfg)
	if got := origin(t, changed); got != 1 {
		t.Errorf("at first origin %d", got)
	}
	write(t, csv, "prefix,origin_as\n192.0.2.0/24,22\n") // found by itself
	if got := origin(t, changed); got != 22 {
		t.Errorf("after a change origin %d", got)
	}
	write(t, csv, "prefix,origin_as\n192.0.2.0/24,3\nnonsense,4\n")
	l.Reload()
	trouble := l.metrics.troubles
	until(t, "the trouble isn't counted", func() bool { return testutil.ToFloat64(trouble) > 0 })
	if r, _ := l.Table().Lookup(netip.MustParseAddr("192.0.2.1")); r.Origin != 22 {
		t.Errorf("with a broken file origin %d, want that of before", r.Origin)
	}
	if err := os.Remove(csv); err != nil {
		t.Fatal(err)
	}
	until(t, "the missing file isn't counted", func() bool { return testutil.ToFloat64(trouble) > 1 })
	write(t, csv, "prefix,origin_as\n192.0.2.0/24,3\n")
	if got := origin(t, changed); got != 3 {
		t.Errorf("mended: origin %d", got)
	}
	if n := testutil.ToFloat64(l.metrics.prefixes.WithLabelValues("ipv4")); n != 1 {
		t.Errorf("%v prefixes shown, want 1", n)
	}
}

// TestTheFirstTimeWhatCanBeReadIsUsed, since there is nothing else.
func TestTheFirstTimeWhatCanBeReadIsUsed(t *testing.T) {
	cfg := DefaultConfig()
	dir := t.TempDir()
	rib, csv := filepath.Join(dir, "rib"), filepath.Join(dir, "routes.csv")
	whole := dump(t, message(mrt.TABLE_DUMPv2, mrt.PEER_INDEX_TABLE, peers()),
		message(mrt.TABLE_DUMPv2, mrt.RIB_IPV4_UNICAST, rib4("192.0.2.0/24")), message(mrt.TABLE_DUMPv2, mrt.RIB_IPV4_UNICAST, rib4("198.51.100.0/24")))
	write(t, rib, string(whole[:len(whole)-1]))
	write(t, csv, "prefix,origin_as\n203.0.113.0/24,3\n")
	cfg.Files = []string{rib, filepath.Join(dir, "none"), csv}
	l, changed := runLoader(t, cfg)
	if got := origin(t, changed); got != 64501 || l.Table().Len() != 2 {
		t.Errorf("origin %d, %d prefixes", got, l.Table().Len())
	}
	if n := testutil.ToFloat64(l.metrics.troubles); n != 1 {
		t.Errorf("%v troubles counted", n)
	}
}

func rib4(prefix string) mrt.Body { return rib(prefix, 64500, 64501) }

// TestLiveOverFiles: what routers tell goes before what files do, and goes away with them.
func TestLiveOverFiles(t *testing.T) {
	cfg := DefaultConfig()
	csv := filepath.Join(t.TempDir(), "routes.csv")
	write(t, csv, "prefix,origin_as\n192.0.2.0/24,1\n")
	free := listen(t)
	cfg.Files, cfg.Compile, cfg.BMP.Listen = []string{csv}, time.Second, free.Addr().String()
	free.Close()
	_, changed := runLoader(t, cfg)
	if got := origin(t, changed); got != 1 {
		t.Errorf("of the file: origin %d", got)
	}
	until(t, "the station doesn't listen", func() bool {
		conn, err := net.Dial("tcp", cfg.BMP.Listen)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	r := dialBMP(t, cfg.BMP.Listen)
	h := peer(0, 0, 0, "192.0.2.1", 64500)
	r.up(h)
	r.announce(h, 64510, "192.0.2.0/24")
	if got := origin(t, changed); got != 64510 {
		t.Errorf("of the router: origin %d", got)
	}
	r.conn.Close()
	if got := origin(t, changed); got != 1 {
		t.Errorf("after the router: origin %d", got)
	}
}

// TestTheEndEndsReading, however long the file is.
func TestTheEndEndsReading(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if stats, err := ReadFile(ctx, "testdata/bgpdump/bview.20020722.2337.gz", NewBuilder()); !errors.Is(err, context.Canceled) || stats.Records > 0 {
		t.Errorf("%+v, %v", stats, err)
	}
}
