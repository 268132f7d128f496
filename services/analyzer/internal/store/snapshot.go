package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/duckdb/duckdb-go/v2"
)

// Snapshot runs f in a transaction that sees one state of the database and can't change it.
func (s *Store) Snapshot(ctx context.Context, f func(*sql.Conn) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return explain(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN TRANSACTION READ ONLY"); err != nil {
		return explain(err)
	}
	err = f(conn)
	_, end := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	return explain(errors.Join(err, end))
}

// Batches runs a query and gives f its result batch by batch. A batch is valid until f returns.
func Batches(ctx context.Context, conn *sql.Conn, query string, args []any, f func(arrow.RecordBatch) error) error {
	return raw(conn, func(c driver.Conn) error {
		arr, err := duckdb.NewArrowFromConn(c)
		if err != nil {
			return err
		}
		reader, err := arr.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer reader.Release()
		for reader.Next() {
			if err := f(reader.RecordBatch()); err != nil {
				return err
			}
		}
		return reader.Err()
	})
}
