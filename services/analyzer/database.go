package analyzer

import (
	"context"
	"io"
	"time"

	"netstream/services/analyzer/audit"
	"netstream/services/analyzer/internal/query"
	"netstream/services/analyzer/internal/questions"
	"netstream/services/analyzer/internal/store"
)

// Table is an answer in memory.
type Table = query.Table

// Sink takes an answer row by row.
type Sink = query.Sink

// JSON writes an answer as one JSON object: columns, rows, row_count, cut, seconds.
func JSON(w io.Writer) Sink { return query.JSON(w) }

// CSV writes an answer as CSV with a header line.
func CSV(w io.Writer) Sink { return query.CSV(w) }

// Question is one of the questions people ask most.
type Question = questions.Question

// Questions lists them.
func Questions() []Question { return questions.All() }

// Database answers questions.
type Database struct {
	store  *store.Store
	engine *query.Engine
	owned  bool
}

// Open opens a database file that no analyzer runs on, to ask and to audit; it can't be changed through it. store
// errors say whether the file is in use.
func Open(ctx context.Context, path string) (*Database, error) {
	s, err := store.Open(ctx, store.Options{Path: path, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	// Who owns the file and waits at a terminal needs no limit but their patience.
	limits := query.Limits{Time: 24 * time.Hour, Rows: 100_000_000, Bytes: 1 << 40, Queries: 1}
	return &Database{store: s, engine: query.New(s, limits), owned: true}, nil
}

// ErrInUse is met by Open when another process holds the file: ask that one.
var ErrInUse = store.ErrInUse

// Query answers one SQL statement.
func (d *Database) Query(ctx context.Context, sql string, sink Sink) error {
	return d.engine.Run(ctx, sql, sink)
}

// Ask answers one of the questions. Parameters are as in its list, given as text.
func (d *Database) Ask(ctx context.Context, question string, parameters map[string]string, sink Sink) error {
	q, err := questions.Find(question)
	if err != nil {
		return err
	}
	sql, err := q.Bind(parameters)
	if err != nil {
		return err
	}
	return d.engine.Run(ctx, sql, sink)
}

// Audit closes the books over every hop, at one moment of the database.
func (d *Database) Audit(ctx context.Context) (*audit.Report, error) {
	return audit.Store(ctx, d.store)
}

// Close closes a database that Open opened.
func (d *Database) Close() error {
	if !d.owned {
		return nil
	}
	return d.store.Close()
}
