package store_test

import (
	"testing"

	"netstream/pipeline/interfaces"
)

// TestInterfaces writes the table twice: the second time it is what is said then.
func TestInterfaces(t *testing.T) {
	s, conn := open(t)
	for _, list := range []interfaces.Config{
		{{Index: 1, Name: "old"}, {Index: 2, Name: "older"}},
		{{Index: 3, Name: "GE1/0/1", Description: "to core", Speed: 10e9, VRF: 7}, {Index: 4, Name: "it's", Source: "tap"}},
	} {
		if err := s.SetInterfaces(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	var got string
	const question = `SELECT string_agg(concat_ws(' ', coalesce(source, '*'), if_index, name, coalesce(description, '-'), coalesce(speed, 0), coalesce(vrf, 0)), '; ' ORDER BY if_index) FROM interfaces`
	if err := conn.QueryRowContext(t.Context(), question).Scan(&got); err != nil || got != "* 3 GE1/0/1 to core 10000000000 7; tap 4 it's - 0 0" {
		t.Errorf("%q, error %v", got, err)
	}
}
