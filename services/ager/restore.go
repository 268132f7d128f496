package ager

import (
	"errors"
	"fmt"
	"io"

	"netstream/pipeline/checkpoints"
	"netstream/schemas/commit"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/monitor"
	"netstream/schemas/update"
)

// restorable are the rows of a checkpoint.
var restorable = []string{
	flowsSection + "/" + flow.SchemaIPv4, flowsSection + "/" + flow.SchemaIPv6, flowsSection + "/" + flow.SchemaWide,
	updatesSection + "/" + update.SchemaIPv4, updatesSection + "/" + update.SchemaIPv6, updatesSection + "/" + update.SchemaWide,
	ledgerSection + "/" + ledger.Schema,
}

// restore builds the state of a worker from a checkpoint. What was built is of no use after an error.
func (w *worker) restore(r *checkpoints.Reader, d *description) error {
	e := w.emitter
	e.number, e.position, e.replay = d.Number, d.Position, point{d.Replay[0], d.Replay[1]}
	*w.monitors = roster{}
	var numbers []uint8
	for _, text := range d.Monitors {
		definition, err := monitor.Parse(text)
		if err != nil {
			return err
		}
		n, err := w.monitors.number(definition)
		if err != nil {
			return err
		}
		numbers = append(numbers, n)
	}
	names := make([]string, len(d.Sources))
	for i, src := range d.Sources {
		names[i] = src.Name
		s := w.source(src.Name)
		s.clock, s.idle, s.touched = src.Clock, src.Idle, true
		if len(src.Marks) != len(s.marks) {
			return fmt.Errorf("%w: source %s has watermarks of %d packet shards, want %d", checkpoints.ErrBad, src.Name, len(src.Marks), len(s.marks))
		}
		for p, m := range src.Marks {
			s.marks[p] = commit.Watermark{Source: src.Name, Time: m.Time, Ended: m.Ended, Live: m.Live}
		}
	}
	for {
		section, part, err := r.Next(restorable...)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case section == ledgerSection:
			err = w.restoreBooks(part)
		case section == updatesSection:
			err = w.holdPart(part, names, numbers)
		case part.Schema == flow.SchemaIPv4:
			err = restore(w, part, flow.NewIPv4(), names)
		case part.Schema == flow.SchemaIPv6:
			err = restore(w, part, flow.NewIPv6(), names)
		default:
			err = restore(w, part, flow.NewWide(), names)
		}
		if err != nil {
			return err
		}
	}
}

// restore puts flows back into their tables.
func restore[K key.Key[K]](w *worker, p message.Part, rows *flow.Rows[K], names []string) error {
	if err := p.Read(rows.Columns()); err != nil {
		return err
	}
	if err := rows.Check(len(names), len(w.monitors.list)); err != nil {
		return err
	}
	sampled := rows.Sums.Present()
	var f flow.Row[K]
	for i := range rows.Len() {
		rows.Read(i, &f)
		s := w.source(names[f.Source])
		k, ok := w.kind(s, f.Monitor).(*keyed[K])
		switch {
		case !ok || k.table.Collects() != (f.Values != nil):
			return fmt.Errorf("%w: %s row %d: not a record of monitor %s", checkpoints.ErrBad, p.Schema, i, w.monitors.list[f.Monitor])
		case f.Packets == 0 || f.First > f.Last || f.Last >= s.clock:
			return fmt.Errorf("%w: %s row %d: %d packets from %d to %d at %d", checkpoints.ErrBad, p.Schema, i, f.Packets, f.First, f.Last, s.clock)
		case !k.table.Restore(&f, f.Key.Hash(k.flowSeed), sampled, s.clock):
			return fmt.Errorf("%w: %s row %d: a flow is there twice", checkpoints.ErrBad, p.Schema, i)
		}
	}
	return nil
}

// restoreBooks puts the counters back; those of held updates are counted in them already.
func (w *worker) restoreBooks(p message.Part) error {
	var rows ledger.Rows
	if err := p.Read(rows.Columns()); err != nil {
		return err
	}
	for i := range rows.Len() {
		e := rows.At(i)
		s := w.source(e.Source)
		switch {
		case e.Hop != ledger.Ager:
			s.upstream.Put(e)
		case e.Name == ledger.In:
			s.book(e.Monitor).in = e
		case e.Name == ledger.Out:
			s.book(e.Monitor).out = e
		}
	}
	return nil
}
