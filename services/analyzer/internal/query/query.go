// Package query answers SQL questions about the database, and nothing but questions: within limits of time and rows,
// and without a way to change anything or to reach a file.
package query

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"netstream/services/analyzer/internal/store"
)

// ErrTimeout is met when a question takes longer than the limit.
var ErrTimeout = errors.New("the question took too long")

// ErrBusy is met when all places for questions stay taken.
var ErrBusy = errors.New("too many questions at a time")

// Limits of questions.
type Limits struct {
	Time    time.Duration // of one question, waiting for a place included
	Rows    int           // of one answer; the rest is cut off, and said so
	Bytes   int64         // of one answer as written, about; the rest is cut off too
	Queries int           // at a time
}

// Column is one column of an answer.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // as DuckDB names it
}

// Sink takes an answer. Names of columns differ: DuckDB renames a second x to x_1.
type Sink interface {
	// Start is told the columns, once, before all rows.
	Start([]Column) error
	// Row takes one row; the values are the driver's, and the slice is reused. It returns the bytes written.
	Row(values []any) (int, error)
	// End is told how many rows there were and whether more were cut off.
	End(rows int, cut bool) error
}

// Engine answers questions from one database.
type Engine struct {
	store  *store.Store
	limits Limits
	places chan struct{}
}

// New makes an engine.
func New(s *store.Store, limits Limits) *Engine {
	return &Engine{store: s, limits: limits, places: make(chan struct{}, limits.Queries)}
}

// Run answers one statement.
func (e *Engine) Run(ctx context.Context, statement string, sink Sink) error {
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, e.limits.Time)
	defer cancel()
	select {
	case e.places <- struct{}{}:
		defer func() { <-e.places }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %d are being answered; ask again later", ErrBusy, e.limits.Queries)
	}
	err := e.store.Snapshot(ctx, func(conn *sql.Conn) error { return e.answer(ctx, conn, statement, sink) })
	if err != nil && ctx.Err() != nil && parent.Err() == nil {
		return fmt.Errorf("%w: more than %s; ask for a shorter time or fewer flows, or raise analyzer.api.time_limit", ErrTimeout, e.limits.Time)
	}
	return err
}

func (e *Engine) answer(ctx context.Context, conn *sql.Conn, statement string, sink Sink) error {
	limitable, err := guard(ctx, conn, statement)
	if err != nil {
		return err
	}
	if limitable {
		// A result is held in memory whole before its first row comes, so it must be cut inside. The line break ends a
		// comment at the end of the statement.
		statement = trimEnd(statement)
		statement = fmt.Sprintf("FROM (%s\n) LIMIT %d", statement, e.limits.Rows+1)
		if err := checkTree(ctx, conn, statement); err != nil {
			return err
		}
	}
	rows, err := conn.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	return e.copy(rows, sink)
}

// copy hands the rows to the sink, up to the limits.
func (e *Engine) copy(rows *sql.Rows, sink Sink) error {
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	columns := make([]Column, len(types))
	for i, t := range types {
		columns[i] = Column{t.Name(), t.DatabaseTypeName()}
	}
	if err := sink.Start(columns); err != nil {
		return err
	}
	values, pointers := make([]any, len(types)), make([]any, len(types))
	for i := range values {
		pointers[i] = &values[i]
	}
	n, size, cut := 0, int64(0), false
	for rows.Next() {
		if cut = n == e.limits.Rows || size > e.limits.Bytes; cut {
			break
		}
		if err := rows.Scan(pointers...); err != nil {
			return err
		}
		written, err := sink.Row(values)
		if err != nil {
			return err
		}
		n++
		size += int64(written)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return sink.End(n, cut)
}
