// Package control is what an operator or the wall clock decided about flows: it stands in the log, so that all agers act
// on it at the same place, in a replay too.
package control

import (
	"errors"
	"fmt"

	"netstream/schemas/columns"
	"netstream/schemas/commit"
	"netstream/schemas/message"
	"netstream/schemas/subject"
	"netstream/schemas/window"
)

// Schema is the schema's name, with the major version.
const Schema = "control/1"

// Action is what to do.
type Action uint8

// Actions.
const (
	Force Action = 1 // end live flows
	Idle  Action = 2 // move the clock of a live source that is silent
)

var actionNames = [...]string{"unknown", "force", "idle"}

// String is the action's name.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return actionNames[0]
}

// Row is one decision.
type Row struct {
	Action  Action
	Source  string // empty: all, of force only
	Monitor string // name, of force only; empty: all
	Filter  string // expression over the key, of force only; empty: all flows
	Time    int64  // ns since the epoch: of idle, what the source's clock is moved on to; of force commit.NoTime
}

// ErrRow is met when a row says what can't be done.
var ErrRow = errors.New("bad control row")

// MaxFilter is how many bytes a filter may have.
const MaxFilter = 4096

// Check refuses a row that says what can't be done. What its filter says is not looked at.
func (r *Row) Check() error {
	for _, name := range []string{r.Source, r.Monitor} {
		if err := subject.Valid(name); name != "" && err != nil {
			return fmt.Errorf("%w: %s: %w", ErrRow, r.Action, err)
		}
	}
	switch {
	case len(r.Filter) > MaxFilter:
		return fmt.Errorf("%w: %s: a filter of %d bytes, want at most %d", ErrRow, r.Action, len(r.Filter), MaxFilter)
	case r.Action == Force && r.Time != commit.NoTime:
		return fmt.Errorf("%w: force at time %d, want none: it acts where it stands in the log", ErrRow, r.Time)
	case r.Action == Idle && (r.Source == "" || r.Monitor != "" || r.Filter != ""):
		return fmt.Errorf("%w: idle of source %q, monitor %q, filter %q, want a source alone", ErrRow, r.Source, r.Monitor, r.Filter)
	case r.Action == Idle && (r.Time < 0 || r.Time > window.MaxTime):
		return fmt.Errorf("%w: idle: time %d, want 0 to %d", ErrRow, r.Time, window.MaxTime)
	case r.Action != Force && r.Action != Idle:
		return fmt.Errorf("%w: action %d", ErrRow, r.Action)
	}
	return nil
}

// Rows holds decisions, a slice a column.
type Rows struct {
	action                  []uint8
	source, monitor, filter columns.Binary
	time                    []int64
}

// Len is the number of rows.
func (r *Rows) Len() int { return len(r.action) }

// Append adds one.
func (r *Rows) Append(row Row) {
	r.action = append(r.action, uint8(row.Action))
	r.source.Append([]byte(row.Source))
	r.monitor.Append([]byte(row.Monitor))
	r.filter.Append([]byte(row.Filter))
	r.time = append(r.time, row.Time)
}

// At is row i.
func (r *Rows) At(i int) Row {
	return Row{
		Action: Action(r.action[i]), Source: string(r.source.At(i)), Monitor: string(r.monitor.At(i)), Filter: string(r.filter.At(i)),
		Time: r.time[i],
	}
}

// Reset empties the rows and keeps their memory.
func (r *Rows) Reset() {
	r.action, r.time = r.action[:0], r.time[:0]
	r.source.Reset()
	r.monitor.Reset()
	r.filter.Reset()
}

// Columns lists the columns.
func (r *Rows) Columns() []columns.Column {
	return []columns.Column{
		columns.Of("action", &r.action), columns.Bytes("source", &r.source), columns.Bytes("monitor", &r.monitor),
		columns.Bytes("filter", &r.filter), columns.Of("time", &r.time),
	}
}

// Write makes the body of a message, and its header.
func Write(rows []Row) (message.Header, []byte, error) {
	var out Rows
	for _, r := range rows {
		out.Append(r)
	}
	var body message.Body
	if err := body.Add(Schema, out.Columns()); err != nil {
		return nil, nil, err
	}
	return message.Header{message.Streams: {body.Streams()}}, body.Bytes(), nil
}

// Read reads the rows of a message. They are not checked.
func Read(h message.Header, body []byte) ([]Row, error) {
	parts, err := message.Parts(h, body, Schema)
	if err != nil {
		return nil, err
	}
	var out []Row
	for _, p := range parts {
		var rows Rows
		if err := p.Read(rows.Columns()); err != nil {
			return nil, err
		}
		for i := range rows.Len() {
			out = append(out, rows.At(i))
		}
	}
	return out, nil
}
