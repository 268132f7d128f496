package store

import (
	"context"
	"database/sql"
)

// Names reads the names of sources and monitors by their numbers.
func Names(ctx context.Context, conn *sql.Conn) (sources map[uint32]string, monitors map[uint16]string, err error) {
	rows, err := conn.QueryContext(ctx, `SELECT true, id, name FROM sources UNION ALL SELECT false, id, name FROM monitors`)
	if err != nil {
		return nil, nil, explain(err)
	}
	defer rows.Close()
	sources, monitors = map[uint32]string{}, map[uint16]string{}
	for rows.Next() {
		var source bool
		var id uint32
		var name string
		if err := rows.Scan(&source, &id, &name); err != nil {
			return nil, nil, err
		}
		if source {
			sources[id] = name
		} else {
			monitors[uint16(id)] = name
		}
	}
	return sources, monitors, rows.Err()
}
