package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
)

// SetFlowShards records how many flow shards the pipeline has: a source has ended when it has ended on all of them.
func (s *Store) SetFlowShards(ctx context.Context, n int) error {
	return explain(s.transaction(ctx, func() error {
		_, err := s.landing.ExecContext(ctx, `INSERT INTO meta VALUES ('flow_shards', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, strconv.Itoa(n))
		return err
	}))
}

// FlowShards reads that number; 0 if nobody recorded it.
func FlowShards(ctx context.Context, conn *sql.Conn) (n int, err error) {
	err = conn.QueryRowContext(ctx, `SELECT value::INTEGER FROM meta WHERE key = 'flow_shards'`).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}
