package exporter

import (
	"log/slog"
	"slices"

	"netstream/schemas/monitor"
	"netstream/services/exporter/internal/encode"
)

// selection is which monitors' flows a destination gets: those named, or if none is, those of kinds ipv4 and ipv6. A packet is
// in one of these two; the other kinds count it once more.
type selection struct {
	names  []string
	log    *slog.Logger
	warned map[string]bool
}

func newSelection(names []string, log *slog.Logger) *selection {
	return &selection{names: names, log: log, warned: map[string]bool{}}
}

// of says of each monitor whether it is wanted.
func (s *selection) of(ds []monitor.Definition) []encode.Monitor {
	monitors := make([]encode.Monitor, len(ds))
	byKind := map[monitor.Kind]string{}
	for i, d := range ds {
		m := encode.Monitor{Definition: d, Wanted: slices.Contains(s.names, d.Name), Why: encode.ReasonMonitor}
		if len(s.names) == 0 {
			m.Wanted, m.Why = !d.Kind.Wide(), encode.ReasonKind
		}
		monitors[i] = m
		if !m.Wanted || d.Kind.Wide() {
			continue
		}
		if other, twice := byKind[d.Kind]; twice {
			s.warn(other+" "+d.Name, "destination gets the same packets by two monitors; name one of them in its monitors", "first", other, "second", d.Name)
		}
		byKind[d.Kind] = d.Name
	}
	for _, name := range s.names {
		if !slices.ContainsFunc(ds, func(d monitor.Definition) bool { return d.Name == name }) {
			s.warn(name, "no flows of a monitor that the destination names", "monitor", name, "monitors", monitor.Format(ds))
		}
	}
	return monitors
}

// warn logs once.
func (s *selection) warn(about, text string, attrs ...any) {
	if !s.warned[about] {
		s.warned[about] = true
		s.log.Warn(text, attrs...)
	}
}
