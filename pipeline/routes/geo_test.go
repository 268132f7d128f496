package routes

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// geoSource is what a test database was built from, as far as places go.
type geoSource []map[string]struct {
	ASN     uint32 `json:"autonomous_system_number"`
	Org     string `json:"autonomous_system_organization"`
	Country struct {
		ISO string `json:"iso_code"`
	} `json:"country"`
	City struct {
		Names map[string]string `json:"names"`
	} `json:"city"`
}

// TestGeo finds every network of the databases with the record that it was built from, at its first and its last address.
func TestGeo(t *testing.T) {
	for _, name := range []string{"GeoLite2-ASN-Test", "GeoLite2-City-Test", "GeoLite2-Country-Test"} {
		g, err := OpenGeo(filepath.Join("testdata/maxmind", name+".mmdb"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join("testdata/expected/maxmind", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var source geoSource
		if err := json.Unmarshal(b, &source); err != nil {
			t.Fatal(err)
		}
		want := map[netip.Prefix]Place{}
		for _, networks := range source {
			for network, r := range networks {
				p := netip.MustParsePrefix(network)
				if a := p.Addr(); a.Is4In6() {
					p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
				} else if low := netip.MustParsePrefix("::/96"); low.Contains(a) && p.Bits() >= 96 { // IPv4 as the format has it
					full := a.As16()
					p = netip.PrefixFrom(netip.AddrFrom4([4]byte(full[12:])), p.Bits()-96)
				}
				want[p] = Place{r.ASN, r.Org, r.Country.ISO, r.City.Names["en"]}
			}
		}
		compared := 0
		for p, place := range want {
			for _, a := range []netip.Addr{p.Addr(), lastOf(p)} {
				if within(want, p, a) { // another network lies in this one, there
					continue
				}
				compared++
				if got := g.Lookup(a); got != place {
					t.Errorf("%s: %s of %s is %+v, want %+v", name, a, p, got, place)
				}
			}
		}
		t.Logf("%s: %d networks, %d addresses", name, len(want), compared)
		if len(want) < 100 {
			t.Errorf("%s: %d networks", name, len(want))
		}
	}
}

// lastOf is the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// within tells whether a smaller network than p has the address.
func within(networks map[netip.Prefix]Place, p netip.Prefix, a netip.Addr) bool {
	for q := range networks {
		if q.Bits() > p.Bits() && q.Contains(a) {
			return true
		}
	}
	return false
}

// TestGeoOfSeveral adds up what databases tell.
func TestGeoOfSeveral(t *testing.T) {
	g, err := OpenGeo("testdata/maxmind/GeoLite2-ASN-Test.mmdb", "testdata/maxmind/GeoLite2-Country-Test.mmdb", "testdata/maxmind/GeoLite2-City-Test.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	for a, want := range map[string]Place{
		"1.0.0.1":            {ASN: 15169, Org: "Google Inc."},
		"89.160.20.120":      {29518, "Bredband2 AB", "SE", "Linköping"},
		"::ffff:2.125.160.1": {},
		"2.125.160.216":      {Country: "GB", City: "Boxford"},
		"10.0.0.1":           {},
		"2001:db8::1":        {},
	} {
		if got := g.Lookup(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %+v, want %+v", a, got, want)
		}
	}
	if got := g.Lookup(netip.Addr{}); got != (Place{}) {
		t.Errorf("no address is in %+v", got)
	}
	if n := testing.AllocsPerRun(100, func() { g.Lookup(netip.MustParseAddr("89.160.20.120")) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// TestBrokenGeo: databases that are broken, or something else, are errors that name them.
func TestBrokenGeo(t *testing.T) {
	files, err := filepath.Glob("testdata/maxmind/*.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "testdata/maxmind/none.mmdb", "testdata/expected/README.md")
	// Not there, no database, and one whose records are texts.
	useless := []string{"none.mmdb", "README.md", "MaxMind-DB-no-ipv4-search-tree.mmdb"}
	broken := 0
	for _, f := range files {
		g, err := OpenGeo(f)
		name := filepath.Base(f)
		if bad := strings.Contains(name, "broken") || strings.Contains(name, "Invalid") || slices.Contains(useless, name); bad != (err != nil) {
			t.Errorf("%s: %v", name, err)
		} else if bad {
			broken++
			t.Log(err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "MMDB file "+f+": ") {
			t.Errorf("%v doesn't name the file first", err)
		}
		if err == nil {
			for _, a := range []string{"1.1.1.1", "::1", "2001:db8::1"} {
				g.Lookup(netip.MustParseAddr(a))
			}
		}
	}
	if broken != 6 {
		t.Errorf("%d broken ones, want 6", broken)
	}
}

// FuzzGeo: no file makes opening it, or looking into it, panic.
func FuzzGeo(f *testing.F) {
	for _, name := range []string{"MaxMind-DB-test-ipv4-24", "MaxMind-DB-test-broken-pointers-24", "MaxMind-DB-no-ipv4-search-tree"} {
		b, err := os.ReadFile(filepath.Join("testdata/maxmind", name+".mmdb"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	path := filepath.Join(f.TempDir(), "fuzz.mmdb")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if g, err := OpenGeo(path); err == nil {
			g.Lookup(netip.MustParseAddr("1.1.1.1"))
			g.Lookup(netip.MustParseAddr("2001:db8::1"))
		}
	})
}
