package query_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netstream/services/analyzer/internal/linetest"
	"netstream/services/analyzer/internal/query"
	"netstream/services/analyzer/internal/store"
)

var limits = query.Limits{Time: 20 * time.Second, Rows: 1000, Bytes: 1 << 20, Queries: 2}

// engine answers from a database with flows of one source.
func engine(t testing.TB, l query.Limits) (*query.Engine, *store.Store) {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Path: filepath.Join(t.TempDir(), "test.duckdb"), Threads: 2, MemoryLimit: 256 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	b := linetest.Bus(t, 1)
	a := linetest.NewAger(t, b, 0)
	a.Publish(linetest.Random(rand.New(rand.NewPCG(1, 1)), 200, false, "a"))
	a.Publish(linetest.Message{Sources: []string{"a"}, End: true})
	linetest.Land(t, b, s, "a")
	return query.New(s, l), s
}

func TestQuestionsAreAnswered(t *testing.T) {
	e, _ := engine(t, limits)
	for _, q := range []string{
		"SELECT count(*) FROM flows",
		"FROM flows",
		"select * from flows order by bytes desc limit 5;",
		"SELECT 1 -- a comment at the end",
		"/* first */ SELECT 1",
		"WITH a AS (SELECT 1 AS x) SELECT * FROM a",
		"VALUES (1), (2)",
		"DESCRIBE flows", "DESCRIBE SELECT src_addr FROM flows", "SHOW TABLES", "SUMMARIZE flow_rows",
		"EXPLAIN SELECT 1", "explain analyze SELECT count(*) FROM flows",
		"SELECT * FROM range(3)", "SELECT unnest([1, 2])", "SELECT * FROM duckdb_columns()",
		"SELECT in_net(src_addr, '10.0.0.0/8') FROM flows",
		"SELECT 'DROP TABLE flow_rows; COPY' AS text",
		"SELECT x FROM (SELECT 1 AS x UNION ALL SELECT 2) ORDER BY x",
		"SELECT 1 AS a, 2 AS a",
	} {
		var table query.Table
		if err := e.Run(t.Context(), q, &table); err != nil {
			t.Errorf("%s: %v", q, err)
		} else if len(table.Rows) == 0 || len(table.Columns) != len(table.Rows[0]) {
			t.Errorf("%s: %d rows, columns %v", q, len(table.Rows), table.Columns)
		}
	}
}

