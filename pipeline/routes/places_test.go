package routes

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestPlacesAreReadAgain when their file changes; a broken database doesn't take the place of a good one.
func TestPlacesAreReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "asn.mmdb")
	copyFile := func(name string) {
		b, err := os.ReadFile(filepath.Join("testdata/maxmind", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, string(b))
	}
	troubles := prometheus.NewCounter(prometheus.CounterOpts{Name: "troubles"})
	copyFile("MaxMind-DB-test-broken-pointers-24.mmdb")
	p := NewPlaces([]string{path}, slog.New(slog.DiscardHandler), troubles)
	google := func() bool { return p.Lookup(netip.MustParseAddr("1.0.0.1")).ASN == 15169 }
	if google() || testutil.ToFloat64(troubles) != 1 {
		t.Error("a broken database is read")
	}
	copyFile("GeoLite2-ASN-Test.mmdb")
	if p.look(); !google() {
		t.Error("the database isn't read")
	}
	copyFile("MaxMind-DB-test-broken-search-tree-24.mmdb")
	if p.look(); !google() || testutil.ToFloat64(troubles) != 2 {
		t.Error("the database of before isn't in use any more, or the trouble isn't counted")
	}
}
