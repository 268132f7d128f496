package flowcache

import (
	"fmt"
	"log/slog"
	"slices"

	"netstream/schemas/message"
	"netstream/schemas/monitor"
)

// served is which monitors the sampler of a source had in mind: it leaves out what others need.
type served struct {
	header string // that was read last
	by     []bool // by monitor
	warned []bool // by monitor
}

// read reads the definitions in a message's header. A monitor counts as served if the sampler has its very definition.
func (s *served) read(h message.Header, source string, monitors []monitor.Definition, log *slog.Logger) error {
	header := h.Get(message.Monitors)
	switch header {
	case "":
		return fmt.Errorf("%w: no %s", message.ErrHeader, message.Monitors)
	case s.header:
		return nil
	}
	list, err := monitor.ParseList(h.List(message.Monitors))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", message.ErrHeader, message.Monitors, err)
	}
	if s.by == nil {
		s.by, s.warned = make([]bool, len(monitors)), make([]bool, len(monitors))
	}
	s.header = header
	for i, d := range monitors {
		s.by[i] = slices.Contains(list, d)
		if !s.by[i] && !s.warned[i] {
			s.warned[i] = true
			log.Warn("the sampler of this source doesn't serve a monitor; give it the same monitors and restart it",
				"source", source, "monitor", d.String(), "serves", header)
		}
	}
	return nil
}
