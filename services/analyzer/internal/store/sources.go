package store

import (
	"context"
	"database/sql"
	"fmt"

	"netstream/schemas/monitor"
)

// Names reads the names of sources and the definitions of monitors by their numbers.
func Names(ctx context.Context, conn *sql.Conn) (sources map[uint32]string, monitors map[uint16]monitor.Definition, err error) {
	rows, err := conn.QueryContext(ctx, `SELECT true, id, name FROM sources UNION ALL SELECT false, id, definition FROM monitors`)
	if err != nil {
		return nil, nil, explain(err)
	}
	defer rows.Close()
	sources, monitors = map[uint32]string{}, map[uint16]monitor.Definition{}
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
			if monitors[uint16(id)], err = monitor.Parse(name); err != nil {
				return nil, nil, fmt.Errorf("table monitors, id %d: %w", id, err)
			}
		}
	}
	return sources, monitors, rows.Err()
}
