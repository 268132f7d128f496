package ager

import (
	"io"

	"netstream/pipeline/checkpoints"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/update"
	"netstream/services/ager/internal/flows"
)

// snapshot is the state of a worker at the end of a step. It is a copy, or what never changes: it can be written while the
// worker goes on.
type snapshot struct {
	description
	tables []tableSnapshot
	held   []heldRun
	books  ledger.Rows
	flows  int
}

// tableSnapshot is the live flows of a monitor of a source.
type tableSnapshot interface {
	Len() int
	write(*checkpoints.Writer) error
}

// heldRun is updates of a source that wait for their window.
type heldRun struct {
	run
	window  int64 // under which they are filed: late ones under another than their own
	source  uint16
	monitor uint8
}

// fileRows is how many rows an entry of a checkpoint has.
const fileRows = 1 << 16

// snapshot copies the state.
func (w *worker) snapshot() *snapshot {
	e := w.emitter
	s := &snapshot{description: description{
		Version: checkpointVersion,
		Shard:   w.shard, Stream: e.stream, Created: w.created, Position: e.position, Number: e.number,
		Replay: [2]uint64{e.replay.sequence, e.replay.number},
	}}
	for _, d := range w.monitors.list {
		s.Monitors = append(s.Monitors, d.String())
	}
	for i, src := range w.order {
		d := describedSource{Name: src.name, Clock: src.clock, Idle: src.idle}
		for _, m := range src.marks {
			d.Marks = append(d.Marks, describedMark{Time: m.Time, Ended: m.Ended, Live: m.Live})
		}
		s.Sources = append(s.Sources, d)
		src.upstream.Append(&s.books)
		for _, b := range src.books {
			s.books.Append(&b.in)
			s.books.Append(&b.out)
		}
		for _, k := range src.kinds {
			if k != nil && k.live() > 0 {
				s.tables = append(s.tables, k.snapshot(uint16(i)))
				s.flows += k.live()
			}
		}
		for _, h := range src.held {
			for _, r := range h.runs {
				s.held = append(s.held, heldRun{r.kind.share(r), h.window, uint16(i), r.kind.number()})
			}
		}
	}
	return s
}

// write writes the snapshot as a checkpoint.
func (s *snapshot) write(to io.Writer) error {
	w, err := checkpoints.NewWriter(to, &s.description)
	if err != nil {
		return err
	}
	for _, t := range s.tables {
		if err := t.write(w); err != nil {
			return err
		}
	}
	ipv4, ipv6, wide := heldRows[key.IPv4]{rows: update.NewIPv4()}, heldRows[key.IPv6]{rows: update.NewIPv6()}, heldRows[key.Wide]{rows: update.NewWide()}
	for _, r := range s.held {
		switch rows := r.rows.(type) {
		case *update.Rows[key.IPv4]:
			err = ipv4.add(w, rows, r)
		case *update.Rows[key.IPv6]:
			err = ipv6.add(w, rows, r)
		case *update.Rows[key.Wide]:
			err = wide.add(w, rows, r)
		}
		if err != nil {
			return err
		}
	}
	for _, flush := range []func(*checkpoints.Writer) error{ipv4.flush, ipv6.flush, wide.flush} {
		if err := flush(w); err != nil {
			return err
		}
	}
	if err := w.Add(ledgerSection, ledger.Schema, s.books.Columns()); err != nil {
		return err
	}
	return w.Close()
}

// heldRows gathers held updates of one class.
type heldRows[K key.Key[K]] struct{ rows *update.Rows[K] }

func (h *heldRows[K]) add(w *checkpoints.Writer, rows *update.Rows[K], r heldRun) error {
	sampled, collects := rows.Sums.Present(), r.lo < r.hi && rows.Values.Has(r.lo)
	if h.rows.Len() > 0 && (h.rows.Len() >= fileRows || h.rows.Sums.Present() != sampled || h.rows.Values.Has(0) != collects) {
		if err := h.flush(w); err != nil {
			return err
		}
	}
	var u update.Row[K]
	for i := r.lo; i < r.hi; i++ {
		rows.Read(i, &u)
		u.Source, u.Monitor, u.Window = r.source, r.monitor, r.window
		h.rows.Append(&u, sampled)
	}
	return nil
}

func (h *heldRows[K]) flush(w *checkpoints.Writer) error {
	if h.rows.Len() == 0 {
		return nil
	}
	defer h.rows.Reset()
	return w.Add(updatesSection, h.rows.Schema(), h.rows.Columns())
}

// flowsSnapshot is a tableSnapshot of keys K.
type flowsSnapshot[K key.Key[K]] struct {
	*flows.Snapshot[K]
	rows    *flow.Rows[K]
	source  uint16
	monitor uint8
}

func (k *keyed[K]) number() uint8 { return k.monitor }

func (k *keyed[K]) share(r run) run {
	r.rows = r.rows.(*update.Rows[K]).Share()
	return r
}

func (k *keyed[K]) snapshot(source uint16) tableSnapshot {
	return &flowsSnapshot[K]{k.table.Snapshot(), k.empty(), source, k.monitor}
}

func (s *flowsSnapshot[K]) write(w *checkpoints.Writer) error {
	flush := func() error {
		defer s.rows.Reset()
		return w.Add(flowsSection, s.rows.Schema(), s.rows.Columns())
	}
	if err := s.Each(func(f *flow.Row[K]) error {
		f.Source, f.Monitor = s.source, s.monitor
		s.rows.Append(f, s.Sampled())
		if s.rows.Len() == fileRows {
			return flush()
		}
		return nil
	}); err != nil || s.rows.Len() == 0 {
		return err
	}
	return flush()
}
