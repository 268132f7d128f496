package ager

import (
	"fmt"
	"slices"

	"netstream/schemas/message"
	"netstream/schemas/monitor"
)

// roster numbers the monitors that the updates stream brought, in the order they came. The log says what a monitor is; the
// configuration only how its flows age. It is emptied where nothing is held, since a replay may begin there.
type roster struct {
	list    []monitor.Definition
	header  string  // read last
	numbers []uint8 // of the monitors it lists
}

// maxRoster is how many monitors a shard can tell apart, former definitions included.
const maxRoster = 255

// read returns the numbers of the monitors that a message's header lists.
func (r *roster) read(h message.Header) ([]uint8, error) {
	header := h.Get(message.Monitors)
	switch header {
	case "":
		return nil, fmt.Errorf("%w: no %s", message.ErrHeader, message.Monitors)
	case r.header:
		return r.numbers, nil
	}
	list, err := monitor.ParseList(h.List(message.Monitors))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", message.ErrHeader, message.Monitors, err)
	}
	numbers := make([]uint8, len(list))
	for i, d := range list {
		if numbers[i], err = r.number(d); err != nil {
			return nil, err
		}
	}
	r.header, r.numbers = header, numbers
	return numbers, nil
}

// number is the number of a monitor, new if it hasn't come before.
func (r *roster) number(d monitor.Definition) (uint8, error) {
	if i := slices.Index(r.list, d); i >= 0 {
		return uint8(i), nil
	}
	if len(r.list) == maxRoster {
		return 0, fmt.Errorf("more than %d definitions of monitors since the sources began", maxRoster)
	}
	r.list = append(r.list, d)
	return uint8(len(r.list) - 1), nil
}

// names are those of the monitors, each once, sorted.
func (r *roster) names() []string {
	names := make([]string, len(r.list))
	for i := range r.list {
		names[i] = r.list[i].Name
	}
	slices.Sort(names)
	return slices.Compact(names)
}
