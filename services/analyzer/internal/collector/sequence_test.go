package collector

import "testing"

// The cases of the reference: order, gap, wrap, late, duplicate, restart.
func TestSequence(t *testing.T) {
	type step struct {
		number, units, uptime uint32
		lost                  int64
	}
	for name, steps := range map[string][]step{
		"in order":               {{100, 10, 0, 0}, {110, 10, 1, 0}, {120, 1, 2, 0}},
		"gap":                    {{100, 10, 0, 0}, {115, 10, 1, 5}, {125, 1, 2, 0}},
		"over the end":           {{1<<32 - 10, 10, 0, 0}, {0, 5, 1, 0}, {5, 1, 2, 0}},
		"gap over the end":       {{1<<32 - 10, 5, 0, 0}, {3, 5, 1, 8}},
		"late":                   {{100, 10, 0, 0}, {130, 10, 1, 20}, {110, 10, 1, -10}, {120, 10, 1, -10}, {140, 1, 2, 0}},
		"restart, by its uptime": {{5000, 10, 900_000, 0}, {1, 10, 100, 0}, {11, 1, 200, 0}},
		"restart after 34 days":  {{5000, 10, 3_000_000_000, 0}, {1, 10, 100, 0}, {11, 1, 200, 0}},
		"late over the wrap":     {{100, 10, 1<<32 - 5, 0}, {130, 10, 3, 20}, {110, 10, 1<<32 - 1, -10}, {120, 10, 2, -10}},
		"restart, by distance":   {{500_000, 10, 5, 0}, {1, 10, 6, 0}, {11, 1, 7, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			var s sequence
			for i, c := range steps {
				if lost := s.take(c.number, c.units, c.uptime); lost != c.lost {
					t.Errorf("step %d: lost %d, want %d", i, lost, c.lost)
				}
			}
		})
	}
}
