package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// intervalRow is a flow as the view shows it.
type intervalRow struct {
	group          int
	packets, bytes uint64
	weighted       uint64  // Σw; 0: not sampled by us
	weightedBytes  uint64  // Σw·l
	vp, vb         float64 // variances
	rate           float64 // of another device; 0: none
	origin         int     // as stored; -1: NULL
}

// TestIntervals compares the macros with sums made here, for single rows, groups and all together.
func TestIntervals(t *testing.T) {
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "test.duckdb")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	exec := func(q string) {
		t.Helper()
		if _, err := s.db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	exec("INSERT INTO sources VALUES (1, 'a')")
	r := rand.New(rand.NewPCG(5, 6))
	var rows []intervalRow
	for i := range 400 {
		row := intervalRow{group: i % 8, packets: 1 + r.Uint64N(20), origin: -1}
		row.bytes = row.packets * (40 + r.Uint64N(1400))
		switch row.group { // 0: unsampled, 1 and 2: weights, 3: a rate, 4: weights and rates, 5: rate 1, 6: unknown rate, 7: huge
		case 1, 2, 7:
			row.weights(r)
		case 3:
			row.rate, row.origin = 100, int(RateSystem)
		case 4:
			if i%3 == 0 {
				row.weights(r)
			} else {
				row.rate, row.origin = 1000, int(RateHeader)
			}
		case 5:
			row.rate, row.origin = 1, int(RateHeader)
		case 6:
			row.rate, row.origin = 1, int(RateUnknown)
		}
		if row.group == 7 {
			row.vb = math.Ldexp(1+math.Trunc(r.Float64()*1000), 64) // beyond 64 bits
		}
		rows = append(rows, row)
		null := func(v any, ok bool) string {
			if ok {
				return fmt.Sprint(v)
			}
			return "NULL"
		}
		hi := math.Floor(math.Ldexp(row.vb, -64))
		exec(fmt.Sprintf(`INSERT INTO flow_rows_wide (source, kind, direction, first_time, last_time, src_port, packets, bytes,
			weighted_packets, weighted_bytes, var_packets_hi, var_packets_lo, var_bytes_hi, var_bytes_lo, sampling_rate, rate_origin)
			VALUES (1, 1, 0, '2026-01-01', '2026-01-01', %d, %d, %d, %s, %s, %s, %s, %s, %s, %s, %s)`,
			row.group, row.packets, row.bytes, null(row.weighted, row.weighted > 0), null(row.weightedBytes, row.weighted > 0),
			null(0, row.weighted > 0), null(uint64(row.vp), row.weighted > 0), null(uint64(hi), row.weighted > 0), null(uint64(row.vb-math.Ldexp(hi, 64)), row.weighted > 0),
			null(row.rate, row.rate > 0), null(row.origin, row.origin >= 0)))
	}
	kinds := map[int]string{0: "exact", 1: "interval", 2: "interval", 3: "bound", 4: "bound", 5: "exact", 6: "unknown", 7: "interval"}
	q := `SELECT src_port, est_packets(est_packets), est_bytes(est_bytes), ci_packets(est_packets_ci), ci_bytes(est_bytes_ci),
		ci_low(est_packets, est_packets_ci, packets), ci_low(est_bytes, est_bytes_ci, bytes), ci_high(est_bytes, est_bytes_ci),
		ci_kind(packets, est_packets_ci, rate_origin)
		FROM flows GROUP BY src_port HAVING est_bytes(est_bytes) > 0 ORDER BY est_bytes(est_bytes)`
	answer, err := s.db.QueryContext(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	seen := 0
	for answer.Next() {
		var group int
		var kind string
		var ep, eb float64
		var cp, cb, lp, lb, hb *float64
		if err := answer.Scan(&group, &ep, &eb, &cp, &cb, &lp, &lb, &hb, &kind); err != nil {
			t.Fatal(err)
		}
		seen++
		var wantP, wantB, varP, varB, packets, bytes float64
		for _, r := range rows {
			if r.group != group {
				continue
			}
			p, b, vp, vb := r.estimate()
			wantP, wantB, varP, varB = wantP+p, wantB+b, varP+vp, varB+vb
			packets, bytes = packets+float64(r.packets), bytes+float64(r.bytes)
		}
		if kind != kinds[group] {
			t.Errorf("group %d is %s, want %s", group, kind, kinds[group])
		}
		if !near(ep, wantP) || !near(eb, wantB) {
			t.Errorf("group %d: estimates %g, %g; want %g, %g", group, ep, eb, wantP, wantB)
		}
		if group == 6 {
			if cp != nil || cb != nil || lp != nil || lb != nil || hb != nil {
				t.Errorf("group %d has an interval, want none", group)
			}
			continue
		}
		if !near(*cp, 1.96*math.Sqrt(varP)) || !near(*cb, 1.96*math.Sqrt(varB)) {
			t.Errorf("group %d: half widths %g, %g; want %g, %g", group, *cp, *cb, 1.96*math.Sqrt(varP), 1.96*math.Sqrt(varB))
		}
		if !near(*lp, max(wantP-*cp, packets)) || !near(*lb, max(wantB-*cb, bytes)) || !near(*hb, wantB+*cb) {
			t.Errorf("group %d: from %g packets, %g bytes up to %g", group, *lp, *lb, *hb)
		}
	}
	if err := answer.Err(); err != nil || seen != 8 {
		t.Errorf("%d groups, %v", seen, err)
	}
	var kind string
	if err := s.db.QueryRowContext(t.Context(), "SELECT ci_kind(packets, est_packets_ci, rate_origin) FROM (FROM flows WHERE src_port = 1 LIMIT 1)").Scan(&kind); err != nil || kind != "rough" {
		t.Errorf("a single flow is %s, %v; want rough", kind, err)
	}
}

// weights makes a flow of our own sampler at 1:100.
func (r *intervalRow) weights(rng *rand.Rand) {
	r.weighted, r.weightedBytes, r.origin = 100*r.packets, 100*r.bytes, int(RateWeights)
	r.vp, r.vb = float64(9900*r.packets), float64(9900*r.bytes*(40+rng.Uint64N(1400)))
}

// estimate is what the macros must make of one row.
func (r *intervalRow) estimate() (packets, bytes, varP, varB float64) {
	p, b := float64(r.packets), float64(r.bytes)
	switch {
	case r.weighted > 0:
		return float64(r.weighted), float64(r.weightedBytes), r.vp, r.vb
	case r.rate > 1:
		return p * r.rate, b * r.rate, p * r.rate * r.rate, b * b * r.rate * r.rate / p
	}
	return p, b, 0, 0
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b), 1) }
