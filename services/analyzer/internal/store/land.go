package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/duckdb/duckdb-go/v2"

	"netstream/schemas/ledger"
)

// Batch is what one transaction lands: whole messages, with the counters and positions that came with them.
type Batch struct {
	Rows      Rows
	Ledger    map[ledger.Key]ledger.Entry
	Positions map[Shard]Position
	// Also runs within the transaction, for state that must move with rows and positions; nil: nothing.
	Also func(context.Context, Execer) error
	// Retried is told when the transaction is tried again; nil: nobody is.
	Retried func()
}

// Execer runs statements within the landing transaction.
type Execer interface {
	Exec(ctx context.Context, query string, args ...any) error
}

// NewBatch is an empty batch.
func NewBatch() *Batch {
	return &Batch{Ledger: map[ledger.Key]ledger.Entry{}, Positions: map[Shard]Position{}}
}

// Empty tells whether there is nothing to land.
func (b *Batch) Empty() bool { return len(b.Positions) == 0 }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.Rows.Reset()
	clear(b.Ledger)
	clear(b.Positions)
}

// memoryWait bounds how long landing waits for queries to give memory back, well above their own time limit.
const memoryWait = 2 * time.Minute

// Land lands a batch: all of it or, after an error, nothing. The batch stays the caller's. A transaction is finished even
// when ctx has ended, since it is short. When queries have all the memory, Land waits for them and tries again; the end of
// ctx ends that.
func (s *Store) Land(ctx context.Context, b *Batch) error {
	start := time.Now()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := explain(s.land(context.WithoutCancel(ctx), b))
		if err == nil {
			s.keepNames()
			return nil
		}
		err = fmt.Errorf("land %d rows: %w", b.Rows.Len(), err)
		if !errors.Is(err, ErrMemory) || time.Since(start) > memoryWait {
			return err
		}
		if b.Retried != nil {
			b.Retried()
		}
		select {
		case <-ctx.Done():
			return err // not landed, so read again after the next start
		case <-time.After(wait):
		}
	}
}

// land is one transaction.
func (s *Store) land(ctx context.Context, b *Batch) error {
	return s.transaction(ctx, func() error {
		if err := s.insertNames(ctx); err != nil {
			return err
		}
		if err := s.insertRows(ctx, &b.Rows); err != nil {
			return err
		}
		if err := s.upsertLedger(ctx, b.Ledger); err != nil {
			return err
		}
		if b.Also != nil {
			if err := b.Also(ctx, execer{s}); err != nil {
				return err
			}
		}
		return s.upsertPositions(ctx, b.Positions)
	})
}

type execer struct{ s *Store }

func (e execer) Exec(ctx context.Context, query string, args ...any) error {
	_, err := e.s.landing.ExecContext(ctx, query, args...)
	return err
}

// insertRows adds the rows to the smallest table that has all columns they need. Columns without a value are left out.
func (s *Store) insertRows(ctx context.Context, r *Rows) error {
	if r.Len() == 0 {
		return nil
	}
	var in inflow
	table := "flow_rows"
	for i, c := range r.columns() {
		if c.col.Len() != r.Len() {
			return fmt.Errorf("column %s has %d rows, want %d", c.name, c.col.Len(), r.Len())
		}
		if c.col.empty() {
			continue
		}
		in.add(c.name, c.col.array(c.typ))
		switch {
		case i >= wideColumns:
			table = "flow_rows_full"
		case i >= narrowColumns:
			table = "flow_rows_wide"
		}
	}
	names := strings.Join(in.names(), ", ")
	return s.insert(ctx, &in, "INSERT INTO "+table+" ("+names+") SELECT "+names+" FROM inflow")
}

// upsertLedger replaces counters by later values. Those of hops before the ager arrive by several ways and may be
// overtaken: which is the later ledger.Entry.Before tells, and its words here.
func (s *Store) upsertLedger(ctx context.Context, entries map[ledger.Key]ledger.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	var source, hop, monitor, name text
	var shard Column[uint16]
	var packets, bytes, rows, hi, lo Column[uint64]
	for _, e := range entries {
		source.append(e.Source)
		hop.append(e.Hop)
		monitor.append(e.Monitor)
		name.append(e.Name)
		shard.Append(e.Shard)
		packets.Append(e.Packets)
		bytes.Append(e.Bytes)
		rows.Append(e.Rows)
		hi.Append(e.Digest.Hi)
		lo.Append(e.Digest.Lo)
	}
	var in inflow
	in.add("source", source.array())
	in.add("hop", hop.array())
	in.add("shard", shard.array(arrow.PrimitiveTypes.Uint16))
	in.add("monitor", monitor.array())
	in.add("name", name.array())
	for _, c := range []struct {
		name string
		col  *Column[uint64]
	}{{"packets", &packets}, {"bytes", &bytes}, {"rows", &rows}, {"digest_hi", &hi}, {"digest_lo", &lo}} {
		in.add(c.name, c.col.array(arrow.PrimitiveTypes.Uint64))
	}
	return s.insert(ctx, &in, `
		INSERT INTO ledger SELECT source, hop, shard, monitor, name, packets, bytes, rows, digest_hi, digest_lo FROM inflow
		ON CONFLICT (source, hop, shard, monitor, name) DO UPDATE SET
			packets = excluded.packets, bytes = excluded.bytes, rows = excluded.rows,
			digest_hi = excluded.digest_hi, digest_lo = excluded.digest_lo
		WHERE hop NOT IN ('sampler', 'flowcache')
			OR CASE WHEN name = 'held' THEN excluded.rows >= rows ELSE excluded.packets >= packets END`)
}

// inflow is an Arrow record batch on its way into a table.
type inflow struct {
	fields []arrow.Field
	arrays []arrow.Array
}

func (in *inflow) add(name string, a arrow.Array) {
	in.fields = append(in.fields, arrow.Field{Name: name, Type: a.DataType(), Nullable: true})
	in.arrays = append(in.arrays, a)
}

func (in *inflow) names() []string {
	names := make([]string, len(in.fields))
	for i, f := range in.fields {
		names[i] = f.Name
	}
	return names
}

// insert runs a statement that reads the record batch as the view inflow. The driver makes it a view of the catalog, not
// of the connection; it lives within the transaction, so that no other connection ever sees it.
func (s *Store) insert(ctx context.Context, in *inflow, statement string) error {
	schema := arrow.NewSchema(in.fields, nil)
	batch := array.NewRecordBatch(schema, in.arrays, int64(in.arrays[0].Len()))
	reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
	if err != nil {
		return err
	}
	return raw(s.landing, func(c driver.Conn) error {
		arr, err := duckdb.NewArrowFromConn(c)
		if err != nil {
			return err
		}
		release, err := arr.RegisterView(reader, "inflow")
		if err != nil {
			return err
		}
		defer release()
		exec := c.(driver.ExecerContext)
		if _, err := exec.ExecContext(ctx, statement, nil); err != nil {
			return err
		}
		_, err = exec.ExecContext(ctx, "DROP VIEW inflow", nil)
		return err
	})
}
