package routes

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCSV(t *testing.T) {
	b := NewBuilder()
	b.Announce(Source{From: fromMRT}, 0, netip.MustParsePrefix("198.51.100.0/24"), Path{Origin: 1, Preference: 1000})
	path := filepath.Join(t.TempDir(), "routes.csv")
	text := "\xef\xbb\xbforigin_as, prefix, bgp_next_hop, next_hop, peer_as\r\n" +
		"# our customers\r\n\r\n" +
		"AS64500,192.0.2.0/24,,,\r\n" +
		"4200000000,198.51.100.0/24,203.0.113.1,10.0.0.1,64501\r\n" +
		"64502,2001:db8::/32,,,\r\n" +
		"64503,2001:db8::/32,::ffff:203.0.113.1,,\r\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	stats, err := ReadFile(t.Context(), path, b)
	if want := (Stats{Records: 4, Announced: 4}); err != nil || stats != want {
		t.Fatalf("%+v, %v; want %+v", stats, err, want)
	}
	hop := netip.MustParseAddr("203.0.113.1")
	want := map[string]Route{
		"192.0.2.0/24":    {Bits: 24, Origin: 64500},
		"198.51.100.0/24": {Bits: 24, Origin: 4200000000, Peer: 64501, BGPNextHop: hop, NextHop: netip.MustParseAddr("10.0.0.1")},
		"2001:db8::/32":   {Bits: 32, Origin: 64503, BGPNextHop: hop},
	}
	if diff := cmp.Diff(want, contents(b.Compile(nil)), addrs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBrokenCSV(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "line 1: nothing, want the names of the columns: prefix,origin_as,peer_as,next_hop,bgp_next_hop"},
		{"prefix,colour\n", `line 1, column 8: unknown column "colour", want some of prefix,origin_as,peer_as,next_hop,bgp_next_hop`},
		{"prefix,prefix\n", "line 1, column 8: column prefix for the second time"},
		{"origin_as\n", "line 1, column 1: no column prefix"},
		{"prefix\n192.0.2.0/24,1\n", "line 2, column 1: wrong number of fields"},
		{"prefix,origin_as\n192.0.2.0/24,1\n192.0.2.0/33,1\n", `line 3, column 1: prefix "192.0.2.0/33": netip.ParsePrefix("192.0.2.0/33"): prefix length out of range`},
		{"prefix\n192.0.2.1/24\n", `line 2, column 1: prefix "192.0.2.1/24": has bits set behind its length: 192.0.2.0/24`},
		{"prefix\n::ffff:192.0.2.0/120\n", `line 2, column 1: prefix "::ffff:192.0.2.0/120": an IPv4 prefix is written as such`},
		{"prefix,origin_as\n192.0.2.0/24,x\n", `line 2, column 14: origin_as "x": want an AS number, 0 to 4294967295`},
		{"prefix,next_hop\n192.0.2.0/24,x\n", `line 2, column 14: next_hop "x": want an IPv4 or IPv6 address`},
		{"prefix\n\"192.0.2.0/24\n", "line 2, column 15: extraneous or missing \" in quoted-field"},
	} {
		_, err := ReadCSV(strings.NewReader(c.text), NewBuilder())
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: %v\nwant %s", c.text, err, c.want)
		}
	}
	if stats, err := ReadCSV(strings.NewReader("prefix\n192.0.2.0/24\nx\n"), NewBuilder()); err == nil || stats.Announced != 1 {
		t.Errorf("%+v, %v; want what came before the error", stats, err)
	}
}