func TestAnythingElseIsRefused(t *testing.T) {
	e, s := engine(t, limits)
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("password\nhunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	for _, q := range []string{
		"INSERT INTO flow_rows SELECT * FROM flow_rows", "UPDATE flow_rows SET packets = 0", "DELETE FROM flow_rows", "TRUNCATE flow_rows",
		"DROP TABLE flow_rows", "DROP VIEW flows", "ALTER TABLE flow_rows ADD COLUMN x INTEGER",
		"CREATE TABLE x AS SELECT 1", "CREATE TEMP TABLE x AS SELECT 1", "CREATE VIEW x AS SELECT 1", "CREATE MACRO x() AS 1", "CREATE SEQUENCE x", "CREATE SECRET (TYPE http)",
		"MERGE INTO flow_rows USING flow_rows AS o ON false WHEN NOT MATCHED THEN INSERT BY NAME",
		"COPY flow_rows TO '" + out + "'", "COPY (SELECT 1) TO '" + out + "'", "COPY flow_rows FROM '" + secret + "'",
		"EXPORT DATABASE '" + out + "'", "IMPORT DATABASE '" + out + "'",
		"ATTACH '" + out + "' AS x", "DETACH test", "USE memory",
		"INSTALL httpfs", "LOAD httpfs", "UPDATE EXTENSIONS",
		"SET threads = 1", "SET memory_limit = '64GB'", "RESET threads", "SET VARIABLE x = 1", "PRAGMA database_size", "PRAGMA enable_profiling",
		"CALL force_checkpoint()", "CHECKPOINT", "FORCE CHECKPOINT", "VACUUM", "ANALYZE",
		"BEGIN", "COMMIT", "ROLLBACK", "PREPARE x AS SELECT 1", "EXECUTE x", "DEALLOCATE x",
		"SELECT 1; SELECT 2", "SELECT 1; DROP TABLE flow_rows", "DROP TABLE flow_rows; SELECT 1",
		"EXPLAIN DELETE FROM flow_rows", "EXPLAIN ANALYZE DELETE FROM flow_rows", "explain analyze COPY flow_rows TO '" + out + "'", "EXPLAIN EXPLAIN SELECT 1",
		"WITH x AS (DELETE FROM flow_rows RETURNING *) SELECT * FROM x",
		"SELECT * FROM '" + secret + "'", "SELECT * FROM read_csv('" + secret + "')", "SELECT * FROM read_text('" + secret + "')",
		"SELECT * FROM read_blob('/etc/passwd')", "SELECT * FROM glob('/etc/*')", "SELECT * FROM sniff_csv('" + secret + "')", "FROM '/etc/passwd'",
		"SELECT * FROM read_parquet('http://127.0.0.1:1/x')", "SELECT * FROM parquet_metadata('" + secret + "')",
		"SELECT * FROM force_checkpoint()", "SELECT * FROM checkpoint()", "SELECT (SELECT max(1) FROM force_checkpoint())",
		"WITH a AS (FROM system.main.force_checkpoint()) SELECT * FROM a", "SELECT * FROM query('DROP TABLE flow_rows')", "SELECT * FROM query_table('flow_rows')",
		"SELECT * FROM arrow_scan(1, 2, 3)", "SELECT * FROM enable_logging()", "SELECT * FROM duckdb_secrets()",
		"SELECT nextval('x')", "SELECT setseed(0.5)", "SELECT write_log('x')", "SELECT sleep_ms(1000)",
		"SELECT 1) UNION ALL (SELECT 2", "SELECT 1\x00; DROP TABLE flow_rows", "", ";", "-- nothing", "nonsense", "SELECT",
		"SELECT * FROM missing", "SELECT missing FROM flows", "SELECT '" + strings.Repeat("x", 70_000) + "'",
		strings.Repeat("(", 20_000),
	} {
		var table query.Table
		if err := e.Run(t.Context(), q, &table); err == nil {
			t.Errorf("%.80s was answered with %v", q, table.Rows)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a file was written")
	}
	var table query.Table
	if err := e.Run(t.Context(), "SELECT count(*), (SELECT count(*) FROM duckdb_tables() WHERE NOT internal) FROM flow_rows", &table); err != nil {
		t.Fatalf("after all that: %v", err)
	}
	if diff := cmp.Diff([][]any{{int64(200), int64(9)}}, table.Rows); diff != "" {
		t.Errorf("rows and tables (-want +got):\n%s", diff)
	}
	if err := s.Land(t.Context(), store.NewBatch()); err != nil {
		t.Errorf("landing after all that: %v", err)
	}
}

func TestLimits(t *testing.T) {
	l := limits
	l.Rows, l.Time, l.Queries = 10, 300*time.Millisecond, 1
	e, _ := engine(t, l)
	for _, c := range []struct {
		query string
		rows  int
		cut   bool
	}{{"FROM range(10)", 10, false}, {"FROM range(11)", 10, true}, {"FROM range(1_000_000_000_000)", 10, true}, {"FROM flows ORDER BY bytes", 10, true}} {
		var table query.Table
		if err := e.Run(t.Context(), c.query, &table); err != nil || len(table.Rows) != c.rows || table.Cut != c.cut {
			t.Errorf("%s: %d rows, cut %v, %v", c.query, len(table.Rows), table.Cut, err)
		}
	}
	const endless = "SELECT count(*) FROM range(1_000_000) a, range(1_000_000) b, range(1000) c WHERE hash(a.range, b.range) = hash(c.range)"
	if err := e.Run(t.Context(), endless, &query.Table{}); !errors.Is(err, query.ErrTimeout) {
		t.Errorf("an endless question: %v, want ErrTimeout", err)
	}
	const hungry = "SELECT max(len(x)) FROM (SELECT list(repeat('x', 1000) || range) AS x FROM range(10_000_000))"
	if err := e.Run(t.Context(), hungry, &query.Table{}); err == nil {
		t.Error("a question for 10 GB was answered")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- e.Run(ctx, endless, &query.Table{}) }()
	for e.Run(t.Context(), "SELECT 1", &query.Table{}) == nil { // until the only place is taken
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("a cancelled question was answered")
	}
	if err := e.Run(t.Context(), "SELECT 1", &query.Table{}); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestALargeAnswerIsCut(t *testing.T) {
	l := limits
	l.Bytes = 10_000
	e, _ := engine(t, l)
	var out bytes.Buffer
	if err := e.Run(t.Context(), "SELECT repeat('x', 1000) AS x FROM range(1000)", query.JSON(&out)); err != nil {
		t.Fatal(err)
	}
	if n := out.Len(); n < 10_000 || n > 13_000 || !strings.Contains(out.String(), `"cut":true`) {
		t.Errorf("%d bytes: …%s", n, out.Bytes()[max(0, n-80):])
	}
}

const everyType = `SELECT
	1::UTINYINT AS small, 9007199254740992::BIGINT AS exact, 9007199254740993::UBIGINT AS large, -9007199254740993::BIGINT AS low,
	170141183460469231731687303715884105727::HUGEINT AS huge, sum(7::UBIGINT) AS total, 1.5::DOUBLE AS d, 'inf'::DOUBLE AS inf, 12.30::DECIMAL(5,2) AS dec,
	true AS yes, NULL AS none, 'a "b" \ ü' || chr(10) AS text, [1, NULL, 3] AS list, {'a': 1, 'b': 'x'} AS struct, MAP {'k': 2} AS map, 'ab'::BLOB AS blob,
	make_timestamp_ns(1700000000123456789) AS ns, TIMESTAMP '2023-01-02 03:04:05.678901' AS us, DATE '2023-01-02' AS day, 1 AS twice, 2 AS twice`

func TestJSON(t *testing.T) {
	e, _ := engine(t, limits)
	var out bytes.Buffer
	if err := e.Run(t.Context(), everyType, query.JSON(&out)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Columns []query.Column
		Rows    []map[string]any
		Count   int `json:"row_count"`
		Cut     bool
		Seconds float64
	}
	d := json.NewDecoder(bytes.NewReader(out.Bytes()))
	d.UseNumber()
	if err := d.Decode(&got); err != nil {
		t.Fatalf("%v in %s", err, out.Bytes())
	}
	n := func(s string) json.Number { return json.Number(s) }
	want := map[string]any{
		"small": n("1"), "exact": n("9007199254740992"), "large": "9007199254740993", "low": "-9007199254740993",
		"huge": "170141183460469231731687303715884105727", "total": n("7"), "d": n("1.5"), "inf": "+Inf", "dec": "12.3",
		"yes": true, "none": nil, "text": "a \"b\" \\ ü\n", "list": []any{n("1"), nil, n("3")},
		"struct": map[string]any{"a": n("1"), "b": "x"}, "map": map[string]any{"k": n("2")}, "blob": "6162",
		"ns": "2023-11-14T22:13:20.123456789Z", "us": "2023-01-02T03:04:05.678901Z", "day": "2023-01-02", "twice": n("1"), "twice_1": n("2"),
	}
	if diff := cmp.Diff([]map[string]any{want}, got.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if got.Count != 1 || got.Cut || got.Seconds <= 0 || len(got.Columns) != len(want) || got.Columns[0] != (query.Column{Name: "small", Type: "UTINYINT"}) {
		t.Errorf("%+v", got)
	}
}

func TestCSV(t *testing.T) {
	e, _ := engine(t, limits)
	var out bytes.Buffer
	if err := e.Run(t.Context(), everyType, query.CSV(&out)); err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"small", "exact", "large", "low", "huge", "total", "d", "inf", "dec", "yes", "none", "text", "list", "struct", "map", "blob", "ns", "us", "day", "twice", "twice_1"},
		{"1", "9007199254740992", "9007199254740993", "-9007199254740993", "170141183460469231731687303715884105727", "7", "1.5", "+Inf", "12.3", "true", "",
			"a \"b\" \\ ü\n", "[1,null,3]", `{"a":1,"b":"x"}`, `{"k":2}`, "6162", "2023-11-14T22:13:20.123456789Z", "2023-01-02T03:04:05.678901Z", "2023-01-02", "1", "2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnEmptyAnswerIsOne(t *testing.T) {
	e, _ := engine(t, limits)
	var j, c bytes.Buffer
	const none = "SELECT 1 AS a WHERE false"
	if err := e.Run(t.Context(), none, query.JSON(&j)); err != nil || !json.Valid(j.Bytes()) || !strings.Contains(j.String(), `"row_count":0`) {
		t.Errorf("%v: %s", err, j.String())
	}
	if err := e.Run(t.Context(), none, query.CSV(&c)); err != nil || c.String() != "a\n" {
		t.Errorf("%v: %q", err, c.String())
	}
}
