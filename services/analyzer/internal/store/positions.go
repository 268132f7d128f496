package store

import "context"

// Shard is one shard of a stream.
type Shard struct {
	Stream string
	Number int
}

// Position is how far a shard is landed.
type Position struct {
	Sequence uint64 // of the last message
	Number   uint64 // of the last flow; 0 if the stream's rows have no numbers
}

// Positions reads all positions.
func (s *Store) Positions(ctx context.Context) (map[Shard]Position, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT stream, shard, sequence, number FROM positions`)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	out := map[Shard]Position{}
	for rows.Next() {
		var k Shard
		var p Position
		if err := rows.Scan(&k.Stream, &k.Number, &p.Sequence, &p.Number); err != nil {
			return nil, err
		}
		out[k] = p
	}
	return out, rows.Err()
}

// upsertPositions writes positions within the open transaction.
func (s *Store) upsertPositions(ctx context.Context, positions map[Shard]Position) error {
	for k, p := range positions {
		_, err := s.landing.ExecContext(ctx, `
			INSERT INTO positions VALUES (?, ?, ?, ?)
			ON CONFLICT (stream, shard) DO UPDATE SET sequence = excluded.sequence, number = excluded.number`,
			k.Stream, k.Number, p.Sequence, p.Number)
		if err != nil {
			return err
		}
	}
	return nil
}
