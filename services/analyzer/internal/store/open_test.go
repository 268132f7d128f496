package store_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"netstream/services/analyzer/internal/store"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("STORE_TEST_HOLD"); path != "" { // a second process that holds the file
		s, err := store.Open(context.Background(), store.Options{Path: path})
		if err != nil {
			os.Stdout.WriteString(err.Error())
			os.Exit(1)
		}
		s.Close()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestAFileHasOneOwner(t *testing.T) {
	s, _ := open(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_HOLD="+s.Path())
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), store.ErrInUse.Error()) || !strings.Contains(string(out), s.Path()) {
		t.Errorf("a second process got %v: %s", err, out)
	}
}

func TestAFileOfANewerVersionIsLeftAlone(t *testing.T) {
	s, conn := open(t)
	if _, err := conn.ExecContext(t.Context(), "UPDATE meta SET value = '999' WHERE key = 'schema_version'"); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{false, true} {
		_, err := store.Open(t.Context(), store.Options{Path: s.Path(), ReadOnly: readOnly})
		if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "999") {
			t.Errorf("read-only %v: error %v", readOnly, err)
		}
	}
}

func TestAFileOfAnotherProgramIsLeftAlone(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.duckdb")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	s, conn := open(t)
	for _, q := range []string{"DROP VIEW flows", "DROP TABLE meta"} {
		if _, err := conn.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	conn.Close()
	s.Close()
	for _, path := range []string{text, s.Path()} {
		if _, err := store.Open(t.Context(), store.Options{Path: path}); !errors.Is(err, store.ErrNotOurs) {
			t.Errorf("%s: error %v, want ErrNotOurs", path, err)
		}
	}
	if b, _ := os.ReadFile(text); !strings.HasPrefix(string(b), "not a database") {
		t.Error("the file was changed")
	}
}

func TestADirectoryThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), store.Options{Path: filepath.Join(file, "x.duckdb")}); !errors.Is(err, store.ErrNotWritable) {
		t.Errorf("error %v, want ErrNotWritable", err)
	}
}

func TestDefinitionsAreReplacedWhenTheyChange(t *testing.T) {
	s, conn := open(t)
	for _, q := range []string{"CREATE OR REPLACE MACRO reason_name(x) AS 'old'", "UPDATE meta SET value = 'old' WHERE key = 'definitions'"} {
		if _, err := conn.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	conn.Close()
	s.Close()
	again, err := store.Open(t.Context(), store.Options{Path: s.Path()})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	conn, err = again.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var name string
	if err := conn.QueryRowContext(t.Context(), "SELECT reason_name(3)").Scan(&name); err != nil || name != "fin" {
		t.Errorf("%q, %v; want fin", name, err)
	}
}
