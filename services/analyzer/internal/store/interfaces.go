package store

import (
	"context"
	"errors"

	"netstream/pipeline/interfaces"
)

// SetInterfaces makes the table interfaces what a configuration says: a row for each, with source NULL for those of every source.
func (s *Store) SetInterfaces(ctx context.Context, list interfaces.Config) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `CREATE OR REPLACE TABLE interfaces (source VARCHAR, if_index UINTEGER NOT NULL, name VARCHAR NOT NULL, description VARCHAR, speed UBIGINT, vrf UINTEGER)`); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	for _, i := range list {
		if _, err := tx.ExecContext(ctx, `INSERT INTO interfaces VALUES (nullif(?, ''), ?, ?, nullif(?, ''), nullif(?, 0), nullif(?, 0))`,
			i.Source, i.Index, i.Name, i.Description, uint64(i.Speed), i.VRF); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}
