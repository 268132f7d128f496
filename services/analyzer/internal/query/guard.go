package query

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
)

// ErrRefused is met when a statement is something else than one question.
var ErrRefused = errors.New("refused")

// maxLength bounds a statement, in bytes.
const maxLength = 64 << 10

// tableFunctions are those a question may name. All others are refused: some read files, some write (checkpoint), some
// run text as SQL (query), and what a new version of DuckDB brings is unknown.
var tableFunctions = []string{
	"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree",
	"duckdb_columns", "duckdb_tables", "duckdb_views", "duckdb_functions", "duckdb_types", "duckdb_keywords",
	"duckdb_settings", "duckdb_memory", "duckdb_schemas", "duckdb_constraints",
	"pragma_table_info", "pragma_storage_info", "pragma_database_size", "pragma_version", "pg_timezone_names",
}

// scalarFunctions are those it may not: they have effects beyond their value.
var scalarFunctions = []string{"nextval", "currval", "setseed", "write_log", "sleep_ms", "json_execute_serialized_sql"}

// explain is the beginning of a statement that asks for a plan; the rest must be a question itself.
var explainPrefix = regexp.MustCompile(`(?i)^\s*explain\s+(analyze\s+)?`)

// guard refuses what is not exactly one question: SELECT, FROM, VALUES, WITH, DESCRIBE, SHOW, SUMMARIZE, or EXPLAIN of
// one of them. It says whether the statement can stand in a subquery, where its result is limited.
//
// It is one of three walls. The others: the statement runs in a read-only transaction, and the database was opened
// without access to files, network, extensions and settings.
func guard(ctx context.Context, conn *sql.Conn, statement string) (limitable bool, err error) {
	if len(statement) > maxLength {
		return false, fmt.Errorf("%w: the statement has %d bytes, want at most %d", ErrRefused, len(statement), maxLength)
	}
	if strings.ContainsRune(statement, 0) {
		return false, fmt.Errorf("%w: the statement has a NUL character", ErrRefused)
	}
	question := statement
	if prefix := explainPrefix.FindString(statement); prefix != "" {
		question = statement[len(prefix):]
	}
	if err := checkTree(ctx, conn, question); err != nil {
		return false, err
	}
	// The tree above is the parser's own view. This asks DuckDB once more what it would run.
	return len(question) == len(statement), checkKind(conn, statement)
}

// tree is what json_serialize_sql answers.
type tree struct {
	Error      bool              `json:"error"`
	Type       string            `json:"error_type"`
	Message    string            `json:"error_message"`
	Statements []json.RawMessage `json:"statements"`
}

// checkTree looks at the syntax tree of a statement without running or binding it.
func checkTree(ctx context.Context, conn *sql.Conn, statement string) error {
	var text string
	if err := conn.QueryRowContext(ctx, "SELECT json_serialize_sql(?::VARCHAR)::VARCHAR", statement).Scan(&text); err != nil {
		return err
	}
	var t tree
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return fmt.Errorf("%w: its syntax tree can't be read (%w)", ErrRefused, err)
	}
	switch {
	case t.Error && t.Type == "parser":
		return fmt.Errorf("%w: %s", errSyntax, t.Message)
	case t.Error:
		return fmt.Errorf("%w: only questions are answered here: SELECT, FROM, VALUES, WITH, DESCRIBE, SHOW, SUMMARIZE, EXPLAIN", ErrRefused)
	case len(t.Statements) != 1:
		return fmt.Errorf("%w: %d statements, want one", ErrRefused, len(t.Statements))
	}
	var node any
	if err := json.Unmarshal(t.Statements[0], &node); err != nil {
		return fmt.Errorf("%w: its syntax tree can't be read (%w)", ErrRefused, err)
	}
	return checkNode(node)
}

// errSyntax is met when the statement is no SQL.
var errSyntax = errors.New("not SQL")

// checkNode refuses functions that may not be named, anywhere in the tree.
func checkNode(node any) error {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			if err := checkNode(child); err != nil {
				return err
			}
		}
	case map[string]any:
		if n["type"] == "TABLE_FUNCTION" {
			f, _ := n["function"].(map[string]any)
			name, _ := f["function_name"].(string)
			if !slices.Contains(tableFunctions, strings.ToLower(name)) {
				return fmt.Errorf("%w: table function %s, want one of %s", ErrRefused, name, strings.Join(tableFunctions, ", "))
			}
		}
		if name, ok := n["function_name"].(string); ok && slices.Contains(scalarFunctions, strings.ToLower(name)) {
			return fmt.Errorf("%w: function %s", ErrRefused, name)
		}
		for _, child := range n {
			if err := checkNode(child); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkKind prepares the statement, which runs nothing, and asks for its kind.
func checkKind(conn *sql.Conn, statement string) error {
	return conn.Raw(func(c any) error {
		prepared, err := c.(driver.Conn).Prepare(statement) // an error when there are several statements
		if err != nil {
			return err
		}
		defer prepared.Close()
		kind, err := prepared.(*duckdb.Stmt).StatementType()
		if err != nil {
			return err
		}
		if kind != duckdb.STATEMENT_TYPE_SELECT && kind != duckdb.STATEMENT_TYPE_EXPLAIN {
			return fmt.Errorf("%w: only questions are answered here", ErrRefused)
		}
		return nil
	})
}
