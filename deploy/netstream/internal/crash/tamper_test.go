package crash

import (
	"path/filepath"
	"strings"
	"testing"
)

// The books are no formality: whoever changes a row is found, and so is where.
func TestTamperingIsFound(t *testing.T) {
	f, _ := start(t)
	dir := folder(t)
	program := program(t, netstream)
	j := &job{program: program, captures: []string{capture(t, dir, f.packets/10)}, data: filepath.Join(dir, "data")}
	p := j.launch(t)
	p.wait(t)
	j.summary(t, p)
	audit(t, program, j.data, 0)
	const oneRow = " WHERE rowid = (SELECT min(rowid) FROM flow_rows)"
	for _, c := range []struct{ name, change, undo string }{
		{"packets", "UPDATE flow_rows SET packets = packets + 1" + oneRow, "UPDATE flow_rows SET packets = packets - 1" + oneRow},
		{"bytes", "UPDATE flow_rows SET bytes = bytes - 1" + oneRow, "UPDATE flow_rows SET bytes = bytes + 1" + oneRow},
		{"a port", "UPDATE flow_rows SET dst_port = xor(dst_port, 1)" + oneRow, "UPDATE flow_rows SET dst_port = xor(dst_port, 1)" + oneRow},
		{"a row twice", "INSERT INTO flow_rows FROM flow_rows" + oneRow, "DELETE FROM flow_rows WHERE rowid = (SELECT max(rowid) FROM flow_rows)"},
		{"a row less", "DELETE FROM flow_rows" + oneRow, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			change(t, j.data, c.change)
			if said := audit(t, program, j.data, 1); !strings.Contains(said, "don't close at hop ager -> database") {
				t.Errorf("audit does not name the hop: %s", said)
			}
			if c.undo != "" {
				change(t, j.data, c.undo)
				audit(t, program, j.data, 0)
			}
		})
	}
}

// change changes a database that no process holds.
func change(t *testing.T, data, statement string) {
	t.Helper()
	db := open(t, data, "read_write")
	defer db.Close()
	r, err := db.Exec(statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if n, _ := r.RowsAffected(); n != 1 {
		t.Fatalf("%s: %d rows, want one", statement, n)
	}
}
