package store_test

import (
	"net/netip"
	"strings"
	"testing"

	"netstream/pipeline/routes"
)

// TestPlaces asks for places in SQL: known ones, one that isn't, NULL, and what is no address.
func TestPlaces(t *testing.T) {
	s, conn := open(t) // the connection is another than the one that makes the functions
	if err := s.SetPlaces(t.Context(), func(a netip.Addr) (p routes.Place) {
		if a == netip.MustParseAddr("192.0.2.1") {
			p = routes.Place{ASN: 64500, Org: "Example", Country: "SE", City: "Linköping"}
		}
		return p
	}); err != nil {
		t.Fatal(err)
	}
	for question, want := range map[string]string{
		"SELECT concat_ws(' ', country('192.0.2.1'), city('192.0.2.1'), as_number('192.0.2.1'), as_org('192.0.2.1'))":  "SE Linköping 64500 Example",
		"SELECT concat_ws(' ', country('2001:db8::1') IS NULL, as_number('198.51.100.1') IS NULL, city(NULL) IS NULL)": "true true true",
		"SELECT string_agg(coalesce(country(a), '?'), ' ') FROM (VALUES ('192.0.2.1'), (NULL), ('192.0.2.2')) v(a)":    "SE ? ?",
	} {
		var got string
		if err := conn.QueryRowContext(t.Context(), question).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %q, error %v; want %q", question, got, err, want)
		}
	}
	var none string
	if err := conn.QueryRowContext(t.Context(), "SELECT country('office')").Scan(&none); err == nil || !strings.Contains(err.Error(), "want an address such as") {
		t.Errorf("error %v", err)
	}
}
