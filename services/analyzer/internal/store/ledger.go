package store

import (
	"context"
	"database/sql"

	"netstream/schemas/ledger"
)

// Ledger reads the latest value of each counter, ordered by source, hop, shard, monitor and name.
func Ledger(ctx context.Context, conn *sql.Conn) ([]ledger.Entry, error) {
	rows, err := conn.QueryContext(ctx, `
		SELECT source, hop, shard, monitor, name, packets, bytes, rows, digest_hi, digest_lo
		FROM ledger ORDER BY source, hop, shard, monitor, name`)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var out []ledger.Entry
	for rows.Next() {
		var e ledger.Entry
		if err := rows.Scan(&e.Source, &e.Hop, &e.Shard, &e.Monitor, &e.Name, &e.Packets, &e.Bytes, &e.Rows, &e.Digest.Hi, &e.Digest.Lo); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}
