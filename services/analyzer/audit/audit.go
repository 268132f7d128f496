// Package audit closes the books: for each source it compares, hop by hop, what one stage gave with what the next one
// took, down to the rows in the database.
//
//	sampler -> flow cache -> ager -> database
//
// The counters are those of the loss ledger, which rode in the messages that carry the data. The last hop is computed
// from the rows themselves: their number, their sums and the digest of all their columns that a flow has.
package audit

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"netstream/schemas/ledger"
	"netstream/schemas/uint128"
	"netstream/services/analyzer/internal/store"
)

// Counts are one side of a hop.
type Counts struct {
	Packets uint64          `json:"packets"`
	Bytes   uint64          `json:"bytes"`
	Rows    uint64          `json:"rows"`
	Digest  uint128.Uint128 `json:"-"`
}

// add adds a counter.
func (c *Counts) add(e *ledger.Entry) {
	c.Packets += e.Packets
	c.Bytes += e.Bytes
	c.Rows += e.Rows
	c.Digest = c.Digest.Add(e.Digest)
}

// join adds other counts.
func (c *Counts) join(o Counts) {
	c.Packets, c.Bytes, c.Rows, c.Digest = c.Packets+o.Packets, c.Bytes+o.Bytes, c.Rows+o.Rows, c.Digest.Add(o.Digest)
}

// State is the verdict on a line.
type State string

const (
	Closes State = "closes"
	Open   State = "open"  // the source is live and something is on its way between the two
	Fails  State = "fails" // something is lost, doubled or altered
)

// Line is one hop of one source.
type Line struct {
	Source  string `json:"source"`
	Hop     string `json:"hop"`
	Monitor string `json:"monitor,omitempty"` // empty: the line is of the source as a whole
	Left    Counts `json:"left"`
	Right   Counts `json:"right"`
	State   State  `json:"state"`
	Detail  string `json:"detail,omitempty"` // what differs, in words; empty when it closes
}

// Report is the outcome of an audit, sources in order of their names, hops in flow order.
type Report struct {
	Lines []Line `json:"lines"`
}

// Failed is the first line that fails; nil if none does.
func (r *Report) Failed() *Line {
	for i := range r.Lines {
		if r.Lines[i].State == Fails {
			return &r.Lines[i]
		}
	}
	return nil
}

// Err names the first hop that fails.
func (r *Report) Err() error {
	if l := r.Failed(); l != nil {
		at := l.Hop
		if l.Monitor != "" {
			at += ", monitor " + l.Monitor
		}
		return fmt.Errorf("the books of source %s don't close at hop %s: %s", l.Source, at, l.Detail)
	}
	return nil
}

// File audits a database file that no process holds.
func File(ctx context.Context, path string) (*Report, error) {
	s, err := store.Open(ctx, store.Options{Path: path, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	report, err := Store(ctx, s)
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	return report, err
}

// Store audits an open database, at one moment of it.
func Store(ctx context.Context, s *store.Store) (*Report, error) {
	report := &Report{}
	err := s.Snapshot(ctx, func(conn *sql.Conn) error {
		entries, err := store.Ledger(ctx, conn)
		if err != nil {
			return err
		}
		landed, monitors, err := landedRows(ctx, conn)
		if err != nil {
			return err
		}
		shards, err := store.FlowShards(ctx, conn)
		if err != nil {
			return err
		}
		report.Lines = closeBooks(entries, landed, monitors, shards)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("audit %s: %w", s.Path(), err)
	}
	return report, nil
}

// String is a table for people.
func (r *Report) String() string {
	var b strings.Builder
	for _, l := range r.Lines {
		hop := l.Hop
		if l.Monitor != "" {
			hop += " (" + l.Monitor + ")"
		}
		fmt.Fprintf(&b, "%-8s %-32s %s", l.State, hop, l.Source)
		if l.Detail != "" {
			fmt.Fprintf(&b, ": %s", l.Detail)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
