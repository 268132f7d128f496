package exporter

import (
	"log/slog"
	"slices"

	"netstream/schemas/monitor"
	"netstream/services/exporter/internal/encode"
)

// selection is which monitors' flows a destination gets: those named, or all.
type selection struct {
	names  []string
	log    *slog.Logger
	warned map[string]bool
	takes  encode.Monitors // of the definitions seen last
}

func newSelection(names []string, log *slog.Logger) *selection {
	return &selection{names: names, log: log, warned: map[string]bool{}}
}

// update goes over to the definitions that the monitors of the next flows count through.
func (s *selection) update(ds []monitor.Definition) {
	s.takes = s.takes[:0]
	byKind := map[monitor.Kind]string{}
	for _, d := range ds {
		takes := len(s.names) == 0 || slices.Contains(s.names, d.Name)
		s.takes = append(s.takes, takes)
		if !takes || d.Kind.Wide() {
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
}

// warn logs once.
func (s *selection) warn(about, text string, attrs ...any) {
	if !s.warned[about] {
		s.warned[about] = true
		s.log.Warn(text, attrs...)
	}
}
