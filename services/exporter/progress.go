package exporter

import (
	"context"
	"sync"

	"netstream/pipeline/positions"
	"netstream/services/exporter/internal/encode"
	"netstream/services/exporter/internal/state"
)

// Tally counts flows, records, packets and bytes.
type Tally = encode.Tally

// Totals are the books of a destination since it was first configured. In flows, packets and bytes, what came from the
// flows stream behind After and up to Position is Sent + NotCarried + Unsent.
type Totals struct {
	Destination string // Destination.Name
	After       uint64 // sequence in the flows stream behind which the counting began

	Sent       Tally // handed to the network
	NotCarried Tally // what the format can't carry, and flows of monitors that the destination doesn't want
	Unsent     Tally // in datagrams that could not be sent

	Datagrams       uint64 // sent
	UnsentDatagrams uint64
	Clamped         uint64 // flows with a time more than 24.8 days behind the header, which was moved
	Interfaces      uint64 // flows with an interface index over 65535, sent as 65535 in versions 5 and 8
	WideAS          uint64 // flows with an AS number over 65535, sent as 23456 in versions 5 and 8
}

// progress is what others may know of a running exporter.
type progress struct {
	mu       sync.Mutex
	position uint64
	totals   []Totals
	moved    chan struct{} // closed when position moves
}

// Position is the sequence in the flows stream up to which all was sent and committed.
func (s *Service) Position() uint64 {
	s.progress.mu.Lock()
	defer s.progress.mu.Unlock()
	return s.progress.position
}

// positions is, for each flow shard, up to where no restart will read again: Position or, with live aggregates, what their
// checkpoints cover.
func (s *Service) positions() (out []positions.Position) {
	for shard := range s.bus.Layout.FlowShards {
		out = append(out, positions.Position{Stream: s.bus.Pipeline.FlowsStream(), Shard: shard, Sequence: s.released.Load()})
	}
	return out
}

// Totals are the books of the destinations in the order of the configuration, as of Position; none before Run has read
// where to resume.
func (s *Service) Totals() []Totals {
	s.progress.mu.Lock()
	defer s.progress.mu.Unlock()
	return append([]Totals(nil), s.progress.totals...)
}

// Wait returns when all up to a sequence in the flows stream was sent and committed, or with the error of ctx.
func (s *Service) Wait(ctx context.Context, sequence uint64) error {
	p := &s.progress
	for {
		p.mu.Lock()
		done, moved := p.position >= sequence, p.moved
		p.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// set makes a committed state known.
func (p *progress) set(s *state.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.position = s.Position
	p.totals = p.totals[:0]
	for i := range s.Destinations {
		d := &s.Destinations[i]
		t := &d.Totals
		p.totals = append(p.totals, Totals{
			Destination: d.Name, After: d.After, Sent: t.Sent, NotCarried: t.NotCarried, Unsent: t.Unsent,
			Datagrams: t.Datagrams, UnsentDatagrams: t.UnsentDatagrams, Clamped: t.Clamped, Interfaces: t.Interfaces, WideAS: t.WideAS,
		})
	}
	close(p.moved)
	p.moved = make(chan struct{})
}
