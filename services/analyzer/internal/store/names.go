package store

import (
	"context"
	"fmt"
	"math"
	"strings"

	"netstream/schemas/monitor"
)

// names maps names to their numbers in the database. New ones are written by the transaction that first uses them.
type names[T uint16 | uint32] struct {
	ids   map[string]T
	fresh []string // in order of their ids, not yet committed
}

func (n *names[T]) id(name string, what string) (T, error) {
	if id, ok := n.ids[name]; ok {
		return id, nil
	}
	if len(n.ids) >= math.MaxUint16 {
		return 0, fmt.Errorf("%s %q: the database holds %d already, its limit", what, name, len(n.ids))
	}
	id := T(len(n.ids) + 1)
	n.ids[name] = id
	n.fresh = append(n.fresh, name)
	return id, nil
}

// SourceID is the number of a source, a new one if it has none.
func (s *Store) SourceID(name string) (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sources.id(name, "source")
}

// MonitorID is the number of a monitor, a new one if it has none. One that was changed under its name is another one.
func (s *Store) MonitorID(d monitor.Definition) (uint16, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.monitors.id(d.String(), "monitor")
}

// load reads the names in the database.
func (s *Store) load(ctx context.Context) error {
	sources, monitors, err := Names(ctx, s.landing)
	if err != nil {
		return err
	}
	s.sources.ids, s.monitors.ids = map[string]uint32{}, map[string]uint16{}
	for id, name := range sources {
		s.sources.ids[name] = id
	}
	for id, d := range monitors {
		s.monitors.ids[d.String()] = id
	}
	return nil
}

// insertNames writes the new names within the open transaction.
func (s *Store) insertNames(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.sources.fresh {
		if _, err := s.landing.ExecContext(ctx, `INSERT INTO sources VALUES (?, ?)`, s.sources.ids[name], name); err != nil {
			return err
		}
	}
	for _, definition := range s.monitors.fresh {
		name, _, _ := strings.Cut(definition, "=")
		if _, err := s.landing.ExecContext(ctx, `INSERT INTO monitors VALUES (?, ?, ?)`, s.monitors.ids[definition], name, definition); err != nil {
			return err
		}
	}
	return nil
}

// keepNames notes that the new names are committed.
func (s *Store) keepNames() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sources.fresh, s.monitors.fresh = s.sources.fresh[:0], s.monitors.fresh[:0]
}
