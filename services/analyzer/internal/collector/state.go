package collector

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/netip"

	"netstream/schemas/wire/nsv9"
	"netstream/services/analyzer/audit"
	"netstream/services/analyzer/internal/store"
)

// Parts of an exporter's state, each a row of the table collector_state.
const (
	partSequences = "sequences"
	partTemplates = "templates"
	partRates     = "rates"
	partParked    = "parked"
)

type sequenceState struct {
	session
	sequence
}

type templateState struct {
	session
	Template nsv9.Template `json:"template"`
}

type rateState struct {
	scope
	Rate uint32 `json:"rate"`
}

// save writes the changed parts of the exporters within the landing transaction.
func (d *Decoder) save(ctx context.Context, tx store.Execer) error {
	for x := range d.touched {
		for part := range x.changed {
			value, err := json.Marshal(x.part(part))
			if err != nil {
				return err
			}
			err = tx.Exec(ctx, `INSERT INTO collector_state VALUES (?, ?, ?, ?)
				ON CONFLICT (exporter, shard, part) DO UPDATE SET value = excluded.value`, x.name, x.shard, part, string(value))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// part is one part of the state as it is written.
func (x *exporter) part(name string) any {
	switch name {
	case partSequences:
		out := []sequenceState{}
		for s, q := range x.sequences {
			out = append(out, sequenceState{s, *q})
		}
		return out
	case partTemplates:
		out := []templateState{}
		for k, t := range x.templates {
			out = append(out, templateState{k.session, t.layout.Template()})
		}
		return out
	case partRates:
		out := []rateState{}
		for s, n := range x.rates {
			out = append(out, rateState{s, n})
		}
		return out
	default:
		return x.parked
	}
}

// load reads the state of all exporters.
func (d *Decoder) load(ctx context.Context) error {
	return d.store.Snapshot(ctx, func(conn *sql.Conn) error {
		rows, err := conn.QueryContext(ctx, `SELECT exporter, shard, part, value FROM collector_state`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name, part, value string
			var shard int
			if err := rows.Scan(&name, &shard, &part, &value); err != nil {
				return err
			}
			addr, err := netip.ParseAddr(name)
			if err != nil {
				return fmt.Errorf("collector_state: %w", err)
			}
			x, err := d.exporter(addr, shard)
			if err != nil {
				return err
			}
			if err := x.restore(part, []byte(value)); err != nil {
				return fmt.Errorf("collector_state: %s of %s: %w", part, name, err)
			}
			d.metrics.Parked.Add(float64(len(x.parked)))
		}
		if err := rows.Err(); err != nil {
			return err
		}
		entries, err := store.Ledger(ctx, conn)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Hop != audit.Collector {
				continue
			}
			addr, err := netip.ParseAddr(e.Source)
			if err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
			x, err := d.exporter(addr, int(e.Shard))
			if err != nil {
				return err
			}
			*x.book(e.Name) = e
		}
		return nil
	})
}

// restore takes one part of the state.
func (x *exporter) restore(part string, value []byte) error {
	switch part {
	case partSequences:
		var in []sequenceState
		if err := json.Unmarshal(value, &in); err != nil {
			return err
		}
		for _, s := range in {
			x.sequences[s.session] = &s.sequence
		}
	case partTemplates:
		var in []templateState
		if err := json.Unmarshal(value, &in); err != nil {
			return err
		}
		for _, s := range in {
			t, err := compile(&s.Template)
			if err != nil {
				return err
			}
			x.templates[templateKey{s.session, s.Template.ID}] = t
		}
	case partRates:
		var in []rateState
		if err := json.Unmarshal(value, &in); err != nil {
			return err
		}
		for _, s := range in {
			x.rates[s.scope] = s.Rate
		}
	case partParked:
		if err := json.Unmarshal(value, &x.parked); err != nil {
			return err
		}
		for _, p := range x.parked {
			x.bytes += len(p.Body)
		}
	default:
		return fmt.Errorf("unknown part %q", part)
	}
	return nil
}
