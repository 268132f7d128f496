// Package state is what an exporter writes to its own subject after each flow message, and reads when it starts: how far
// it is, its clock, and for each destination where its encoder stands and what was counted. FORMAT.md has the layout.
package state

import (
	"fmt"

	"netstream/schemas/columns"
	"netstream/schemas/message"
	"netstream/services/exporter/internal/clock"
	"netstream/services/exporter/internal/encode"
)

// Schema names, with the major version.
const (
	SchemaClock       = "export.clock/1"
	SchemaDestination = "export.destination/1"
	SchemaAggregation = "export.aggregation/1"
)

// Destination is the state of one destination.
type Destination struct {
	Name   string
	After  uint64 // sequence in the flows stream behind which it began to count
	Port   uint16 // local UDP port, 0: none yet
	Cursor encode.Cursor
	Totals Totals
}

// Totals are the books of a destination, since it was first configured. Flows, packets and bytes close:
// in = sent + not carried + unsent.
type Totals struct {
	Sent       encode.Tally // handed to the network
	NotCarried encode.Tally // the format can't carry them, or the destination doesn't want them; no records
	Unsent     encode.Tally // in datagrams that could not be sent

	Datagrams       uint64 // sent
	UnsentDatagrams uint64
	Clamped         uint64 // flows sent with a time that had to be moved
	Interfaces      uint64 // flows sent with interface 65535 for a larger index
	WideAS          uint64 // flows sent with AS_TRANS for an AS number over 65535
}

// In is what came from the flows stream.
func (t *Totals) In() encode.Tally {
	in := t.Sent
	in.Add(t.NotCarried)
	in.Add(t.Unsent)
	return in
}

// Add adds what was done with one more message.
func (t *Totals) Add(o *Totals) {
	t.Sent.Add(o.Sent)
	t.NotCarried.Add(o.NotCarried)
	t.Unsent.Add(o.Unsent)
	t.Datagrams += o.Datagrams
	t.UnsentDatagrams += o.UnsentDatagrams
	t.Clamped += o.Clamped
	t.Interfaces += o.Interfaces
	t.WideAS += o.WideAS
}

// State is the whole of it.
type State struct {
	Position     uint64 // sequence in the flows stream of the last message that was sent
	Clock        clock.Clock
	Destinations []Destination
	Aggregation  Aggregation
	Routes       string // version of the routing table in use behind Position; empty: none
}

// Aggregation is what a restart needs to find the live aggregates again.
type Aggregation struct {
	Settings string // of the modes at work
	Since    uint64 // position behind which these hold: an older checkpoint is of no use
	Empty    uint64 // the last position at which nothing was live: replay may begin there
	EmptyAt  int64  // the clock then, s since 1970; 0: it had not started
}

// Find is the destination of that name, nil if there is none.
func (s *State) Find(name string) *Destination {
	for i := range s.Destinations {
		if s.Destinations[i].Name == name {
			return &s.Destinations[i]
		}
	}
	return nil
}

// Writer makes messages of states; its memory is reused.
type Writer struct {
	clock        clockRows
	destinations destinationRows
	aggregation  aggregationRows
	body         message.Body
}

// Write makes the message of a state, whose position is one of that stream. It is valid until the next Write.
func (w *Writer) Write(s *State, stream string) (message.Header, []byte, error) {
	w.clock.reset()
	w.destinations.reset()
	if s.Clock.Started {
		w.clock.append(s.Clock)
	}
	for i := range s.Destinations {
		w.destinations.append(&s.Destinations[i])
	}
	w.aggregation.reset()
	w.aggregation.append(&s.Aggregation, s.Routes)
	w.body.Reset()
	if err := w.body.Add(SchemaClock, w.clock.columns()); err != nil {
		return nil, nil, err
	}
	if err := w.body.Add(SchemaDestination, w.destinations.columns()); err != nil {
		return nil, nil, err
	}
	if err := w.body.Add(SchemaAggregation, w.aggregation.columns()); err != nil {
		return nil, nil, err
	}
	h := message.Header{}
	h.Set(message.Streams, w.body.Streams())
	h.Set(message.Position, message.FormatPosition(stream, s.Position))
	return h, w.body.Bytes(), nil
}

// Read reads the message of a state.
func Read(h message.Header, body []byte, stream string) (*State, error) {
	covered, err := message.ParsePosition(h.Get(message.Position))
	if err != nil {
		return nil, err
	}
	position, ok := covered[stream]
	if !ok {
		return nil, fmt.Errorf("%w: %s: no position in %s", message.ErrHeader, message.Position, stream)
	}
	parts, err := message.Parts(h, body, SchemaClock, SchemaDestination, SchemaAggregation)
	if err != nil {
		return nil, err
	}
	var clocks clockRows
	var destinations destinationRows
	var aggregations aggregationRows
	cols := map[string][]columns.Column{SchemaClock: clocks.columns(), SchemaDestination: destinations.columns(), SchemaAggregation: aggregations.columns()}
	for _, p := range parts {
		if err := p.Read(cols[p.Schema]); err != nil {
			return nil, err
		}
	}
	s := &State{Position: position}
	switch n := len(clocks.boot); n {
	case 0:
	case 1:
		s.Clock = clocks.at(0)
	default:
		return nil, fmt.Errorf("%w: %s: %d rows, want one at most", message.ErrBody, SchemaClock, n)
	}
	switch n := len(aggregations.since); n {
	case 0: // from before there were any
		s.Aggregation = Aggregation{Since: position, Empty: position}
		if n := len(clocks.now); n > 0 {
			s.Aggregation.EmptyAt = clocks.now[n-1]
		}
	case 1:
		s.Aggregation, s.Routes = aggregations.at(0)
	default:
		return nil, fmt.Errorf("%w: %s: %d rows, want one at most", message.ErrBody, SchemaAggregation, n)
	}
	for i := range destinations.name.Len() {
		s.Destinations = append(s.Destinations, destinations.at(i))
	}
	return s, nil
}
