package store_test

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"testing"

	"netstream/services/analyzer/internal/store"
)

// open opens a database of the test's own and a connection to it.
func open(t testing.TB) (*store.Store, *sql.Conn) {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Path: filepath.Join(t.TempDir(), "test.duckdb"), Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	conn, err := s.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return s, conn
}

// addresses are random ones of all shapes: each group is 0 with a chance, so that all runs of zeros occur.
func addresses(n int) []netip.Addr {
	rng := rand.New(rand.NewPCG(5, 6))
	out := []netip.Addr{}
	for _, s := range []string{
		"::", "::1", "1::", "::1:0", "0:1::", "1:0:0:2::", "1:0:0:2:0:0:0:3", "1:0:0:2:0:0:3:4", "0:0:1:0:0:1:0:0", "1:0:2:3:4:5:6:7",
		"2001:db8::ff00:42:8329", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::ffff:0:1", "::10:0:0:0", "100::1000", "0.0.0.0", "255.255.255.255", "10.0.0.1",
	} {
		out = append(out, netip.MustParseAddr(s))
	}
	for range n {
		var b [16]byte
		zeros := rng.Float64()
		for g := 0; g < 16; g += 2 {
			if rng.Float64() > zeros {
				binary.BigEndian.PutUint16(b[g:], uint16(rng.Uint32())>>(4*rng.IntN(4)))
			}
		}
		out = append(out, netip.AddrFrom16(b), netip.AddrFrom4([4]byte(b[12:])))
	}
	return out
}

func halves(a netip.Addr) (hi, lo uint64) {
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

func TestAddressesReadAsNetipWritesThem(t *testing.T) {
	_, conn := open(t)
	addrs := addresses(5000)
	table := "CREATE TEMP TABLE a (n INTEGER, hi UBIGINT, lo UBIGINT, text VARCHAR)"
	if _, err := conn.ExecContext(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	insert := "INSERT INTO a VALUES "
	for i, a := range addrs {
		hi, lo := halves(a)
		if i > 0 {
			insert += ","
		}
		insert += fmt.Sprintf("(%d, %d, %d, '%s')", i, hi, lo, a.Unmap())
	}
	if _, err := conn.ExecContext(t.Context(), insert); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.QueryContext(t.Context(), `
		SELECT text, addr_text(hi, lo), addr_hi(text) = hi AND addr_lo(text) = lo FROM a
		WHERE addr_text(hi, lo) IS DISTINCT FROM text OR addr_hi(text) <> hi OR addr_lo(text) <> lo LIMIT 10`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var want, got string
		var parsed bool
		if err := rows.Scan(&want, &got, &parsed); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s is shown as %s; read back right: %v", want, got, parsed)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	var null sql.NullString
	if err := conn.QueryRowContext(t.Context(), "SELECT addr_text(NULL::UBIGINT, NULL::UBIGINT)").Scan(&null); err != nil || null.Valid {
		t.Errorf("no address is shown as %v, %v", null, err)
	}
}

func TestNetworksContainWhatNetipSaysTheyDo(t *testing.T) {
	_, conn := open(t)
	rng := rand.New(rand.NewPCG(7, 8))
	for range 40 {
		addrs := addresses(3)
		a := addrs[rng.IntN(len(addrs))]
		p, err := addrs[rng.IntN(len(addrs))].Prefix(rng.IntN(33))
		if err != nil {
			t.Fatal(err)
		}
		if rng.IntN(2) == 0 {
			p, _ = a.Prefix(rng.IntN(a.BitLen() + 1))
		}
		want := p.Contains(a)
		if a.Is4() != p.Addr().Is4() {
			continue // an IPv4 address is in ::/0 as a number, which netip denies
		}
		hi, lo := halves(a)
		var byNumber, byText bool
		q := fmt.Sprintf("SELECT in_net(%d::UBIGINT, %d::UBIGINT, '%s'), in_net('%s', '%s')", hi, lo, p, a, p)
		if err := conn.QueryRowContext(t.Context(), q).Scan(&byNumber, &byText); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		if byNumber != want || byText != want {
			t.Errorf("%s in %s: %v by number, %v by text, want %v", a, p, byNumber, byText, want)
		}
	}
}

func TestTextThatIsNoAddressIsAnError(t *testing.T) {
	_, conn := open(t)
	for _, text := range []string{"", "1.2.3", "1.2.3.256", "a.b.c.d", "1:2:3", "12345::", "x::", "host"} {
		var hi, lo uint64
		if err := conn.QueryRowContext(t.Context(), "SELECT addr_hi(?), addr_lo(?)", text, text).Scan(&hi, &lo); err == nil {
			t.Errorf("%q was read as %x %x", text, hi, lo)
		}
	}
}

func TestScaledNeverOverflows(t *testing.T) {
	_, conn := open(t)
	for _, c := range []struct {
		count uint64
		rate  string
		want  uint64
	}{
		{1 << 63, "1", 1 << 63}, {1<<64 - 1, "NULL", 1<<64 - 1}, {10, "1000", 10_000}, {3, "1.5", 5}, {1 << 63, "1000", 18446744073709549568}, {0, "5", 0},
	} {
		var got uint64
		if err := conn.QueryRowContext(t.Context(), fmt.Sprintf("SELECT scaled(%d::UBIGINT, %s::DOUBLE)", c.count, c.rate)).Scan(&got); err != nil || got != c.want {
			t.Errorf("scaled(%d, %s) = %d, %v; want %d", c.count, c.rate, got, err, c.want)
		}
	}
}
