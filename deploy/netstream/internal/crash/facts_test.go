package crash

import (
	"database/sql"
	"os"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"
)

// facts are what a database must say however often it was written to under fire. Check is a sum over hashes of whole
// rows: any row lost, doubled or altered changes it.
type facts struct {
	Rows, Packets, Bytes uint64
	Check                string
}

// open opens the database of a data directory that no process holds.
func open(t *testing.T, data, mode string) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", data+"/netstream.duckdb?access_mode="+mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// look reads the facts. Numbers of sources and monitors are left out, since they depend on what is landed first.
func look(t *testing.T, data string) (f facts) {
	t.Helper()
	db := open(t, data, "read_only")
	defer db.Close()
	err := db.QueryRow(`
		SELECT count(*), coalesce(sum(packets), 0)::UBIGINT, coalesce(sum(bytes), 0)::UBIGINT, coalesce(sum(hash(r)), 0)::VARCHAR
		FROM (
			SELECT flow_rows.* EXCLUDE (source, monitor), sources.name AS source, monitors.name AS monitor
			FROM flow_rows JOIN sources ON sources.id = flow_rows.source LEFT JOIN monitors ON monitors.id = flow_rows.monitor
		) r`).Scan(&f.Rows, &f.Packets, &f.Bytes, &f.Check)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// same fails the test when a database differs from the undisturbed one.
func same(t *testing.T, data string, want facts) {
	t.Helper()
	if diff := cmp.Diff(want, look(t, data)); diff != "" {
		t.Errorf("%s differs from an undisturbed run (-want +got):\n%s", data, diff)
	}
}

// landed is on how many flow shards sources have ended in the database; 0 when there is none yet.
func landed(t *testing.T, data string) (n int) {
	t.Helper()
	if _, err := os.Stat(data + "/netstream.duckdb"); err != nil {
		return 0
	}
	db := open(t, data, "read_only")
	defer db.Close()
	if err := db.QueryRow(`SELECT count(*) FROM ledger WHERE name = 'ended'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
